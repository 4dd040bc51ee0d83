"""What each kind of ledger entry does to the tables: used once to write them, and again to verify them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grader.store.driver import Row, Transaction
from grader.store.ledger import Event, canonical
from grader.store.records import Run, Submission

PRIMARY_KEYS: Mapping[str, tuple[str, ...]] = {
    "submissions": ("id",),
    "scorings": ("id",),
    "scores": ("scoring", "split", "metric"),
    "runs": ("id",),
}
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "submissions": Submission.__slots__,
    "scorings": (
        *("id", "submission", "revision", "scored_at"),
        *("submission_sha256", "solution_sha256", "rules_sha256", "metric_sha256", "versions"),
    ),
    "scores": ("scoring", "split", "metric", "value", "standard_error"),
    "runs": Run.__slots__,
}


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row."""

    table: str
    row: Row


@dataclass(frozen=True, slots=True)
class Update:
    """New values for some columns of the row with this id."""

    table: str
    id: int
    changes: Row


Effect = Insert | Update
Payload = Mapping[str, Any]


def effects(kind: str, payload: Payload) -> Iterator[Effect]:
    """What an entry of this kind does, in order.

    Raises:
        KeyError: the kind is unknown, or the payload lacks something.
    """
    return _EFFECTS[kind](payload)


def apply(transaction: Transaction, events: Iterable[Event]) -> None:
    """Carry out events of one mutation, each statement once for all rows it concerns.

    Statements run in the order in which they first occur, so the events must not depend on one another.
    """
    batches: dict[str, list[Row]] = {}
    for event in events:
        for effect in effects(event.kind, event.payload):
            sql, row = _statement(effect)
            batches.setdefault(sql, []).append(row)
    for sql, rows in batches.items():
        transaction.write(sql, rows)


def _statement(effect: Effect) -> tuple[str, Row]:
    if isinstance(effect, Insert):
        columns = ", ".join(effect.row)
        values = ", ".join(f":{column}" for column in effect.row)
        return f"INSERT INTO {effect.table} ({columns}) VALUES ({values})", effect.row
    changes = ", ".join(f"{column} = :{column}" for column in effect.changes)
    return f"UPDATE {effect.table} SET {changes} WHERE id = :id", {**effect.changes, "id": effect.id}


def _receive(payload: Payload) -> Iterator[Effect]:
    yield Insert("submissions", {**payload, "status": "received", "problems": "", "scoring": None, "selected": 0})


def _score(payload: Payload) -> Iterator[Effect]:
    scoring = payload["scoring"]
    yield Insert("scorings", {**scoring, "versions": canonical(scoring["versions"])})
    for score in payload["scores"]:
        yield Insert("scores", {"scoring": scoring["id"], **score})
    yield Update("submissions", scoring["submission"], {"status": "scored", "problems": "", "scoring": scoring["id"]})


def _reject(payload: Payload) -> Iterator[Effect]:
    yield Update(
        "submissions",
        payload["submission"],
        {"status": "invalid", "problems": payload["problems"], "scoring": None},
    )


def _fail(payload: Payload) -> Iterator[Effect]:
    yield Update(
        "submissions", payload["submission"], {"status": "error", "problems": payload["problems"], "scoring": None}
    )


def _select(payload: Payload) -> Iterator[Effect]:
    for submission in payload["deselected"]:
        yield Update("submissions", submission, {"selected": 0})
    for submission in payload["selected"]:
        yield Update("submissions", submission, {"selected": 1})


def _run(payload: Payload) -> Iterator[Effect]:
    yield Insert("runs", payload)


_EFFECTS: Mapping[str, Callable[[Payload], Iterator[Effect]]] = {
    "receive": _receive,
    "score": _score,
    "rescore": _score,
    "reject": _reject,
    "fail": _fail,
    "select": _select,
    "run": _run,
}
