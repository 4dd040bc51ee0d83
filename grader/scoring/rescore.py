"""Scoring everything again, after a changed metric, changed rules or corrected labels, and who moved and why."""

from collections import Counter
from dataclasses import dataclass

from competition.progress import Progress, silent
from competition.rules import Rules, load_rules
from grader.leaderboard.ranking import Move, Ranking, movement, public_ranking
from grader.metrics import direction
from grader.scoring.judge import Judge
from grader.scoring.record import keep_rules, verdict
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
    keep_rules(store, judge)
    judged = [s for s in store.submissions(rules.competition) if s.status in ("scored", "invalid")]
    before = _ranking(store, _rules_until_now(store, judge))
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
    moves = movement(before, _ranking(store, rules))
    return Rescoring(tuple(changes), tuple(moves), tuple(failed))


def _ranking(store: Store, rules: Rules) -> Ranking:
    return public_ranking(store.leaderboard_rows(rules.competition, rules.metric.label), direction(rules.metric))


def _rules_until_now(store: Store, judge: Judge) -> Rules:
    """The rules that most scores in force were made by, where they are not today's: their metric ranked the board."""
    used = Counter(evidence.rules_sha256 for evidence in store.evidence(judge.rules.competition).values())
    for sha256, _ in used.most_common():
        kept = store.blobs.path(sha256)
        if sha256 != judge.evidence.rules_sha256 and kept.is_file():
            return load_rules(kept)
    return judge.rules
