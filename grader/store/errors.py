"""What can go wrong with the store, told in one plain line."""

from datetime import datetime, timedelta

from competition.errors import UserError


class StoreError(UserError):
    """The store cannot be opened, read or written; the message says where it lies and what to do."""


class DailyLimitError(UserError):
    """A team has used up its submissions of the last 24 hours; `next_allowed` is when a slot frees (UTC)."""

    def __init__(self, limit: int, next_allowed: datetime | None) -> None:
        self.limit = limit
        self.next_allowed = next_allowed
        super().__init__(f"the daily limit of {limit} submissions is used up; {_when(next_allowed)}")


def _when(next_allowed: datetime | None) -> str:
    if next_allowed is None:
        return "this competition takes no submissions"
    # Rounded up: at the second that is printed a submission is surely taken.
    shown = (next_allowed + timedelta(microseconds=999_999)).replace(microsecond=0)
    return f"the next one is taken from {shown:%Y-%m-%d %H:%M:%S} UTC"
