"""Opening a store: the schema is made and kept up to date, and whatever is wrong is told in one line."""

import multiprocessing
import os
import pwd
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from grader.store import StoreError, Submission, open_store
from grader.store.database import REVISIONS
from grader.store.projection import COLUMNS, PRIMARY_KEYS
from grader.store.schema import metadata
from grader.store.upgrade import alembic_config
from grader.store.verify import verify

from .conftest import Place, PostgresqlServer, scored

HandIn = Callable[..., Submission]
fork = multiprocessing.get_context("fork")


def engine_url(place: Place) -> str:
    if place.url is None:
        return f"sqlite:///{place.home / 'grader.db'}"
    return place.url.replace("postgresql://", "postgresql+psycopg://")


def test_the_migrations_make_exactly_the_declared_schema(place: Place) -> None:
    with create_engine(engine_url(place)).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_migration_is_known_to_the_code_in_its_order() -> None:
    with create_engine("sqlite://").connect() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection)).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


def test_the_projection_knows_every_table_column_and_key() -> None:
    tables = {name: table for name, table in metadata.tables.items() if name != "ledger"}
    assert {name: set(columns) for name, columns in COLUMNS.items()} == {
        name: set(table.columns.keys()) for name, table in tables.items()
    }
    assert {name: set(key) for name, key in PRIMARY_KEYS.items()} == {
        name: set(table.primary_key.columns.keys()) for name, table in tables.items()
    }


def test_twelve_processes_may_open_a_new_store_at_once(empty_place: Place) -> None:
    start, opened = fork.Barrier(12, timeout=60), fork.Queue()
    openers = [fork.Process(target=open_at_once, args=(empty_place, start, opened)) for _ in range(12)]
    for opener in openers:
        opener.start()
    assert [opened.get(timeout=60) for _ in openers] == ["opened"] * 12
    for opener in openers:
        opener.join()


def open_at_once(place: Place, start: Barrier, opened: "multiprocessing.Queue[str]") -> None:
    start.wait()
    try:
        place.open().database.close()
        opened.put("opened")
    except BaseException as error:
        opened.put(repr(error))


def test_a_kill_while_the_schema_is_made_leaves_nothing_half_made(empty_place: Place) -> None:
    chance = random.Random(5)
    for _ in range(12):
        opener = fork.Process(target=lambda: empty_place.open().database.close())
        opener.start()
        time.sleep(chance.uniform(0, 0.12))
        assert opener.pid
        os.kill(opener.pid, signal.SIGKILL)
        opener.join()
    with empty_place.open() as store:
        assert verify(store).faults == ()
    with create_engine(engine_url(empty_place)).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_store_of_a_newer_grader_is_refused(place: Place) -> None:
    place.tamper("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError) as refused:
        place.open()
    assert str(refused.value) == (
        f"the store was made by a newer grader (schema 9999, this one knows up to {REVISIONS[-1]}); "
        "update with `pip install -U competition-grader`"
    )


def test_the_files_are_readable_by_their_owner_alone(tmp_path: Path, hand_in: HandIn) -> None:
    previous = os.umask(0)
    try:
        with open_store(tmp_path / "home") as store:
            made = hand_in(store, "a", "x")
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode)
                for path in (tmp_path / "home", *(tmp_path / "home").rglob("*"))
            }
    finally:
        os.umask(previous)
    assert {"home", "grader.db", "grader.db-wal", "blobs", made.sha256[2:]} <= set(modes)
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}


def test_a_commit_is_synced_to_the_disk(tmp_path: Path) -> None:
    with open_store(tmp_path) as store, store.database.reading() as transaction:
        assert transaction.rows("PRAGMA synchronous") == [(2,)]  # FULL
        assert transaction.rows("PRAGMA journal_mode") == [("wal",)]


def test_opening_and_scoring_import_neither_sqlalchemy_nor_alembic(tmp_path: Path) -> None:
    open_store(tmp_path / "home").database.close()
    (tmp_path / "a.csv").write_text("x")
    program = (
        "import sys; from pathlib import Path; from grader.store import *\n"
        f"with open_store(Path({str(tmp_path / 'home')!r})) as store:\n"
        f"    made = store.submit(Arrival('c', 'a', Path({str(tmp_path / 'a.csv')!r}))).submission\n"
        "    store.record([Scored(made.id, (Score('Public', 'accuracy', 0.5),), Evidence('', '', '', {}))])\n"
        "print([name for name in ('sqlalchemy', 'alembic', 'pydantic', 'numpy', 'click') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# What is wrong with a SQLite file -------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "grader.db").write_bytes(b"id,label\n" * 500)
    with pytest.raises(StoreError) as told:
        open_store(tmp_path)
    assert str(told.value) == (
        f"{tmp_path / 'grader.db'}: this is no grader store; move the file away or restore it from a backup"
    )


def test_a_database_cut_short_or_overwritten_is_told_in_one_line(tmp_path: Path, hand_in: HandIn) -> None:
    with open_store(tmp_path / "home") as store:
        for number in range(40):
            hand_in(store, f"team {number}", str(number))
    file = tmp_path / "home" / "grader.db"
    whole = file.read_bytes()
    chance = random.Random(3)
    damages = [whole[: len(whole) // 2], whole[:1000], *(overwritten(whole, chance) for _ in range(60))]
    told = [message for damage in damages if (message := damage_told(file, damage)) is not None]
    assert len(told) >= 10
    assert all(message.startswith(f"{file}: ") and "\n" not in message for message in told)
    assert not any("team" in message.removeprefix(str(file)) for message in told)


def overwritten(whole: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(whole))
    junk = chance.randbytes(chance.choice([1, 100, 5000]))
    return (whole[:start] + junk + whole[start + len(junk) :])[: len(whole)]


def damage_told(file: Path, content: bytes) -> str | None:
    """The message about a damaged file; None where it opens and verifies, or where `verify` names the fault itself."""
    file.write_bytes(content)
    try:
        with open_store(file.parent) as store:
            verify(store)
            store.submissions()
    except StoreError as error:
        return str(error)
    return None


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "grader.db").mkdir()
    with pytest.raises(StoreError, match=r"grader\.db: the store cannot be opened for writing \(Is a directory\)"):
        open_store(tmp_path)


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match=r"cannot be opened for writing \(.*\); check GRADER_HOME"):
        open_store(tmp_path / "home")


def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    with open_store(tmp_path / "home"):
        pass
    for name, mode in (("home/grader.db", 0o444), ("home", 0o555), ("", 0o755)):
        (tmp_path / name).chmod(mode)
    told = as_nobody(lambda: open_store(tmp_path / "home"))
    assert told == (
        f"{tmp_path / 'home' / 'grader.db'}: "
        "the store cannot be opened for writing (Permission denied); check GRADER_HOME"
    )


def test_a_folder_that_takes_no_new_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "grader.db").touch()
    for name, mode in (("home/grader.db", 0o666), ("home", 0o555), ("", 0o755)):
        (tmp_path / name).chmod(mode)
    told = as_nobody(lambda: open_store(tmp_path / "home"))
    assert told.startswith(f"{tmp_path / 'home' / 'grader.db'}: the store cannot be opened")
    (tmp_path / "home").chmod(0o755)
    with open_store(tmp_path / "home"):
        pass
    (tmp_path / "home").chmod(0o555)
    told = as_nobody(lambda: open_store(tmp_path / "home"))
    assert told.startswith(f"{tmp_path / 'home' / 'grader.db'}: the store ")


def test_a_disk_that_is_full_while_the_schema_is_made_is_told(tmp_path: Path) -> None:
    told = fork.Queue()

    def make() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            open_store(tmp_path)
        except StoreError as error:
            told.put(str(error))

    process = fork.Process(target=make)
    process.start()
    message: str = told.get(timeout=30)
    process.join()
    assert message.startswith(f"{tmp_path / 'grader.db'}: the disk ")
    with open_store(tmp_path) as store:
        assert verify(store).faults == ()


def test_text_that_is_no_utf8_is_told_without_repeating_it(tmp_path: Path, hand_in: HandIn) -> None:
    place = Place(tmp_path / "home", None)
    with place.open() as store:
        hand_in(store, "a", "x")
    place.tamper("UPDATE submissions SET team = CAST(x'4b696dff' AS TEXT)")
    with place.open() as store, pytest.raises(StoreError) as told:
        verify(store)
    assert str(told.value) == f"{tmp_path / 'home' / 'grader.db'}: the store is damaged; restore it from a backup"


def as_nobody(action: Callable[[], object]) -> str:
    """The StoreError of an action that root's rights must not help."""
    told = fork.Queue()

    def act() -> None:
        if os.geteuid() == 0:
            os.setresuid(*[pwd.getpwnam("nobody").pw_uid] * 3)
        try:
            action()
        except StoreError as error:
            told.put(str(error))
        else:
            told.put("no error")

    process = fork.Process(target=act)
    process.start()
    message: str = told.get(timeout=30)
    process.join()
    return message


def test_a_full_disk_is_told_and_nothing_is_kept_of_the_step(tmp_path: Path, hand_in: HandIn) -> None:
    with open_store(tmp_path / "home") as store:
        first = hand_in(store, "a", "x")
        with store.database.reading() as transaction:
            ((pages,),) = transaction.rows("PRAGMA page_count")
            transaction.rows(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match=r"the disk is full; nothing of this step was kept"):
            for number in range(200):
                hand_in(store, "b" * 200, str(number))
        kept = len(store.submissions())
        assert verify(store).faults == ()
        with store.database.reading() as transaction:
            transaction.rows("PRAGMA max_page_count = 1000000")
        hand_in(store, "c", "y")
        assert len(store.submissions()) == kept + 1
        assert store.submission(first.id) == first


def test_a_store_kept_busy_by_another_process_is_told(tmp_path: Path, hand_in: HandIn) -> None:
    with open_store(tmp_path / "home") as store, store.database.reading() as transaction:
        transaction.rows("PRAGMA busy_timeout = 50")
    with open_store(tmp_path / "home") as store:
        with store.database.reading() as transaction:
            transaction.rows("PRAGMA busy_timeout = 50")
        other = sqlite3.connect(tmp_path / "home" / "grader.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"another process has kept the store busy"):
            hand_in(store, "a", "x")
        assert store.submissions() == []  # readers go on meanwhile
        other.close()
        hand_in(store, "a", "x")


def test_a_sqlite_url_names_its_file(tmp_path: Path) -> None:
    with open_store(tmp_path / "home", f"sqlite:///{tmp_path / 'elsewhere.db'}"):
        assert (tmp_path / "elsewhere.db").exists()
        assert not (tmp_path / "home" / "grader.db").exists()


# What is wrong with a URL or a server ---------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["", "grader.db", "mysql://u:secret@h/d", "postgres", "sqlite+aiosqlite:///x", "://"])
def test_a_url_of_no_known_kind_is_told_without_repeating_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError) as told:
        open_store(tmp_path, url)
    assert str(told.value).startswith("the store's URL is of no known kind; write sqlite:///FILE or postgresql://")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://judge:secret@127.0.0.1:1/grader",
        "postgres://judge@127.0.0.1:1/grader?password=secret",
        "postgresql://judge:secret@host:port/grader",
        "postgresql://judge@/grader?host=/nowhere",
        "postgresql://judge@127.0.0.1:1/grader?no_such_option=secret",
    ],
)
def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreError) as told:
        open_store(tmp_path, url)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value)


@pytest.mark.postgresql
def test_a_database_that_is_not_there_is_told(tmp_path: Path, postgresql_server: PostgresqlServer) -> None:
    with pytest.raises(StoreError, match=r"^postgresql://judge@/nowhere: the PostgreSQL server does not answer or"):
        open_store(tmp_path, postgresql_server.url("nowhere"))


@pytest.mark.postgresql
def test_a_database_that_cannot_hold_korean_is_refused(tmp_path: Path, postgresql_server: PostgresqlServer) -> None:
    url = postgresql_server.new_database("ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(StoreError, match=r"its encoding is not UTF8; make it with `createdb -E UTF8`"):
        open_store(tmp_path, url)


@pytest.mark.postgresql
def test_a_user_without_rights_is_told(tmp_path: Path, postgresql_server: PostgresqlServer) -> None:
    place = Place(tmp_path, postgresql_server.new_database(f"TEMPLATE {postgresql_server.migrated}"))
    place.tamper(f"CREATE ROLE {tmp_path.name} LOGIN".replace("-", "_"))
    assert place.url is not None
    with pytest.raises(StoreError, match=r"this user may not read and write the tables"):
        open_store(tmp_path, place.url.replace("judge@", f"{tmp_path.name}@"))


@pytest.mark.postgresql
def test_a_store_lives_through_a_crash_of_its_server(
    tmp_path: Path, postgresql_server: PostgresqlServer, hand_in: HandIn
) -> None:
    place = Place(tmp_path / "home", postgresql_server.new_database(f"TEMPLATE {postgresql_server.migrated}"))
    with place.open() as store:
        made = hand_in(store, "a", "x")
        store.record([scored(made.id, 0.5, 0.5)])
        postgresql_server.stop()
        try:
            with pytest.raises(StoreError, match=r"the PostgreSQL server does not answer"):
                store.submissions()
        finally:
            postgresql_server.start()
        assert store.submission(made.id).status == "scored"
        assert verify(store).faults == ()
