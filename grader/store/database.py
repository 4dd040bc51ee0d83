"""The choice between the databases by URL, and the schema brought up to date."""

from pathlib import Path

from grader.store.driver import Database
from grader.store.errors import StoreError

DATABASE_FILE = "grader.db"
REVISIONS = ("0001",)  # every schema this code knows, oldest first; the last one is what it works with


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
