"""A submission's life, from handing in to its score, on both databases."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from competition.errors import BadInputError, UserError
from grader.store import Arrival, Evidence, Failed, Rejected, Run, Score, Store, Submission
from grader.store.verify import verify

from .conftest import EVIDENCE, Place, arrival, scored

HandIn = Callable[..., Submission]


def test_a_submission_is_received_then_scored(store: Store, place: Place, hand_in: HandIn) -> None:
    made = hand_in(store, "팀 1", "id,label\n")
    assert (made.id, made.status, made.received_at) == (1, "received", place.clock.moment)
    assert store.pending() == [made]
    (judged,) = store.record([scored(made.id, 0.5, 0.25)])
    assert (judged.status, judged.scoring) == ("scored", 1)
    assert store.pending() == []
    assert store.scores("fontchar") == {1: (Score("Private", "accuracy", 0.25), Score("Public", "accuracy", 0.5, 0.01))}


def test_the_bytes_are_kept_even_when_the_file_changes_afterwards(store: Store, tmp_path: Path) -> None:
    handed = arrival(tmp_path, "a", "first\n")
    made = store.submit(handed).submission
    handed.file.write_text("second\n")
    assert made is not None
    assert store.blobs.path(made.sha256).read_text() == "first\n"


def test_the_same_bytes_of_a_team_are_one_submission(store: Store, hand_in: HandIn, tmp_path: Path) -> None:
    first = hand_in(store, "a", "same")
    again = store.submit(arrival(tmp_path, "a", "same"))
    assert (again.submission, again.is_new) == (first, False)
    assert hand_in(store, "b", "same").id != first.id
    assert store.submit(arrival(tmp_path, "a", "same", "other competition")).is_new


def test_a_folder_with_one_file_twice_makes_one_submission(store: Store, tmp_path: Path) -> None:
    receipts = store.submit_all([arrival(tmp_path, "a", "same"), arrival(tmp_path, "a", "same")])
    assert [receipt.is_new for receipt in receipts] == [True, False]
    assert receipts[0].submission == receipts[1].submission == store.submissions()[0]


def test_a_request_key_tells_a_second_try_from_a_second_submission(store: Store, tmp_path: Path) -> None:
    file = arrival(tmp_path, "a", "same")
    first, again, second = (
        store.submit(replace(file, request_key=key)).submission for key in ("upload-1", "upload-1", "upload-2")
    )
    assert first == again
    assert first is not None
    assert second is not None
    assert second.id != first.id


@pytest.mark.parametrize("limit", [None, 1])
def test_handing_in_again_finds_the_score_and_costs_nothing(
    store: Store, hand_in: HandIn, tmp_path: Path, limit: int | None
) -> None:
    made = hand_in(store, "a", "x", limit)
    store.record([scored(made.id, 0.5, 0.5)])
    found = store.submit(arrival(tmp_path, "a", "x"), limit)
    assert found.submission is not None
    assert (found.submission.status, found.is_new) == ("scored", False)


def test_a_submission_is_scored_once(store: Store, hand_in: HandIn) -> None:
    made = hand_in(store, "a", "x")
    first, again = store.record([scored(made.id, 0.5, 0.25), scored(made.id, 0.75, 0.75)])
    (later,) = store.record([scored(made.id, 1.0, 1.0)])
    assert first == again == later
    assert [scoring.revision for scoring in store.scorings(made.id)] == [0]
    assert store.leaderboard_rows("fontchar", "accuracy")[0].public == 0.5


def test_an_invalid_submission_keeps_its_problems_and_no_score(store: Store, hand_in: HandIn) -> None:
    made = hand_in(store, "a", "x")
    (judged,) = store.record([Rejected(made.id, '[{"code": "missing_ids"}]')])
    assert (judged.status, judged.problems) == ("invalid", '[{"code": "missing_ids"}]')
    assert store.record([scored(made.id, 1.0, 1.0)])[0].status == "invalid"
    assert store.leaderboard_rows("fontchar", "accuracy") == []


def test_a_fault_of_the_platform_can_be_judged_again(store: Store, hand_in: HandIn) -> None:
    made = hand_in(store, "a", "x")
    assert store.record([Failed(made.id, "the worker ran out of memory")])[0].status == "error"
    assert store.record([scored(made.id, 1.0, 1.0)])[0].status == "scored"
    assert store.submission(made.id).problems == ""


@pytest.mark.parametrize(
    "value", [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 0.1 + 2**-54, 1e22, 123456789.123456789]
)
def test_a_score_comes_back_to_the_last_bit(store: Store, hand_in: HandIn, value: float) -> None:
    made = hand_in(store, "a", "x")
    store.record([scored(made.id, value, -value)])
    (row,) = store.leaderboard_rows("fontchar", "accuracy")
    assert (repr(row.public), repr(row.private)) == (repr(value), repr(-value))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_refused_and_nothing_is_written(
    store: Store, hand_in: HandIn, value: float
) -> None:
    made, other = hand_in(store, "a", "x"), hand_in(store, "b", "y")
    with pytest.raises(ValueError, match="the score accuracy on Public is not finite"):
        store.record([scored(other.id, 0.5, 0.5), scored(made.id, value, 0.5)])
    assert [submission.status for submission in store.submissions()] == ["received", "received"]
    assert verify(store).faults == ()


def test_a_verdict_on_nothing_is_refused_in_words(store: Store) -> None:
    with pytest.raises(UserError, match=r"^there is no submission 7$"):
        store.record([scored(7, 0.5, 0.5)])


def test_a_korean_file_name_of_macos_names_the_same_team(store: Store, hand_in: HandIn) -> None:
    composed, taken_apart = "\uae40", "\u1100\u1175\u11b7"
    made = hand_in(store, composed, "x")
    assert hand_in(store, taken_apart, "x") == made
    assert store.submissions(team=taken_apart) == [made]


def test_a_file_name_that_is_no_utf8_is_kept_visible(store: Store, tmp_path: Path) -> None:
    file = Path(str(tmp_path / "\udcb1\udce8.csv"))
    file.write_text("x")
    made = store.submit(Arrival("fontchar", file.stem, file)).submission
    assert made is not None
    assert (made.team, made.file_name) == ("\\xb1\\xe8", "\\xb1\\xe8.csv")
    assert store.submissions() == [made]


@pytest.mark.parametrize("team", ["", "  ", "a\nb", "a\x00b", "\u202etxt.exe", "a\u200bb", "x" * 201])
def test_a_name_that_cannot_be_seen_is_refused_and_nothing_is_written(store: Store, hand_in: HandIn, team: str) -> None:
    with pytest.raises(UserError, match="a team's name must have 1 to 200 visible characters"):
        hand_in(store, team, "x")
    assert store.submissions() == []


def test_a_description_loses_what_a_database_or_a_terminal_chokes_on(store: Store, tmp_path: Path) -> None:
    handed = replace(arrival(tmp_path, "a", "x"), description="epoch 3\nlr\x00 0.1\x1b[31m " + "y" * 20_000)
    made = store.submit(handed).submission
    assert made is not None
    assert made.description.startswith("epoch 3\nlr  0.1 [31m y")
    assert len(made.description) == 10_000
    assert store.submissions() == [made]


def test_quotes_and_colons_are_text_like_any_other(store: Store, hand_in: HandIn) -> None:
    made = hand_in(store, "x'); DROP TABLE ledger; --:id %s \\", "x")
    assert store.submissions(team=made.team) == [made]


def test_a_file_that_is_missing_takes_nothing_in(store: Store, tmp_path: Path) -> None:
    gone = tmp_path / "gone.csv"
    with pytest.raises(BadInputError, match=r"gone\.csv: cannot be read \(No such file or directory\)"):
        store.submit_all([arrival(tmp_path, "a", "x"), Arrival("fontchar", "b", gone)])
    assert store.submissions() == []


def test_submissions_are_found_by_competition_and_team(store: Store, hand_in: HandIn, tmp_path: Path) -> None:
    first, second = hand_in(store, "a", "1"), hand_in(store, "b", "2")
    other = store.submit(arrival(tmp_path, "a", "3", "letters")).submission
    assert store.submissions() == [first, second, other]
    assert store.submissions("fontchar") == [first, second]
    assert store.submissions("fontchar", "b") == [second]
    assert store.pending("letters") == [other]


def test_the_store_remembers_after_it_is_opened_again(place: Place, hand_in: HandIn) -> None:
    with place.open() as store:
        made = hand_in(store, "a", "x")
    with place.open() as store:
        assert store.pending() == [made]
        assert store.evidence("fontchar") == {}


def test_each_score_has_the_evidence_of_what_computed_it(store: Store, hand_in: HandIn) -> None:
    made = hand_in(store, "a", "x")
    store.record([scored(made.id, 0.5, 0.5)])
    assert store.evidence("fontchar") == {made.id: EVIDENCE}


def test_rescoring_appends_and_tells_who_changed_and_why(store: Store, hand_in: HandIn) -> None:
    ids = [hand_in(store, team, team).id for team in "abc"]
    store.record([scored(identity, 0.5, 0.5) for identity in ids[:2]] + [Rejected(ids[2], "bad")])
    corrected = Evidence("9" * 64, EVIDENCE.rules_sha256, "8" * 64, EVIDENCE.versions)
    changes = store.rescore(
        [scored(ids[0], 0.75, 0.5, corrected), scored(ids[1], 0.5, 0.5), scored(ids[2], 0.1, 0.1)], "labels corrected"
    )
    assert [(change.team, change.causes) for change in changes] == [("a", ("labels", "metric")), ("c", ())]
    assert [score.value for score in changes[0].before] == [0.5, 0.5]
    assert [score.value for score in changes[0].after] == [0.5, 0.75]
    assert changes[1].before == ()
    assert [row.public for row in store.leaderboard_rows("fontchar", "accuracy")] == [0.75, 0.5, 0.1]
    assert [scoring.revision for scoring in store.scorings(ids[0])] == [0, 1]
    assert store.scorings(ids[0])[0].evidence == EVIDENCE
    assert verify(store).faults == ()


def test_rescoring_with_the_same_result_appends_nothing(store: Store, hand_in: HandIn) -> None:
    made = hand_in(store, "a", "x")
    store.record([scored(made.id, 0.5, 0.5)])
    head = store.head()
    assert store.rescore([scored(made.id, 0.5, 0.5)], "again") == []
    assert store.head() == head


def test_rescoring_can_make_a_submission_invalid_and_valid_again(store: Store, hand_in: HandIn) -> None:
    made = hand_in(store, "a", "x")
    store.record([scored(made.id, 0.5, 0.5)])
    (change,) = store.rescore([Rejected(made.id, "label outside the set")], "rules")
    assert change.after == ()
    assert store.leaderboard_rows("fontchar", "accuracy") == []
    assert store.rescore([Rejected(made.id, "label outside the set")], "rules") == []
    (change,) = store.rescore([scored(made.id, 0.5, 0.5)], "rules back")
    assert change.before == ()
    assert store.leaderboard_rows("fontchar", "accuracy")[0].public == 0.5
    assert verify(store).faults == ()


def test_rescoring_leaves_what_waits_for_its_first_score(store: Store, hand_in: HandIn) -> None:
    made = hand_in(store, "a", "x")
    assert store.rescore([scored(made.id, 0.5, 0.5)], "again") == []
    assert store.pending() == [made]


def test_a_team_selects_and_selects_anew(store: Store, hand_in: HandIn) -> None:
    ids = [hand_in(store, "a", text).id for text in "123"]
    store.record([scored(identity, 0.5, 0.5) for identity in ids])
    store.select("fontchar", "a", ids[:2], 2)
    store.select("fontchar", "a", ids[1:], 2)
    assert [row.selected for row in store.leaderboard_rows("fontchar", "accuracy")] == [False, True, True]
    head = store.head()
    store.select("fontchar", "a", ids[1:], 2)
    assert store.head() == head
    store.select("fontchar", "a", [], 2)
    assert not any(submission.selected for submission in store.submissions())
    assert verify(store).faults == ()


def test_a_team_selects_its_own_scored_submissions_only(store: Store, hand_in: HandIn) -> None:
    own, other, waiting = (hand_in(store, team, text).id for team, text in (("a", "1"), ("b", "2"), ("a", "3")))
    store.record([scored(own, 0.5, 0.5), scored(other, 0.5, 0.5)])
    for wrong in (other, waiting, 99):
        with pytest.raises(UserError, match=f"^submission {wrong} is not a scored submission of this team$"):
            store.select("fontchar", "a", [own, wrong], 2)
    with pytest.raises(UserError, match=r"^3 submissions were selected; at most 2 may be$"):
        store.select("fontchar", "a", [own, other, waiting], 2)


def test_a_kernel_run_is_written_down(store: Store, place: Place, hand_in: HandIn) -> None:
    made = hand_in(store, "a", "x")
    run = Run("fontchar", "pixels_linear", "a", 600.0, 0.1 + 0.2, "finished", place.clock.moment, 42, "cpu", made.id)
    failed = replace(run, status="timeout", submission=None)
    assert (store.record_run(run), store.record_run(failed)) == (1, 2)
    assert store.runs("fontchar", "a") == [replace(run, id=1), replace(failed, id=2)]
    assert store.runs("letters") == []
    assert verify(store).faults == ()
