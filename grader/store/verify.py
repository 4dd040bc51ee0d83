"""Replay the ledger and compare it with everything the store holds: `grader verify`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grader.store import ledger
from grader.store.driver import Transaction, Value
from grader.store.ledger import Entry, Head
from grader.store.projection import COLUMNS, PRIMARY_KEYS, Insert, Update, effects
from grader.store.records import Blob
from grader.store.store import Store

Key = tuple[Value, ...]


@dataclass(slots=True)
class ExpectedRow:
    """A row as the ledger says it must be, and the entry that wrote each of its columns."""

    values: dict[str, Value]
    entries: dict[str, int]


Tables = Mapping[str, dict[Key, ExpectedRow]]


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, and the faults found, the first one first; none: everything is as the ledger says.

    A broken chain is told alone, since what follows from a changed ledger means nothing.
    """

    entries: int
    rows: int
    blobs: int
    head: Head
    faults: tuple[str, ...]


class _BrokenChainError(Exception):
    """The ledger itself is not what was written."""


def verify(store: Store, anchor: Head | None = None) -> Verification:
    """Check the chain, every row against its ledger entry, and every submission's bytes against their SHA-256.

    Args:
        store: an open store; it may be in use meanwhile.
        anchor: a ledger head noted down earlier (`Store.head`): only with it does a ledger that was cut off at the
            end, or forged from some entry on with all hashes made anew, come to light.
    """
    tables: Tables = {table: {} for table in PRIMARY_KEYS}
    with store.database.reading() as transaction:
        head = ledger.head(transaction)
        try:
            _replay(transaction, tables, anchor)
        except _BrokenChainError as broken:
            return Verification(0, 0, 0, head, (str(broken),))
        row_faults = list(_compare(transaction, tables))
    blobs = _blobs(tables)
    blob_faults = [
        f"submission {submission}: its file is {fault} ({store.blobs.path(blob.sha256)})"
        for submission, blob in blobs.items()
        if (fault := store.blobs.fault(blob))
    ]
    rows = sum(len(table) for table in tables.values())
    return Verification(head.seq, rows, len(blobs), head, (*row_faults, *blob_faults))


def _replay(transaction: Transaction, tables: Tables, anchor: Head | None) -> None:
    """Walk the chain and build the rows that it tells of."""
    last = Head(0, ledger.BEFORE_THE_FIRST)
    for entry in ledger.entries(transaction):
        _check_link(last, entry)
        last = Head(entry.seq, entry.hash)
        if anchor and anchor.seq == entry.seq and anchor.hash != entry.hash:
            raise _BrokenChainError(f"ledger entry {entry.seq}: it is not the one noted down in the anchor")
        _carry_out(entry, tables)
    if anchor and last.seq < anchor.seq:
        raise _BrokenChainError(f"ledger entry {last.seq + 1} is missing; the anchor knows {anchor.seq} entries")


def _check_link(last: Head, entry: Entry) -> None:
    if entry.seq != last.seq + 1:
        missing = last.seq + 1 if entry.seq > last.seq else entry.seq
        raise _BrokenChainError(f"ledger entry {missing} is {'missing' if entry.seq > last.seq else 'out of place'}")
    content = (entry.seq, entry.at, entry.kind, entry.competition, entry.payload, entry.previous_hash)
    if entry.previous_hash != last.hash or entry.hash != _hash_or_none(*content):
        raise _BrokenChainError(f"ledger entry {entry.seq} was edited")


def _hash_or_none(*content: Any) -> str | None:
    try:
        return ledger.chained_hash(*content)
    except (TypeError, ValueError):  # an edit has put in something that is no text
        return None


def _carry_out(entry: Entry, tables: Tables) -> None:
    """Do to the expected rows what the entry did to the tables."""
    try:
        for effect in effects(entry.kind, json.loads(entry.payload)):
            if isinstance(effect, Insert):
                _insert(effect, entry.seq, tables[effect.table])
            else:
                _update(effect, entry.seq, tables[effect.table])
    except (KeyError, TypeError, ValueError):
        raise _BrokenChainError(
            f"ledger entry {entry.seq} does not follow from the ones before it, or is of a newer grader"
        ) from None


def _insert(effect: Insert, seq: int, table: dict[Key, ExpectedRow]) -> None:
    key = tuple(effect.row[column] for column in PRIMARY_KEYS[effect.table])
    if key in table:
        raise KeyError(key)
    table[key] = ExpectedRow(dict(effect.row), dict.fromkeys(effect.row, seq))


def _update(effect: Update, seq: int, table: dict[Key, ExpectedRow]) -> None:
    row = table[(effect.id,)]
    row.values.update(effect.changes)
    row.entries.update(dict.fromkeys(effect.changes, seq))


def _compare(transaction: Transaction, tables: Tables) -> Iterator[str]:
    for name, expected in tables.items():
        yield from _compare_table(transaction, name, expected)


def _compare_table(transaction: Transaction, name: str, expected: dict[Key, ExpectedRow]) -> Iterator[str]:
    """The faults of one table: rows that were edited or added, then rows that are missing."""
    key_columns = PRIMARY_KEYS[name]
    missing = dict(expected)
    order = ", ".join(key_columns)
    for values in transaction.rows(f"SELECT {', '.join(COLUMNS[name])} FROM {name} ORDER BY {order}"):
        row = dict(zip(COLUMNS[name], values, strict=True))
        key = tuple(row[column] for column in key_columns)
        title = _title(name, key)
        if missing.pop(key, None) is None:
            yield f"{title} was added by hand: no ledger entry tells of it"
        else:
            yield from _edits(title, row, expected[key])
    for key, lost in missing.items():
        yield f"{_title(name, key)} is missing; ledger entry {min(lost.entries.values())} tells of it"


def _edits(title: str, row: Mapping[str, Value], expected: ExpectedRow) -> Iterator[str]:
    for column, value in row.items():
        if value != expected.values[column]:
            yield f"{title} was edited: `{column}` is not what ledger entry {expected.entries[column]} says"


def _title(name: str, key: Key) -> str:
    return f"table {name}, row {'/'.join(map(str, key))}"


def _blobs(tables: Tables) -> dict[int, Blob]:
    """The bytes that the ledger knows of, each under the first submission that brought them."""
    first: dict[Blob, int] = {}
    for (submission,), row in tables["submissions"].items():
        first.setdefault(Blob(str(row.values["sha256"]), int(row.values["bytes"] or 0)), int(submission or 0))
    return {submission: blob for blob, submission in first.items()}
