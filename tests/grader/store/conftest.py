"""The store's tests run on SQLite and on a real PostgreSQL, which the test set-up starts itself."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from grader.store import Arrival, Evidence, Score, Scored, Store, Submission, open_store
from tests.conftest import missing

POSTGRESQL_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
EVIDENCE = Evidence("5" * 64, "6" * 64, "7" * 64, {"python": "3.11", "numpy": "2.0"})


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **span: float) -> None:
        self.moment += timedelta(**span)


@dataclass
class PostgresqlServer:
    """A PostgreSQL of our own in a temporary folder, reached by a unix socket, run by a user that is not root."""

    folder: Path
    programs: Path
    user: str | None

    def call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments], user=self.user, cwd=self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        # fsync off: these tests kill processes, never the power.
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=120"
        self.call("pg_ctl", "start", "-D", "data", "-w", "-l", "log", "-o", options)

    def stop(self) -> None:
        self.call("pg_ctl", "stop", "-D", "data", "-m", "immediate")

    def url(self, database: str) -> str:
        return f"postgresql://judge@/{database}?host={self.folder}"

    def new_database(self, options: str = "") -> str:
        import psycopg

        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {options}")  # type: ignore[call-overload]
        return self.url(name)

    @cached_property
    def migrated(self) -> str:
        """The name of a database with the store's schema, to copy."""
        url = self.new_database()
        open_store(self.folder, url).database.close()
        return url.partition("@/")[2].partition("?")[0]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    if not POSTGRESQL_PROGRAMS:
        missing("no PostgreSQL at /usr/lib/postgresql; `apt-get install postgresql` brings it")
    user = _unprivileged_user() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path holds 107 bytes
    if user:
        shutil.chown(folder, user)
    server = PostgresqlServer(folder, POSTGRESQL_PROGRAMS[-1], user)
    try:
        server.call("initdb", "-D", "data", "-U", "judge", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder)


def _unprivileged_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@dataclass
class Place:
    """Where a test's store lies, and how to get at it behind its back."""

    home: Path
    url: str | None
    clock: SetClock = field(default_factory=SetClock)

    def open(self) -> Store:
        return open_store(self.home, self.url, self.clock)

    @property
    def is_sqlite(self) -> bool:
        return self.url is None

    def tamper(self, *statements: str) -> None:
        """Change the database like somebody who may do anything: no triggers, no foreign keys."""
        with self.raw() as execute:
            for statement in statements:
                execute(statement)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with self.raw() as execute:
            rows: list[tuple[Any, ...]] = execute(query).fetchall()
            return rows

    @contextmanager
    def raw(self) -> Iterator[Callable[[str], Any]]:
        if self.url is None:
            import sqlite3

            with closing(sqlite3.connect(self.home / "grader.db")) as connection, connection:
                for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                    connection.execute(f"DROP TRIGGER {name}")
                yield connection.execute
        else:
            import psycopg

            with psycopg.connect(self.url) as postgresql:
                postgresql.execute("SET session_replication_role = replica")
                yield postgresql.execute  # type: ignore[misc]


@pytest.fixture(scope="session")
def migrated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with the store's schema, to copy."""
    home = tmp_path_factory.mktemp("migrated") / "home"
    open_store(home).database.close()
    return home


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("migrated_home"), tmp_path / "home")
        return Place(tmp_path / "home", None)
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return Place(tmp_path / "home", server.new_database(f"TEMPLATE {server.migrated}"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place where nobody has opened a store yet."""
    if request.param == "sqlite":
        return Place(tmp_path / "home", None)
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return Place(tmp_path / "home", server.new_database())


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.open() as opened:
        yield opened


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[..., Submission]:
    """Hand in a file with this text for a team, and give the submission."""

    def submit(store: Store, team: str, text: str, limit: int | None = None) -> Submission:
        submission = store.submit(arrival(tmp_path, team, text), limit).submission
        assert submission is not None
        return submission

    return submit


def arrival(folder: Path, team: str, text: str, competition: str = "fontchar") -> Arrival:
    file = folder / f"{uuid.uuid4().hex}.csv"
    file.write_text(text)
    return Arrival(competition, team, file)


def scored(submission: int, public: float, private: float, evidence: Evidence = EVIDENCE) -> Scored:
    scores = (Score("Public", "accuracy", public, 0.01), Score("Private", "accuracy", private))
    return Scored(submission, scores, evidence)
