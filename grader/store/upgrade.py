"""Bring a store's schema up to date with Alembic; imported only when there is something to bring up to date."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

MIGRATIONS = Path(__file__).parent / "migrations"

_ADVISORY_LOCK = 0x67726164  # any number that this program alone uses


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for the migrations of this package, on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade_sqlite(path: Path) -> None:
    """Upgrade a SQLite file in one transaction; other processes wait at a lock file beside it."""
    with _lock_file(path.with_name(path.name + ".lock")):
        # Outside of any transaction, as SQLite demands; the file remembers it.
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
        _let_alembic_hold_the_transaction(engine)
        with engine.begin() as upgrading:
            command.upgrade(alembic_config(upgrading), "head")


def upgrade_postgresql(engine: Engine) -> None:
    """Upgrade a PostgreSQL database in one transaction; other processes wait for the same advisory lock."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        command.upgrade(alembic_config(connection), "head")


def _let_alembic_hold_the_transaction(engine: Engine) -> None:
    """Python's sqlite3 would commit before each CREATE TABLE; a killed upgrade must leave nothing behind."""

    @event.listens_for(engine, "connect")
    def _no_automatic_transactions(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _lock_file(path: Path) -> Iterator[None]:
    """Hold an exclusive lock that the system lets go of when this process dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
