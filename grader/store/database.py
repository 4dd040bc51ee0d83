"""The two databases behind one small door: what a driver offers, and the choice between them by URL."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from grader.store.errors import StoreError

Value = str | int | float | None
Row = Mapping[str, Value]

DATABASE_FILE = "grader.db"
REVISIONS = ("0001",)  # every schema this code knows, oldest first; the last one is what it works with
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


def open_database(home: Path, url: str | None) -> Database:
    """Open the database of a store with its schema up to date.

    Raises:
        StoreError: the URL is of no known kind, or the database cannot be opened or is newer than this code.
    """
    database = _connect(home, url)
    try:
        _bring_up_to_date(database)
    except BaseException:
        database.close()
        raise
    return database


def _connect(home: Path, url: str | None) -> Database:
    scheme, separator, rest = (url or "").partition("://")
    if url is None or scheme == "sqlite":
        from grader.store.sqlite import SqliteDatabase

        return SqliteDatabase(_sqlite_path(home, rest))
    if separator and scheme in {"postgresql", "postgres", "postgresql+psycopg"}:
        from grader.store.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(f"postgresql+psycopg://{rest}")
    raise StoreError(
        "the store's URL is of no known kind; write sqlite:///FILE or postgresql://USER@HOST/DATABASE, "
        f"or leave it out for {home / DATABASE_FILE}"
    )


def _sqlite_path(home: Path, rest: str) -> Path:
    """The file of `sqlite:///relative.db` or `sqlite:////absolute.db`."""
    return Path(rest.removeprefix("/")) if rest.removeprefix("/") else home / DATABASE_FILE


def _bring_up_to_date(database: Database) -> None:
    found = database.revision()
    if found == REVISIONS[-1]:
        return
    if found is not None and found not in REVISIONS:
        raise StoreError(
            f"the store was made by a newer grader (schema {found}, this one knows up to {REVISIONS[-1]}); "
            "update with `pip install -U competition-grader`"
        )
    database.upgrade()
