"""The store: submissions, scores, selections and runs, each change one transaction together with its ledger entry."""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from competition.errors import UserError
from grader.leaderboard.ranking import Candidate
from grader.store import ledger, projection, queries
from grader.store.blobs import Blobs
from grader.store.clock import Clock, to_text
from grader.store.driver import Database, Transaction
from grader.store.errors import DailyLimitError
from grader.store.ledger import Event, Head
from grader.store.limits import allowance
from grader.store.records import (
    Allowance,
    Arrival,
    Blob,
    Change,
    Evidence,
    Failed,
    Receipt,
    Rejected,
    Run,
    Score,
    Scored,
    Scoring,
    Submission,
    Verdict,
)

LONGEST_NAME = 200  # characters of a team's name or a request key
LONGEST_DESCRIPTION = 10_000


class Store:
    """One connection to the store. It belongs to one thread and one process: open another for each of them."""

    def __init__(self, database: Database, blobs: Blobs, now: Clock) -> None:
        self.database = database
        self.blobs = blobs
        self._now = now

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    # Handing in ------------------------------------------------------------------------------------------------

    def submit(self, arrival: Arrival, daily_limit: int | None = None) -> Receipt:
        """Take in one file; `submit_all` for one, which raises where the daily limit is used up.

        Raises:
            DailyLimitError: with the moment when the next submission is taken.
        """
        (receipt,) = self.submit_all([arrival], daily_limit)
        if receipt.submission is None:
            assert daily_limit is not None
            raise DailyLimitError(daily_limit, receipt.next_allowed)
        return receipt

    def submit_all(self, arrivals: Sequence[Arrival], daily_limit: int | None = None) -> list[Receipt]:
        """Take in files, in one transaction; when this returns, bytes and rows survive a power cut.

        An arrival that is here already (same competition, team and request key) costs nothing and is answered with
        the submission that it is, whatever has become of that by now.

        Args:
            arrivals: the files and who hands them in.
            daily_limit: submissions a team may make in any 24 hours; None takes all of them.

        Raises:
            BadInputError: a file cannot be read; none is taken in.
            UserError: a team's name cannot be used.
            StoreError: the store cannot be written.
        """
        blobs = self.blobs.keep([arrival.file for arrival in arrivals])
        rows = [_row(arrival, blob) for arrival, blob in zip(arrivals, blobs, strict=True)]
        with self.database.writing() as transaction:
            now = self._now()
            reception = _Reception(transaction, now, daily_limit)
            receipts = [reception.take(row) for row in rows]
            _write(transaction, now, reception.events)
        return receipts

    def allowance(self, competition: str, team: str, daily_limit: int) -> Allowance:
        """Where a team stands with its daily limit now."""
        now = self._now()
        with self.database.reading() as transaction:
            return allowance(queries.counted(transaction, competition, _name(team), now), daily_limit, now)

    # Judging ---------------------------------------------------------------------------------------------------

    def pending(self, competition: str | None = None) -> list[Submission]:
        """Submissions that wait for their score, oldest first: what a restart has to finish."""
        with self.database.reading() as transaction:
            return queries.submissions(transaction, competition=competition, status="received")

    def record(self, verdicts: Iterable[Verdict]) -> list[Submission]:
        """Write what became of submissions, in one transaction, and give them as they are now.

        A submission is scored once: a verdict on one that is `scored` or `invalid` already changes nothing, so two
        workers at the same submission do no harm. One that ended in `error` may be judged again.

        Raises:
            UserError: there is no such submission.
            ValueError: a score is not finite.
        """
        with self.database.writing() as transaction:
            now = self._now()
            ids = queries.next_ids(transaction, "scorings")
            judged: dict[int, Event] = {}
            asked = []
            for verdict in verdicts:
                submission = queries.submission(transaction, verdict.submission)
                asked.append(submission.id)
                if submission.status in {"received", "error"} and submission.id not in judged:
                    judged[submission.id] = _judgement(verdict, submission, ids, now, "score", 0)
            _write(transaction, now, list(judged.values()))
            return [queries.submission(transaction, identity) for identity in asked]

    def rescore(self, verdicts: Iterable[Scored | Rejected], reason: str) -> list[Change]:
        """Append new scorings and make them the ones that count, in one transaction, so that the board moves at once.

        The older scorings stay. A verdict that differs in nothing from the scoring in force appends nothing.
        Submissions that still wait for their first score are left to `record`.

        Args:
            verdicts: the new scores, or why the submission is not valid any more.
            reason: for the ledger, such as "labels of 12 images corrected".

        Returns:
            One change for each submission whose scoring was replaced.
        """
        with self.database.writing() as transaction:
            now = self._now()
            ids = queries.next_ids(transaction, "scorings")
            events, changes = [], []
            for verdict in verdicts:
                submission = queries.submission(transaction, verdict.submission)
                history = queries.scorings(transaction, submission.id)
                change = _change(verdict, submission, history)
                if submission.status == "received" or change is None:
                    continue
                event = _judgement(verdict, submission, ids, now, "rescore", len(history))
                events.append(Event(event.kind, event.competition, {**event.payload, "reason": reason}))
                changes.append(change)
            _write(transaction, now, events)
        return changes

    def record_run(self, run: Run) -> int:
        """Write down a kernel run that has ended, and give its number."""
        with self.database.writing() as transaction:
            identity = next(queries.next_ids(transaction, "runs"))
            row = {**asdict(run), "id": identity, "started_at": to_text(run.started_at), "team": _name(run.team)}
            _write(transaction, self._now(), [Event("run", run.competition, row)])
        return identity

    # Selecting -------------------------------------------------------------------------------------------------

    def select(self, competition: str, team: str, submissions: Sequence[int], final_selections: int) -> None:
        """Make these the team's final submissions, instead of any selected before; none: the best Public ones count.

        Raises:
            UserError: more than `final_selections`, or one that is not a scored submission of this team.
        """
        wanted = set(submissions)
        if len(wanted) > final_selections:
            raise UserError(f"{len(wanted)} submissions were selected; at most {final_selections} may be")
        with self.database.writing() as transaction:
            own = queries.submissions(transaction, competition=competition, team=_name(team))
            scored = {submission.id for submission in own if submission.status == "scored"}
            if wanted - scored:
                raise UserError(f"submission {min(wanted - scored)} is not a scored submission of this team")
            selected = {submission.id for submission in own if submission.selected}
            if wanted != selected:
                payload = {"deselected": sorted(selected - wanted), "selected": sorted(wanted - selected)}
                _write(transaction, self._now(), [Event("select", competition, payload)])

    # Asking ----------------------------------------------------------------------------------------------------

    def submission(self, identity: int) -> Submission:
        """One submission.

        Raises:
            UserError: there is none with this number.
        """
        with self.database.reading() as transaction:
            return queries.submission(transaction, identity)

    def submissions(self, competition: str | None = None, team: str | None = None) -> list[Submission]:
        """Submissions in the order in which they came in."""
        name = None if team is None else _name(team)
        with self.database.reading() as transaction:
            return queries.submissions(transaction, competition=competition, team=name)

    def scores(self, competition: str) -> dict[int, tuple[Score, ...]]:
        """The scores that count now, by submission."""
        with self.database.reading() as transaction:
            return queries.scores(transaction, competition)

    def scorings(self, submission: int) -> list[Scoring]:
        """Every scoring that a submission has had, oldest first."""
        with self.database.reading() as transaction:
            return queries.scorings(transaction, submission)

    def leaderboard_rows(self, competition: str, metric: str) -> list[Candidate]:
        """What `grader.leaderboard.ranking` ranks: every scored submission with its Public and Private value."""
        with self.database.reading() as transaction:
            return queries.candidates(transaction, competition, metric)

    def evidence(self, competition: str) -> dict[int, Evidence]:
        """What computed the scores that count now, by submission."""
        with self.database.reading() as transaction:
            return queries.evidence(transaction, competition)

    def runs(self, competition: str | None = None, team: str | None = None) -> list[Run]:
        """Kernel runs in the order in which they ended."""
        name = None if team is None else _name(team)
        with self.database.reading() as transaction:
            return queries.runs(transaction, competition=competition, team=name)

    def head(self) -> Head:
        """The end of the ledger; noted down elsewhere it is the anchor of `grader.store.verify.verify`."""
        with self.database.reading() as transaction:
            return ledger.head(transaction)


class _Reception:
    """Takes in rows one after the other within a transaction and counts what each team has used up."""

    def __init__(self, transaction: Transaction, now: datetime, daily_limit: int | None) -> None:
        self.events: list[Event] = []
        self._transaction = transaction
        self._now = now
        self._limit = daily_limit
        self._ids = queries.next_ids(transaction, "submissions")
        self._taken: dict[tuple[str, str, str], Submission] = {}
        self._used: dict[tuple[str, str], list[datetime]] = {}

    def take(self, row: Mapping[str, Any]) -> Receipt:
        key = (row["competition"], row["team"], row["request_key"])
        known = self._taken.get(key) or queries.find(self._transaction, *key)
        if known is not None:
            return Receipt(known, is_new=False)
        if self._limit is not None:
            used = self._used_by(row["competition"], row["team"])
            standing = allowance(used, self._limit, self._now)
            if standing.remaining == 0:
                return Receipt(None, is_new=False, next_allowed=standing.next_allowed)
            used.append(self._now)
        return Receipt(self._enter(key, row), is_new=True)

    def _used_by(self, competition: str, team: str) -> list[datetime]:
        if (competition, team) not in self._used:
            self._used[competition, team] = queries.counted(self._transaction, competition, team, self._now)
        return self._used[competition, team]

    def _enter(self, key: tuple[str, str, str], row: Mapping[str, Any]) -> Submission:
        identity = next(self._ids)
        payload = {"id": identity, **row, "received_at": to_text(self._now)}
        self.events.append(Event("receive", row["competition"], payload))
        submission = Submission(
            id=identity, received_at=self._now, status="received", problems="", scoring=None, selected=False, **row
        )
        self._taken[key] = submission
        return submission


def _write(transaction: Transaction, now: datetime, events: Sequence[Event]) -> None:
    """The one way in which anything changes: entries in the ledger and, in the same transaction, what they say."""
    ledger.append(transaction, to_text(now), events)
    projection.apply(transaction, events)


def _judgement(
    verdict: Verdict, submission: Submission, ids: Iterator[int], now: datetime, kind: str, revision: int
) -> Event:
    if not isinstance(verdict, Scored):
        refusal = "fail" if isinstance(verdict, Failed) else "reject"
        payload = {"submission": submission.id, "problems": _clean(verdict.problems)}
        return Event(refusal, submission.competition, payload)
    scoring = {
        "id": next(ids),
        "submission": submission.id,
        "revision": revision,
        "scored_at": to_text(now),
        "submission_sha256": submission.sha256,
        **asdict(verdict.evidence),
    }
    payload = {"scoring": scoring, "scores": [_score_row(score) for score in verdict.scores]}
    return Event(kind, submission.competition, payload)


def _score_row(score: Score) -> dict[str, str | None]:
    numbers = [number for number in (score.value, score.standard_error) if number is not None]
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"the score {score.metric} on {score.split} is not finite")
    error = None if score.standard_error is None else repr(float(score.standard_error))
    return {
        "split": score.split,
        "metric": score.metric,
        "value": repr(float(score.value)),
        "standard_error": error,
    }


def _change(verdict: Scored | Rejected, submission: Submission, history: Sequence[Scoring]) -> Change | None:
    """What a new verdict changes about a submission; None where it says what is in force already."""
    last = history[-1] if history else None
    before = last.scores if last and submission.scoring is not None else ()
    if isinstance(verdict, Rejected):
        same = submission.status == "invalid" and submission.problems == _clean(verdict.problems)
        return None if same else Change(submission.id, submission.team, before, (), ())
    causes = verdict.evidence.causes_since(last.evidence) if last else ()
    after = tuple(sorted(verdict.scores, key=lambda score: (score.split, score.metric)))
    if submission.scoring is not None and after == before and not causes:
        return None
    return Change(submission.id, submission.team, before, after, causes)


def _row(arrival: Arrival, blob: Blob) -> dict[str, Any]:
    """An arrival as a row, in the order of the table's columns."""
    return {
        "competition": arrival.competition,
        "team": _name(arrival.team),
        "request_key": _name(arrival.request_key or blob.sha256, "a request key"),
        "file_name": _clean(arrival.file_name or Path(arrival.file).name),
        "sha256": blob.sha256,
        "bytes": blob.bytes,
        "description": _clean(arrival.description)[:LONGEST_DESCRIPTION],
    }


def _clean(text: str) -> str:
    r"""Text that every database keeps: NFC, undecodable bytes of a file name as `\xb1`, no control characters."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    composed = unicodedata.normalize("NFC", decoded)  # macOS writes Korean file names taken apart
    return "".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in composed)


def _name(text: str, what: str = "a team's name") -> str:
    """A name as it is kept and compared.

    Raises:
        UserError: it is empty, too long, or holds signs that cannot be seen.
    """
    name = unicodedata.normalize("NFC", text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise UserError(f"{what} must have 1 to {LONGEST_NAME} visible characters")
    return name.strip()
