"""Handing in one file: its bytes are safe first, then it is judged, then the verdict is written down."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from competition.errors import BadInputError
from competition.rules import RULES_FILE, Rules
from grader.metrics import BrokenMetricError, MetricError
from grader.scoring.judge import Judge
from grader.store.records import Arrival, Failed, Rejected, Score, Scored, Submission
from grader.store.store import Store
from grader.submission.problems import Problem

SUFFIXES = (".csv.gz", ".csv", ".zip", ".parquet")


@dataclass(frozen=True, slots=True)
class Handed:
    """A submission and what became of it; `is_new` is False where it had been handed in before."""

    submission: Submission
    scores: tuple[Score, ...]
    problems: tuple[Problem, ...]
    is_new: bool


def hand_in(store: Store, judge: Judge, file: Path, team: str, daily_limit: int | None = None) -> Handed:
    """Hand in a file for a team, judge the bytes that were kept, and record the verdict.

    A file that the team handed in before is not judged again: its submission is returned as it stands. One that was
    received by a process that died before judging it is judged now.

    Raises:
        DailyLimitError: the team has used up its submissions of the last 24 hours.
        BadInputError: the file is too large to be kept.
        UserError: the file cannot be read, or the team's name cannot be used.
    """
    refuse_oversize(file, judge.rules)
    keep_rules(store, judge)
    arrival = Arrival(judge.rules.competition, team, file)
    receipt = store.submit(arrival, daily_limit)
    assert receipt.submission is not None
    submission = receipt.submission
    if submission.status in ("received", "error"):
        (submission,) = store.record([verdict(judge, submission.id, store.blobs.path(submission.sha256))])
    return handed(store, submission, is_new=receipt.is_new)


def refuse_oversize(file: Path, rules: Rules) -> None:
    """Refuse a file larger than the rules allow before a copy of it is kept.

    Raises:
        BadInputError: it is too large.
    """
    size = file.stat().st_size
    if size > rules.max_bytes:
        raise BadInputError(f"{file}: {size:,} bytes, but a submission may have {rules.max_bytes:,}")


def keep_rules(store: Store, judge: Judge) -> None:
    """Keep the rules in force beside the submissions: the ledger names them by their hash in every score."""
    if not store.blobs.path(judge.evidence.rules_sha256).is_file():
        store.blobs.keep([judge.vault / RULES_FILE])


def verdict(judge: Judge, submission: int, file: Path) -> Scored | Rejected | Failed:
    """What the judge says of a submission's bytes, as the store records it."""
    try:
        judgement = judge.judge(file)
    except BrokenMetricError as error:
        return Failed(submission, problems_text([Problem("platform", str(error))]))
    except MetricError as error:
        return Rejected(submission, problems_text([Problem("metric", str(error))]))
    if judgement.problems:
        return Rejected(submission, problems_text(judgement.problems))
    return Scored(submission, judgement.scores, judge.evidence)


def handed(store: Store, submission: Submission, *, is_new: bool) -> Handed:
    """A submission with its scores and problems as they stand in the store."""
    scores = store.scorings(submission.id)[-1].scores if submission.status == "scored" else ()
    return Handed(submission, scores, problems_of(submission), is_new)


def problems_text(problems: Sequence[Problem]) -> str:
    """Problems as the store keeps them: JSON."""
    return json.dumps([problem.to_json() for problem in problems], ensure_ascii=False)


def problems_of(submission: Submission) -> tuple[Problem, ...]:
    """The problems that the store keeps of a submission."""
    told = json.loads(submission.problems or "[]")
    return tuple(Problem(**{**problem, "ids": tuple(problem["ids"])}) for problem in told)


def team_of(file: Path) -> str:
    """Whose file this is: `alice.csv` is alice's, `alice/submission.csv` too."""
    name = file.name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    return file.resolve().parent.name if name == "submission" else name
