"""From the store to a board: everything a board says of a competition, read in one go."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from competition.rules import Rules
from grader.leaderboard.assemble import Facts, Measurement, assemble
from grader.leaderboard.board import Bilingual, Board, FailedSubmission
from grader.leaderboard.ranking import Split
from grader.metrics import direction
from grader.scoring.record import problems_of
from grader.store.records import Run, Submission
from grader.store.store import Store

SAMPLE = "sample_submission"  # the team whose entry stands for no idea at all: in its place, but without a rank


def gather_board(store: Store, rules: Rules, counts: Mapping[str, int], split: Split, generated: datetime) -> Board:
    """The board of a competition as the store has it.

    Args:
        store: an open store.
        rules: of the competition.
        counts: of the bundle's manifest: rows of `test` and, among them, `public` ones.
        split: `Public`, or `Private` once the competition is closed.
        generated: the moment the board stands for (UTC).
    """
    submissions = store.submissions(rules.competition)
    return assemble(
        rules,
        Facts(
            title=Bilingual(ko=rules.title_ko or rules.title, en=rules.title),
            direction=direction(rules.metric),
            generated=generated,
            split_rows=_split_rows(counts, split),
            test_rows=counts.get("test"),
        ),
        split,
        store.leaderboard_rows(rules.competition, rules.metric.label),
        measured=_measurements(store, rules, submissions, split),
        failed=[_failure(submission) for submission in submissions if submission.status in ("invalid", "error")],
        baselines=(SAMPLE,),
    )


def _split_rows(counts: Mapping[str, int], split: Split) -> int | None:
    if "public" not in counts:
        return None
    return counts["public"] if split == "Public" else counts["test"] - counts["public"]


def _measurements(
    store: Store, rules: Rules, submissions: Sequence[Submission], split: Split
) -> dict[int, Measurement]:
    """The error bar of each submission's score, and the wall clock of the run that made it."""
    errors = {
        submission: score.standard_error
        for submission, scores in store.scores(rules.competition).items()
        for score in scores
        if (score.split, score.metric) == (split, rules.metric.label)
    }
    runs = store.runs(rules.competition)
    return {
        submission.id: Measurement(errors.get(submission.id), run_seconds=_run_seconds(submission, runs))
        for submission in submissions
    }


def _run_seconds(submission: Submission, runs: Sequence[Run]) -> float | None:
    """The wall clock of the team's last finished run before it handed in."""
    seconds = [
        run.elapsed_seconds
        for run in runs
        if run.team == submission.team and run.status == "finished" and run.started_at < submission.received_at
    ]
    return seconds[-1] if seconds else None


def _failure(submission: Submission) -> FailedSubmission:
    problems = problems_of(submission)
    reason = problems[0].message if problems else "the platform could not score it"
    return FailedSubmission(submission.team, submission.received_at, reason)
