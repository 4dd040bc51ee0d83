"""Scoring everything again, after a changed metric, changed rules or corrected labels, and who moved and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from competition.progress import Progress, silent
from grader.leaderboard.ranking import Move, movement, public_ranking
from grader.metrics import direction
from grader.scoring.judge import Judge
from grader.scoring.record import verdict
from grader.store.records import Cause, Change, Failed, Rejected, Scored
from grader.store.store import Store


@dataclass(frozen=True, slots=True)
class Rescoring:
    """What a rescoring changed: each submission whose scoring was replaced, and how the teams moved on the board."""

    changes: tuple[Change, ...]
    moves: tuple[Move, ...]
    failed: tuple[int, ...]  # submissions that the platform could not score; their old scores stand

    def causes_of(self, team: str) -> tuple[Cause, ...]:
        """Why the scores of a team changed; empty for one that only others moved."""
        return tuple(sorted({cause for change in self.changes if change.team == team for cause in change.causes}))


def rescore(store: Store, judge: Judge, reason: str, progress: Progress = silent) -> Rescoring:
    """Judge the kept bytes of every scored or refused submission again and let the new scores count, all at once.

    Raises:
        UserError: the store cannot be written.
    """
    rules = judge.rules
    judged = [s for s in store.submissions(rules.competition) if s.status in ("scored", "invalid")]
    before = _ranking(store, judge, judge.rules.metric.label)
    verdicts: list[Scored | Rejected] = []
    failed = []
    progress("Scoring again", 0, len(judged))
    for done, submission in enumerate(judged, start=1):
        told = verdict(judge, submission.id, store.blobs.path(submission.sha256))
        if isinstance(told, Failed):
            failed.append(submission.id)
        else:
            verdicts.append(told)
        progress("Scoring again", done, len(judged))
    changes = store.rescore(verdicts, reason)
    moves = movement(before, _ranking(store, judge, rules.metric.label))
    return Rescoring(tuple(changes), tuple(moves), tuple(failed))
