"""Bring a store's schema up to date with Alembic; imported only when there is something to bring up to date."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

MIGRATIONS = Path(__file__).parent / "migrations"

_ADVISORY_LOCK = 0x67726164  # any number that this program alone uses


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for the migrations of this package, on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade_sqlite(path: Path, patience_seconds: float) -> None:
    """Upgrade a SQLite file in one transaction, waiting while another process does the same.

    Raises:
        sqlite3.DatabaseError: the file cannot be written, is damaged, or was kept busy for too long.
        OSError: the lock file beside it cannot be made.
    """
    # The change to WAL does not wait its turn: of 480 processes that made stores at once, two found theirs locked.
    with _lock_file(path.with_name(f"{path.name}.lock")):
        with closing(sqlite3.connect(path, timeout=patience_seconds)) as connection:
            # Outside of any transaction, as SQLite demands; the file remembers it.
            connection.execute("PRAGMA journal_mode=WAL")
        _migrate_sqlite(path, patience_seconds)


def _migrate_sqlite(path: Path, patience_seconds: float) -> None:
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": patience_seconds})
    # Python's sqlite3 begins no transaction for CREATE TABLE; a killed upgrade must leave nothing behind.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as upgrading:
            command.upgrade(alembic_config(upgrading), "head")
    except DBAPIError as error:
        # As sqlite3 raised it: the caller knows those errors, not SQLAlchemy's.
        raise (error.orig or error) from None


def upgrade_postgresql(engine: Engine) -> None:
    """Upgrade a PostgreSQL database in one transaction, waiting while another process does the same."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        command.upgrade(alembic_config(connection), "head")


@contextmanager
def _lock_file(path: Path) -> Iterator[None]:
    """Hold an exclusive lock that the system lets go of when this process dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
