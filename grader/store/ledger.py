"""The ledger: an append-only chain in which every entry carries the SHA-256 of itself and of the entry before it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.store.driver import Row, Transaction

BEFORE_THE_FIRST = "0" * 64
PAGE = 5_000  # entries read at once while replaying, so that memory does not grow with the ledger

_APPEND = """
INSERT INTO ledger (seq, at, kind, competition, payload, previous_hash, hash)
VALUES (:seq, :at, :kind, :competition, :payload, :previous_hash, :hash)
"""
_HEAD = "SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1"
_PAGE = """
SELECT seq, at, kind, competition, payload, previous_hash, hash FROM ledger
WHERE seq > :after ORDER BY seq LIMIT :page
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, before it has its place in the ledger."""

    kind: str
    competition: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the ledger; `payload` is canonical JSON."""

    seq: int
    at: str
    kind: str
    competition: str
    payload: str
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's number and hash. Written down elsewhere, it proves later that nothing before it was changed."""

    seq: int
    hash: str


def canonical(value: Any) -> str:
    """JSON text in one form: sorted keys, no spaces, no NaN."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def chained_hash(seq: int, at: str, kind: str, competition: str, payload: str, previous_hash: str) -> str:
    """The hash of an entry: SHA-256 over the canonical JSON of everything else in it.

    The payload goes in as the text it is stored as, so that no byte of it can change unseen.
    """
    content = [seq, at, kind, competition, payload, previous_hash]
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def head(transaction: Transaction) -> Head:
    """The end of the chain; entry 0 stands for an empty ledger."""
    found = transaction.rows(_HEAD)
    return Head(*found[0]) if found else Head(0, BEFORE_THE_FIRST)


def append(transaction: Transaction, at: str, events: Sequence[Event]) -> None:
    """Add events to the end of the chain, in a writing transaction."""
    last = head(transaction)
    seq, previous = last.seq, last.hash
    rows: list[Row] = []
    for event in events:
        seq += 1
        entry = (seq, at, event.kind, event.competition, canonical(event.payload), previous)
        previous = chained_hash(*entry)
        rows.append(dict(zip(Entry.__slots__, (*entry, previous), strict=True)))
    transaction.write(_APPEND, rows)


def entries(transaction: Transaction) -> Iterator[Entry]:
    """The whole ledger in order."""
    after = -(2**62)
    while page := transaction.rows(_PAGE, {"after": after, "page": PAGE}):
        yield from (Entry(*row) for row in page)
        after = page[-1][0]
