"""`verify` names the first row, entry or file that was edited, added or taken away, exactly."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from grader.store import Evidence, Rejected, Run, Store, Submission
from grader.store.ledger import Head, chained_hash
from grader.store.projection import COLUMNS, PRIMARY_KEYS
from grader.store.verify import verify

from .conftest import Place, scored

HandIn = Callable[..., Submission]

# Ledger: 1-3 receive, 4-5 score, 6 reject, 7 rescore, 8 select, 9 run.
OTHER_VALUES = {"status": "'error'", "submission": "3", "selected": "0", "versions": "'{}'"}
WRITTEN_BY = {
    ("submissions", "status"): 7,
    ("submissions", "problems"): 7,
    ("submissions", "scoring"): 7,
    ("submissions", "selected"): 8,
    ("runs", "status"): 9,
}
NUMBERS = {"bytes", "scoring", "selected", "submission", "revision", "id", "seed", "budget_seconds", "elapsed_seconds"}


@pytest.fixture
def full(store: Store, place: Place, hand_in: HandIn) -> Store:
    """A store in which everything has happened once."""
    ids = [hand_in(store, team, team).id for team in "abc"]
    store.record([scored(ids[0], 0.5, 0.25), scored(ids[1], 0.75, 0.5)])
    store.record([Rejected(ids[2], "bad")])
    store.rescore([scored(ids[0], 0.5, 0.5, Evidence("9" * 64, "6" * 64, "7" * 64, {}))], "labels")
    store.select("fontchar", "a", [ids[0]], 2)
    store.record_run(Run("fontchar", "kernel", "a", 600.0, 1.5, "finished", place.clock.moment, 42, "cpu", ids[0]))
    return store


def test_an_untouched_store_has_no_faults(full: Store) -> None:
    checked = verify(full, anchor=full.head())
    assert checked.faults == ()
    assert (checked.entries, checked.rows, checked.blobs) == (9, 3 + 3 + 6 + 1, 3)


def edit_of(table: str, column: str) -> str:
    """A value that this column can hold and does not hold in row 1."""
    if (table, column) == ("runs", "status"):
        return "'failed'"
    return OTHER_VALUES.get(column, "77" if column in NUMBERS else "'x'")


@pytest.mark.parametrize("table", COLUMNS)
def test_an_edit_of_any_column_is_named_with_the_entry_that_wrote_it(full: Store, place: Place, table: str) -> None:
    row = "1/Public/accuracy" if table == "scores" else "1"
    where = "scoring = 1 AND split = 'Public'" if table == "scores" else "id = 1"
    for column in set(COLUMNS[table]) - set(PRIMARY_KEYS[table]):
        ((kept,),) = place.ask(f"SELECT {column} FROM {table} WHERE {where}")
        place.tamper(f"UPDATE {table} SET {column} = {edit_of(table, column)} WHERE {where}")
        entry = WRITTEN_BY.get((table, column), {"submissions": 1, "scorings": 4, "scores": 4, "runs": 9}[table])
        assert verify(full).faults == (
            f"table {table}, row {row} was edited: `{column}` is not what ledger entry {entry} says",
        )
        literal = "NULL" if kept is None else repr(kept)
        place.tamper(f"UPDATE {table} SET {column} = {literal} WHERE {where}")
    assert verify(full).faults == ()


def test_a_score_raised_by_the_last_bit_is_found(full: Store, place: Place) -> None:
    place.tamper("UPDATE scores SET value = '0.5000000000000001' WHERE scoring = 3 AND split = 'Public'")
    assert verify(full).faults == (
        "table scores, row 3/Public/accuracy was edited: `value` is not what ledger entry 7 says",
    )


def test_a_moved_row_is_told_as_added_and_missing(full: Store, place: Place) -> None:
    place.tamper("UPDATE scores SET metric = 'other' WHERE scoring = 2 AND split = 'Private'")
    assert verify(full).faults == (
        "table scores, row 2/Private/other was added by hand: no ledger entry tells of it",
        "table scores, row 2/Private/accuracy is missing; ledger entry 5 tells of it",
    )


@pytest.mark.parametrize(("table", "entry"), [("submissions", 2), ("scorings", 5), ("scores", 5), ("runs", 9)])
def test_a_row_taken_away_is_named(full: Store, place: Place, table: str, entry: int) -> None:
    where, row = ("scoring = 2 AND split = 'Public'", "2/Public/accuracy") if table == "scores" else ("id = 2", "2")
    if table == "runs":
        where, row = "id = 1", "1"
    place.tamper(f"DELETE FROM {table} WHERE {where}")
    assert verify(full).faults == (f"table {table}, row {row} is missing; ledger entry {entry} tells of it",)


def test_an_added_row_is_named(full: Store, place: Place) -> None:
    place.tamper("INSERT INTO scores (scoring, split, metric, value) VALUES (2, 'Public', 'f1', '1.0')")
    assert verify(full).faults == ("table scores, row 2/Public/f1 was added by hand: no ledger entry tells of it",)


@pytest.mark.parametrize("column", ["at", "kind", "competition", "payload", "previous_hash", "hash"])
def test_an_edit_of_any_column_of_the_ledger_is_named(full: Store, place: Place, column: str) -> None:
    place.tamper(f"UPDATE ledger SET {column} = 'x' WHERE seq = 4")
    assert verify(full).faults == ("ledger entry 4 was edited",)


@pytest.mark.parametrize("seq", range(1, 9))
def test_an_entry_taken_out_of_the_ledger_is_named(full: Store, place: Place, seq: int) -> None:
    place.tamper(f"DELETE FROM ledger WHERE seq = {seq}")
    assert verify(full).faults == (f"ledger entry {seq} is missing",)


@pytest.mark.parametrize("seq", [0, -5])
def test_an_entry_put_before_the_first_is_found(full: Store, place: Place, seq: int) -> None:
    place.tamper(f"UPDATE ledger SET seq = {seq} WHERE seq = 1")
    assert verify(full).faults == (f"ledger entry {seq} is out of place",)


def test_one_byte_of_a_payload_is_enough(full: Store, place: Place) -> None:
    place.tamper("UPDATE ledger SET payload = REPLACE(payload, '0.75', '0.76') WHERE seq = 5")
    assert verify(full).faults == ("ledger entry 5 was edited",)


def test_a_space_in_a_payload_that_changes_no_value_is_found_too(full: Store, place: Place) -> None:
    place.tamper("UPDATE ledger SET payload = REPLACE(payload, ',', ', ') WHERE seq = 5")
    assert verify(full).faults == ("ledger entry 5 was edited",)


def test_an_entry_forged_with_its_hash_breaks_the_link_of_the_next(full: Store, place: Place) -> None:
    forge(place, 5, "0.75", "0.99")
    assert verify(full).faults == ("ledger entry 6 was edited",)


def test_the_last_entry_forged_with_its_hash_does_not_fit_its_rows(full: Store, place: Place) -> None:
    forge(place, 9, '"finished"', '"timeout"')
    assert verify(full).faults == ("table runs, row 1 was edited: `status` is not what ledger entry 9 says",)


def test_a_ledger_and_its_rows_forged_together_need_the_anchor(full: Store, place: Place) -> None:
    anchor = full.head()
    forge(place, 9, '"finished"', '"timeout"')
    place.tamper("UPDATE runs SET status = 'timeout'")
    assert verify(full).faults == ()
    assert verify(full, anchor).faults == ("ledger entry 9: it is not the one noted down in the anchor",)


def test_a_ledger_cut_off_at_the_end_needs_the_anchor(full: Store, place: Place) -> None:
    anchor = full.head()
    place.tamper("DELETE FROM ledger WHERE seq = 9", "DELETE FROM runs")
    assert verify(full).faults == ()
    assert verify(full, anchor).faults == ("ledger entry 9 is missing; the anchor knows 9 entries",)


def test_an_anchor_stays_good_while_the_store_grows(full: Store, hand_in: HandIn) -> None:
    anchor = full.head()
    hand_in(full, "d", "d")
    assert verify(full, anchor).faults == ()
    assert verify(full, replace(anchor, hash="0" * 64)).faults != ()


def test_an_entry_of_an_unknown_kind_is_told(full: Store, place: Place) -> None:
    forge(place, 9, "run", "walk", column="kind")
    assert verify(full).faults == ("ledger entry 9 does not follow from the ones before it, or is of a newer grader",)


def test_bytes_that_changed_are_named_by_their_submission(full: Store) -> None:
    path = full.blobs.path(full.submission(2).sha256)
    path.write_bytes(b"B")
    assert verify(full).faults == (f"submission 2: its file is changed ({path})",)
    path.unlink()
    assert verify(full).faults == (f"submission 2: its file is missing ({path})",)


def test_handing_the_file_in_again_mends_its_bytes(full: Store, hand_in: HandIn) -> None:
    full.blobs.path(full.submission(2).sha256).write_bytes(b"B")
    hand_in(full, "b", "b")
    assert verify(full).faults == ()


def test_faults_never_tell_names_or_values(full: Store, place: Place) -> None:
    place.tamper("UPDATE submissions SET team = 'Kim Minji', file_name = 'secret.csv' WHERE id = 1")
    told = json.dumps(verify(full).faults)
    assert "Minji" not in told
    assert "secret" not in told


def test_an_empty_store_verifies(store: Store) -> None:
    checked = verify(store)
    assert (checked.entries, checked.rows, checked.faults, checked.head) == (0, 0, (), Head(0, "0" * 64))


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger SET kind = 'x' WHERE seq = 2", "DELETE FROM ledger WHERE seq = 9"]
)
def test_the_database_itself_refuses_to_change_the_ledger(full: Store, statement: str) -> None:
    with pytest.raises(Exception, match=r"append-only|refused a statement|23001"):
        with_triggers(full, statement)
    assert verify(full).faults == ()


@pytest.mark.parametrize("seq", [1, 11])
def test_the_database_refuses_an_entry_out_of_order(full: Store, seq: int) -> None:
    verb = "INSERT OR REPLACE" if full.database.__class__.__name__ == "SqliteDatabase" else "INSERT"
    with pytest.raises(Exception, match=r"append-only|refused a statement|23001"):
        with_triggers(full, f"{verb} INTO ledger VALUES ({seq}, 'x', 'x', 'x', 'x', 'x', 'x')")
    assert verify(full).faults == ()


def with_triggers(store: Store, statement: str) -> None:
    with store.database.writing() as transaction:
        transaction.write(statement, [{}])


def forge(place: Place, seq: int, old: str, new: str, column: str = "payload") -> None:
    """Change an entry and give it the hash that it then must have."""
    with place.raw() as execute:
        columns = ("seq", "at", "kind", "competition", "payload", "previous_hash")
        row = execute(f"SELECT {', '.join(columns)} FROM ledger WHERE seq = {seq}").fetchone()
        entry = dict(zip(columns, row, strict=True))
        entry[column] = entry[column].replace(old, new)
        escaped = entry[column].replace("'", "''")
        execute(f"UPDATE ledger SET {column} = '{escaped}', hash = '{chained_hash(**entry)}' WHERE seq = {seq}")
