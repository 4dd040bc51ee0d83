"""The larger database: PostgreSQL by URL, through SQLAlchemy and psycopg."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, create_engine, exc, text

from grader.store.driver import NO_PARAMETERS, Row
from grader.store.errors import StoreError

CONNECT_SECONDS = 10
PATIENCE_SECONDS = 60

# Writers stand in one queue, readers go on: the ledger's next entry follows from its last one.
_QUEUE_UP = f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'; LOCK TABLE ledger IN SHARE ROW EXCLUSIVE MODE"


@lru_cache(maxsize=256)
def _statement(sql: str) -> TextClause:
    return text(sql)


class PostgresqlTransaction:
    """One open transaction on a PostgreSQL connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Row = NO_PARAMETERS) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return [tuple(row) for row in self._connection.execute(_statement(sql), dict(parameters))]

    def write(self, sql: str, rows: Sequence[Row]) -> None:
        """Run one statement for each of the rows."""
        if rows:
            self._connection.execute(_statement(sql), [dict(row) for row in rows])


class PostgresqlDatabase:
    """A PostgreSQL database; the connection is made anew when the server has restarted in between."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        # Without its options, among which a password may stand too.
        shown = self._engine.url.set(drivername="postgresql", query={})
        self._where = shown.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[PostgresqlTransaction]:
        """A transaction that sees one unchanging state."""
        snapshot = self._engine.execution_options(isolation_level="REPEATABLE READ")
        with self._plain_errors(), snapshot.begin() as connection:
            yield PostgresqlTransaction(connection)

    @contextmanager
    def writing(self) -> Iterator[PostgresqlTransaction]:
        """A transaction that no other writer runs beside."""
        with self._plain_errors(), self._engine.begin() as connection:
            connection.exec_driver_sql(_QUEUE_UP)
            yield PostgresqlTransaction(connection)

    def revision(self) -> str | None:
        """The schema revision of the database; None for an empty one."""
        with self._plain_errors(), self._engine.begin() as connection:
            if connection.exec_driver_sql("SHOW server_encoding").scalar_one() != "UTF8":
                raise StoreError(f"{self._where}: its encoding is not UTF8; make it with `createdb -E UTF8`")
            if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar_one() is None:
                return None
            return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()

    def upgrade(self) -> None:
        """Bring the schema to the newest revision; other processes wait meanwhile."""
        from grader.store.upgrade import upgrade_postgresql

        with self._plain_errors():
            upgrade_postgresql(self._engine)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except exc.IntegrityError:
            raise  # a mistake of this program, not of a person
        except exc.DBAPIError as error:
            raise StoreError(f"{self._where}: {_in_words(error)}") from error


def _engine(url: str) -> Engine:
    try:
        return create_engine(
            url,
            hide_parameters=True,  # a traceback must not carry names out of the database
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8"},
        )
    except (exc.ArgumentError, ValueError):
        raise StoreError("the store's URL cannot be read; write postgresql://USER@HOST/DATABASE") from None
    except ModuleNotFoundError as error:
        raise StoreError(
            "PostgreSQL needs a driver; install it with `pip install 'competition-grader[postgresql]'`"
        ) from error


# SQLSTATE class or code -> what it means to the person who reads it.
_MEANINGS = {
    "55P03": f"another process has kept the store busy for {PATIENCE_SECONDS} seconds; run it again",
    "42501": "this user may not read and write the tables; grant it or name another user in the URL",
    "42P01": "the store lacks a part of its schema; restore it from a backup",
    "53100": "the server's disk is full; nothing of this step was kept, free some space and run it again",
    "25006": "the server is read-only (a standby?); name the writable one in the URL",
}


def _in_words(error: exc.DBAPIError) -> str:
    """Never the server's own text where a code says it: that text may quote values."""
    code = getattr(error.orig, "sqlstate", None)
    if code in _MEANINGS:
        return _MEANINGS[code]
    if code is None or code.startswith(("08", "28", "3D", "57")):
        return "the PostgreSQL server does not answer or refuses this user; check that it runs, and the URL"
    return f"PostgreSQL refused a statement (SQLSTATE {code})"
