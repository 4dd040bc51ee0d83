"""The store's questions, as SQL that both databases understand; each function asks within a given transaction."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from itertools import count
from typing import Any, Literal

from competition.errors import UserError
from grader.leaderboard.ranking import Candidate
from grader.store.clock import from_text, to_text
from grader.store.driver import Transaction
from grader.store.limits import WINDOW
from grader.store.records import Evidence, Run, Score, Scoring, Status, Submission

SUBMISSION_COLUMNS = ", ".join(column.name for column in fields(Submission))
RUN_COLUMNS = ", ".join(column.name for column in fields(Run))


def next_ids(transaction: Transaction, table: Literal["submissions", "scorings", "runs"]) -> Iterator[int]:
    """The numbers that new rows get; writers queue up, so nobody else takes them meanwhile."""
    ((last,),) = transaction.rows(f"SELECT COALESCE(MAX(id), 0) FROM {table}")
    return count(last + 1)


def submission(transaction: Transaction, identity: int) -> Submission:
    """One submission.

    Raises:
        UserError: there is none with this number.
    """
    rows = transaction.rows(f"SELECT {SUBMISSION_COLUMNS} FROM submissions WHERE id = :id", {"id": identity})
    if not rows:
        raise UserError(f"there is no submission {identity}")
    return _submission(rows[0])


def find(transaction: Transaction, competition: str, team: str, request_key: str) -> Submission | None:
    """The submission that a team made with this request key."""
    rows = transaction.rows(
        f"SELECT {SUBMISSION_COLUMNS} FROM submissions "
        "WHERE competition = :competition AND team = :team AND request_key = :request_key",
        {"competition": competition, "team": team, "request_key": request_key},
    )
    return _submission(rows[0]) if rows else None


def submissions(
    transaction: Transaction,
    competition: str | None = None,
    team: str | None = None,
    status: Status | None = None,
) -> list[Submission]:
    """Submissions that match everything given, in the order in which they came in."""
    where, parameters = _matching(competition=competition, team=team, status=status)
    rows = transaction.rows(f"SELECT {SUBMISSION_COLUMNS} FROM submissions{where} ORDER BY id", parameters)
    return [_submission(row) for row in rows]


def counted(transaction: Transaction, competition: str, team: str, now: datetime) -> list[datetime]:
    """When the team's submissions of the last 24 hours came in that count: neither invalid nor a platform's fault."""
    rows = transaction.rows(
        "SELECT received_at FROM submissions WHERE competition = :competition AND team = :team "
        "AND received_at > :since AND status IN ('received', 'scored')",
        {"competition": competition, "team": team, "since": to_text(now - WINDOW)},
    )
    return [from_text(received_at) for (received_at,) in rows]


def scores(transaction: Transaction, competition: str) -> dict[int, tuple[Score, ...]]:
    """The scores that count now, by submission."""
    found: dict[int, list[Score]] = defaultdict(list)
    for identity, *score in transaction.rows(
        "SELECT s.id, c.split, c.metric, c.value, c.standard_error FROM submissions s "
        "JOIN scores c ON c.scoring = s.scoring WHERE s.competition = :competition "
        "ORDER BY s.id, c.split, c.metric",
        {"competition": competition},
    ):
        found[identity].append(_score(*score))
    return {identity: tuple(found_scores) for identity, found_scores in found.items()}


def scorings(transaction: Transaction, submission: int) -> list[Scoring]:
    """Every scoring that a submission has had, oldest first."""
    parameters = {"submission": submission}
    found: dict[int, list[Score]] = defaultdict(list)
    for scoring, *score in transaction.rows(
        "SELECT c.scoring, c.split, c.metric, c.value, c.standard_error FROM scores c "
        "JOIN scorings g ON g.id = c.scoring WHERE g.submission = :submission ORDER BY c.split, c.metric",
        parameters,
    ):
        found[scoring].append(_score(*score))
    rows = transaction.rows(
        "SELECT id, submission, revision, scored_at, solution_sha256, rules_sha256, metric_sha256, versions "
        "FROM scorings WHERE submission = :submission ORDER BY revision",
        parameters,
    )
    return [
        Scoring(identity, scored, revision, from_text(at), _evidence(*evidence), tuple(found[identity]))
        for identity, scored, revision, at, *evidence in rows
    ]


def candidates(transaction: Transaction, competition: str, metric: str) -> list[Candidate]:
    """Every scored submission with its Public and Private value of a metric."""
    rows = transaction.rows(
        "SELECT s.id, s.team, s.received_at, public.value, private.value, s.selected FROM submissions s "
        "LEFT JOIN scores public ON public.scoring = s.scoring AND public.split = 'Public' AND public.metric = :metric "
        "LEFT JOIN scores private ON private.scoring = s.scoring AND private.split = 'Private' "
        "AND private.metric = :metric "
        "WHERE s.competition = :competition AND s.status = 'scored' ORDER BY s.id",
        {"competition": competition, "metric": metric},
    )
    return [
        Candidate(identity, team, from_text(at), _number(public), _number(private), bool(selected))
        for identity, team, at, public, private, selected in rows
    ]


def evidence(transaction: Transaction, competition: str) -> dict[int, Evidence]:
    """What computed the scores that count now, by submission."""
    rows = transaction.rows(
        "SELECT s.id, g.solution_sha256, g.rules_sha256, g.metric_sha256, g.versions FROM submissions s "
        "JOIN scorings g ON g.id = s.scoring WHERE s.competition = :competition ORDER BY s.id",
        {"competition": competition},
    )
    return {identity: _evidence(*found) for identity, *found in rows}


def runs(transaction: Transaction, competition: str | None = None, team: str | None = None) -> list[Run]:
    """Kernel runs that match everything given, in the order in which they ended."""
    where, parameters = _matching(competition=competition, team=team)
    return [
        Run(**{**row, "started_at": from_text(row["started_at"])})
        for row in (
            dict(zip(RUN_COLUMNS.split(", "), values, strict=True))
            for values in transaction.rows(f"SELECT {RUN_COLUMNS} FROM runs{where} ORDER BY id", parameters)
        )
    ]


def _matching(**wanted: str | None) -> tuple[str, dict[str, str]]:
    """A WHERE clause for the columns that have a wanted value."""
    given = {column: value for column, value in wanted.items() if value is not None}
    conditions = " AND ".join(f"{column} = :{column}" for column in given)
    return (f" WHERE {conditions}" if conditions else ""), given


def _submission(row: tuple[Any, ...]) -> Submission:
    found = dict(zip(Submission.__slots__, row, strict=True))
    return Submission(**{**found, "received_at": from_text(found["received_at"]), "selected": bool(found["selected"])})


def _score(split: str, metric: str, value: str, standard_error: str | None) -> Score:
    return Score(split, metric, float(value), _number(standard_error))


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _evidence(solution_sha256: str, rules_sha256: str, metric_sha256: str, versions: str) -> Evidence:
    return Evidence(solution_sha256, rules_sha256, metric_sha256, json.loads(versions))
