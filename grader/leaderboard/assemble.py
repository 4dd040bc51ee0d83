"""From scored submissions to a board: ranks, baselines in their place, movement and history."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from competition.rules import Rules
from grader.leaderboard.board import Attempt, Bilingual, Board, BoardRow, FailedSubmission
from grader.leaderboard.ranking import Candidate, Direction, Entry, Ranking, Split, final_ranking, public_ranking


@dataclass(frozen=True, slots=True)
class Measurement:
    """What is known of a submission's score on the board's split besides its value."""

    standard_error: float | None = None
    interval: tuple[float, float] | None = None  # 95 %
    run_seconds: float | None = None  # wall clock of the kernel run that made it


@dataclass(frozen=True, slots=True)
class Facts:
    """What a board says about its competition beyond the rules."""

    title: Bilingual
    direction: Direction
    generated: datetime  # UTC
    split_rows: int | None = None
    test_rows: int | None = None


def assemble(
    rules: Rules,
    facts: Facts,
    split: Split,
    candidates: Sequence[Candidate],
    *,
    measured: Mapping[int, Measurement] | None = None,
    failed: Iterable[FailedSubmission] = (),
    baselines: Collection[str] = (),
) -> Board:
    """The board of a split.

    Args:
        rules: of the competition.
        facts: what else the board says of it.
        split: `Public`, or `Private` once the competition is closed.
        candidates: every scored submission.
        measured: by submission, on the same split.
        failed: submissions without a score.
        baselines: teams that stand in their place without a rank.
    """
    known = measured or {}
    public = public_ranking(candidates, facts.direction)
    private = final_ranking(candidates, facts.direction, rules.final_selections) if split == "Private" else None
    return Board(
        competition=rules.competition,
        title=facts.title,
        metric=rules.metric.label,
        direction=facts.direction,
        split=split,
        generated=facts.generated,
        rows=_rows(private or public, candidates, known, baselines, _ranks(public, baselines) if private else None),
        failed=tuple(sorted(failed, key=lambda one: one.submitted, reverse=True)),
        history=_history(candidates, split, known),
        budget_seconds=rules.budget_seconds,
        split_rows=facts.split_rows,
        test_rows=facts.test_rows,
    )


def _rows(
    ranking: Ranking,
    candidates: Iterable[Candidate],
    measured: Mapping[int, Measurement],
    baselines: Collection[str],
    ranks_before: Mapping[str, int] | None,
) -> tuple[BoardRow, ...]:
    last: dict[str, datetime] = {}
    for one in candidates:
        last[one.team] = max(one.submitted_at, last.get(one.team, one.submitted_at))
    ranks = _ranks(ranking, baselines)

    def row(entry: Entry) -> BoardRow:
        rank, seen = ranks.get(entry.team), measured.get(entry.submission, Measurement())
        before = ranks_before.get(entry.team) if ranks_before else None
        return BoardRow(
            rank=rank,
            team=entry.team,
            score=entry.score,
            submissions=entry.submissions,
            last_submission=last[entry.team],
            standard_error=seen.standard_error,
            interval=seen.interval,
            run_seconds=seen.run_seconds,
            movement=before - rank if before is not None and rank is not None else None,
            baseline=entry.team in baselines,
        )

    return tuple(row(entry) for entry in ranking.entries)


def _ranks(ranking: Ranking, baselines: Collection[str]) -> dict[str, int]:
    """Ranks of the teams when baselines take none."""
    teams = [entry.team for entry in ranking.entries if entry.team not in baselines]
    return {team: rank for rank, team in enumerate(teams, start=1)}


def _history(candidates: Iterable[Candidate], split: Split, measured: Mapping[int, Measurement]) -> tuple[Attempt, ...]:
    attempts = (
        Attempt(one.team, one.submitted_at, score, measured.get(one.submission, Measurement()).run_seconds)
        for one in candidates
        if (score := one.public if split == "Public" else one.private) is not None and isfinite(score)
    )
    return tuple(sorted(attempts, key=lambda attempt: (attempt.submitted, attempt.team)))
