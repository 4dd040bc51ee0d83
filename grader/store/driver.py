"""What a database must offer the store: transactions that run portable SQL. One driver a database implements it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Value = str | int | float | None
Row = Mapping[str, Value]

NO_PARAMETERS: Mapping[str, Value] = {}


class Transaction(Protocol):
    """One open transaction; SQL is portable text with `:named` parameters."""

    def rows(self, sql: str, parameters: Row = NO_PARAMETERS) -> list[tuple[Any, ...]]:
        """All rows of a query."""

    def write(self, sql: str, rows: Sequence[Row]) -> None:
        """Run one statement for each of the rows."""


class Database(Protocol):
    """A driver. It belongs to one thread; leaving a transaction with an exception undoes it."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that sees one unchanging state."""

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction that no other writer runs beside, so that reading and then writing is exact."""

    def revision(self) -> str | None:
        """The schema revision found; None where there is no schema yet."""

    def upgrade(self) -> None:
        """Bring the schema to the newest revision; safe when several processes do it at once."""

    def close(self) -> None:
        """Let go of the connection."""
