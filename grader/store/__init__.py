"""The store: what was handed in, what it scored, and the ledger that proves both.

    with open_store(home) as store:                                  # GRADER_HOME/grader.db and GRADER_HOME/blobs
        receipt = store.submit(Arrival("fontchar", "team-1", Path("team-1.csv")), daily_limit=5)
        store.record([Scored(receipt.submission.id, (Score("Public", "accuracy", 0.9),), evidence)])
        board = public_ranking(store.leaderboard_rows("fontchar", "accuracy"), "higher")

A submission's life: `submit` makes its bytes and its row durable (`received`); `record` gives it a verdict, once
(`scored`, `invalid` or `error`); `rescore` appends new scorings and keeps the old ones. After a kill at any moment,
`pending` lists what still has to be judged, and handing the same file in again finds the submission it is: judge it
where its status is `received` or `error` (a fault of the platform, which costs nothing and may be judged anew).
Judge the bytes at `store.blobs.path(submission.sha256)`, not the file handed in, which may have changed since.

Every change is one transaction that also appends to the ledger; `grader.store.verify.verify` replays it.
SQLAlchemy and Alembic are imported only for PostgreSQL and to make or upgrade a schema.
"""

from pathlib import Path

from grader.store.blobs import Blobs
from grader.store.clock import Clock, utc_now
from grader.store.database import open_database
from grader.store.errors import DailyLimitError, StoreError
from grader.store.records import (
    Allowance,
    Arrival,
    Change,
    Evidence,
    Failed,
    Receipt,
    Rejected,
    Run,
    Score,
    Scored,
    Scoring,
    Submission,
    Verdict,
)
from grader.store.store import Store

__all__ = [
    "Allowance",
    "Arrival",
    "Change",
    "DailyLimitError",
    "Evidence",
    "Failed",
    "Receipt",
    "Rejected",
    "Run",
    "Score",
    "Scored",
    "Scoring",
    "Store",
    "StoreError",
    "Submission",
    "Verdict",
    "open_store",
]


def open_store(home: Path, url: str | None = None, now: Clock = utc_now) -> Store:
    """Open the store of a state folder, making or upgrading it where needed; use it in a `with` block.

    Args:
        home: `GRADER_HOME`; blobs always lie here, the database too unless a URL is given.
        url: `sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`; None for `home/grader.db`.
        now: the clock; tests give their own.

    Raises:
        StoreError: it cannot be opened, is damaged, or was made by a newer grader.
    """
    return Store(open_database(home, url), Blobs(home / "blobs"), now)
