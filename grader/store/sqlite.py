"""The default database: one SQLite file in WAL mode, through the standard library alone.

Durability: `synchronous=FULL` syncs the write-ahead log at every commit (2 to 3 ms on the disk this was written on), so
a score that was printed survives a power cut. WAL needs a local disk; a shared network folder calls for PostgreSQL.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from grader.store.driver import NO_PARAMETERS, Row
from grader.store.errors import StoreError

PATIENCE_SECONDS = 60.0  # how long a writer waits for the others

_SETTINGS = ("PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF")


class SqliteTransaction:
    """One open transaction on a SQLite connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Row = NO_PARAMETERS) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._connection.execute(sql, dict(parameters)).fetchall()

    def write(self, sql: str, rows: Sequence[Row]) -> None:
        """Run one statement for each of the rows."""
        self._connection.executemany(sql, map(dict, rows))


class SqliteDatabase:
    """A SQLite file; the file and its folder are made when missing, readable by their owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._plain_errors():
            _make_private_file(path)
            self._connection = _connect(path)

    @contextmanager
    def reading(self) -> Iterator[SqliteTransaction]:
        """A transaction that sees one unchanging state."""
        with self._plain_errors(), self._transaction("BEGIN") as transaction:
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[SqliteTransaction]:
        """A transaction that holds the file's only write lock from its first moment."""
        with self._plain_errors(), self._transaction("BEGIN IMMEDIATE") as transaction:
            yield transaction

    def revision(self) -> str | None:
        """The schema revision of the file; None for an empty one."""
        with self._plain_errors():
            try:
                found = self._connection.execute("SELECT version_num FROM alembic_version").fetchone()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return None
                raise
        return str(found[0]) if found else None

    def upgrade(self) -> None:
        """Bring the schema to the newest revision; other processes wait meanwhile."""
        from grader.store.upgrade import upgrade_sqlite

        with self._plain_errors():
            self._connection.close()
            try:
                upgrade_sqlite(self.path, PATIENCE_SECONDS)
            except OSError as error:  # the lock file beside it
                raise _not_writable(self.path, error) from error
            self._connection = _connect(self.path)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[SqliteTransaction]:
        self._connection.execute(begin)
        try:
            yield SqliteTransaction(self._connection)
            self._connection.execute("COMMIT")
        finally:
            # True only after an exception, unless SQLite has undone the transaction itself (a full disk).
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise  # a mistake of this program, not of a person
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.path}: {_in_words(error)}") from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def _make_private_file(path: Path) -> None:
    """Make the file with mode 0600; SQLite gives the same mode to its log beside it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _not_writable(path, error) from error


def _not_writable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path}: the store cannot be opened for writing ({error.strerror}); check GRADER_HOME")


# SQLite's own words -> what they mean to the person who reads them.
_MEANINGS = {
    "not a database": "this is no grader store; move the file away or restore it from a backup",
    "malformed": "the store is damaged; restore it from a backup",
    "Could not decode": "the store is damaged; restore it from a backup",  # this text of SQLite's quotes the value
    "full": "the disk is full; nothing of this step was kept, free some space and run it again",
    "readonly": "the store is read-only; give this user the right to write here",
    "locked": f"another process has kept the store busy for {PATIENCE_SECONDS:.0f} seconds; run it again",
    "unable to open": "the store cannot be opened; check the folder's permissions",
    "disk I/O error": "the disk failed to read or write the store; check the disk and its free space",
    "no such": "the store lacks a part of its schema; restore it from a backup",
}


def _in_words(error: sqlite3.DatabaseError) -> str:
    told = str(error)
    return next((meaning for sign, meaning in _MEANINGS.items() if sign in told), f"SQLite says: {told}")
