"""The daily limit: how many submissions of a team fall into the last 24 hours, and when the next one is taken."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from grader.store.records import Allowance

WINDOW = timedelta(hours=24)


def allowance(received: Iterable[datetime], limit: int, now: datetime) -> Allowance:
    """Where a team stands at `now`.

    Args:
        received: when the team's submissions came in that count: scored ones and those waiting for their score.
        limit: submissions in any 24 hours; a submission stops counting exactly 24 hours after it came in.
        now: the present moment.
    """
    counted = sorted((moment for moment in received if moment > now - WINDOW), reverse=True)
    if len(counted) < limit or limit < 1:
        return Allowance(limit, len(counted), None)
    return Allowance(limit, len(counted), counted[limit - 1] + WINDOW)
