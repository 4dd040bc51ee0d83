"""The tables of the store, declared for SQLAlchemy and Alembic; the newest migration makes exactly these.

Moments are ISO 8601 text in UTC (`grader.store.clock`), compared byte by byte; a score's value is the text of Python's
`repr(float)`, so that no database rounds it.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Sha256 = String(64)
Moment: TypeEngine[str] = String(32).with_variant(String(32, collation="C"), "postgresql")
# SQLite numbers a key of type INTEGER alone, and BIGINT is what 2^31 ledger entries need elsewhere.
Key: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")

submissions = Table(
    "submissions",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("competition", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("request_key", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("sha256", Sha256, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("description", Text, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("status", Text, nullable=False),
    Column("problems", Text, nullable=False),
    Column("scoring", Key),  # no foreign key: the scoring points back here
    Column("selected", Integer, nullable=False),
    UniqueConstraint("competition", "team", "request_key"),
    CheckConstraint("status IN ('received', 'scored', 'invalid', 'error')", name="status"),
    CheckConstraint("selected IN (0, 1)", name="selected"),
    Index(None, "competition", "team", "received_at"),
    Index(None, "status"),
)

scorings = Table(
    "scorings",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("submission", Key, ForeignKey("submissions.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("scored_at", Moment, nullable=False),
    Column("submission_sha256", Sha256, nullable=False),
    Column("solution_sha256", Sha256, nullable=False),
    Column("rules_sha256", Sha256, nullable=False),
    Column("metric_sha256", Sha256, nullable=False),
    Column("versions", Text, nullable=False),
    UniqueConstraint("submission", "revision"),
)

scores = Table(
    "scores",
    metadata,
    Column("scoring", Key, ForeignKey("scorings.id"), primary_key=True, autoincrement=False),
    Column("split", Text, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("standard_error", Text),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Key, primary_key=True, autoincrement=False),
    Column("competition", Text, nullable=False),
    Column("kernel", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("budget_seconds", Double, nullable=False),
    Column("elapsed_seconds", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("device", Text, nullable=False),
    Column("submission", Key, ForeignKey("submissions.id")),
    CheckConstraint("status IN ('finished', 'failed', 'timeout')", name="status"),
    Index(None, "competition", "team"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("competition", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous_hash", Sha256, nullable=False),
    Column("hash", Sha256, nullable=False),
)
