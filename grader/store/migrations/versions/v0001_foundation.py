"""Submissions, scorings, scores, runs, and the ledger with the triggers that keep it append-only."""

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

SHA256 = sa.String(64)
MOMENT = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the first schema."""
    _make_submissions()
    _make_scorings()
    _make_runs()
    _make_ledger()
    guards = {"sqlite": SQLITE_GUARDS, "postgresql": POSTGRESQL_GUARDS}
    for statement in guards[op.get_context().dialect.name]:
        op.execute(statement)


def _make_submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("competition", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("scoring", KEY),
        sa.Column("selected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
        sa.UniqueConstraint("competition", "team", "request_key", name="uq_submissions_competition_team_request_key"),
        sa.CheckConstraint("status IN ('received', 'scored', 'invalid', 'error')", name=op.f("ck_submissions_status")),
        sa.CheckConstraint("selected IN (0, 1)", name=op.f("ck_submissions_selected")),
    )
    op.create_index(
        "ix_submissions_competition_team_received_at", "submissions", ["competition", "team", "received_at"]
    )
    op.create_index("ix_submissions_status", "submissions", ["status"])


def _make_scorings() -> None:
    op.create_table(
        "scorings",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("submission", KEY, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("scored_at", MOMENT, nullable=False),
        sa.Column("submission_sha256", SHA256, nullable=False),
        sa.Column("solution_sha256", SHA256, nullable=False),
        sa.Column("rules_sha256", SHA256, nullable=False),
        sa.Column("metric_sha256", SHA256, nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scorings"),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], name="fk_scorings_submission_submissions"),
        sa.UniqueConstraint("submission", "revision", name="uq_scorings_submission_revision"),
    )
    op.create_table(
        "scores",
        sa.Column("scoring", KEY, autoincrement=False, nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("standard_error", sa.Text()),
        sa.PrimaryKeyConstraint("scoring", "split", "metric", name="pk_scores"),
        sa.ForeignKeyConstraint(["scoring"], ["scorings.id"], name="fk_scores_scoring_scorings"),
    )


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("competition", sa.Text(), nullable=False),
        sa.Column("kernel", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("budget_seconds", sa.Double(), nullable=False),
        sa.Column("elapsed_seconds", sa.Double(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("submission", KEY),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"], name="fk_runs_submission_submissions"),
        sa.CheckConstraint("status IN ('finished', 'failed', 'timeout')", name=op.f("ck_runs_status")),
    )
    op.create_index("ix_runs_competition_team", "runs", ["competition", "team"])


def _make_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", KEY, autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("competition", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("previous_hash", SHA256, nullable=False),
        sa.Column("hash", SHA256, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger"),
    )


# The guard on INSERT also stops SQLite's INSERT OR REPLACE, which deletes without asking a DELETE trigger.
SQLITE_GUARDS = (
    """
    CREATE TRIGGER ledger_refuses_update BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TRIGGER ledger_refuses_delete BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TRIGGER ledger_refuses_gaps BEFORE INSERT ON ledger
    WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM ledger)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
)

POSTGRESQL_GUARDS = (
    """
    CREATE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation'; END $$
    """,
    """
    CREATE FUNCTION ledger_refuses_gaps() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
      IF NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM ledger) THEN
        RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
      END IF;
      RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER ledger_refuses_change BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_refuses()
    """,
    """
    CREATE TRIGGER ledger_refuses_truncate BEFORE TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses()
    """,
    """
    CREATE TRIGGER ledger_refuses_gaps BEFORE INSERT ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_refuses_gaps()
    """,
)
