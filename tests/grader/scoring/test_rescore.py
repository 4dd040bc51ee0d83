"""Rescoring recomputes everything and says who moved and why; the old scores stay."""

import pytest

from grader.scoring.record import hand_in
from grader.scoring.rescore import rescore
from grader.store.verify import verify
from tests.grader.conftest import LABELS, Course


@pytest.fixture
def handed_in(course: Course, tmp_path) -> Course:
    """alice has one Public answer wrong, bob two."""
    with course.store() as store:
        for team, wrong in (("alice", 1), ("bob", 2)):
            hand_in(store, course.judge(), course.write(tmp_path / f"{team}.csv", course.with_wrong(wrong)), team)
    return course


def correct_labels(course: Course, answers: dict[str, str]) -> None:
    """Take these answers for the truth."""
    usages = {item: usage for item, (_, usage) in course.truth().items()}
    lines = [f"{item},{answers[item]},{usage}\n" for item, usage in usages.items()]
    course.solution.write_text("id,label,Usage\n" + "".join(lines))


def test_nothing_changed_means_nothing_written(handed_in: Course):
    with handed_in.store() as store:
        before = store.head()
        found = rescore(store, handed_in.judge(), "to be sure")
        assert (found.changes, store.head()) == ((), before)


def test_corrected_labels_move_the_board_and_say_so(handed_in: Course):
    correct_labels(handed_in, handed_in.with_wrong(2))  # bob was right all along
    with handed_in.store() as store:
        found = rescore(store, handed_in.judge(), "2 labels corrected")
        assert [
            (move.team, move.before.rank, move.after.rank) for move in found.moves if move.before and move.after
        ] == [
            ("bob", 2, 1),
            ("alice", 1, 2),
        ]
        assert found.causes_of("bob") == ("labels",)
        assert verify(store).faults == ()
        history = store.scorings(found.changes[0].submission)
        assert [scoring.revision for scoring in history] == [0, 1]


def test_a_changed_metric_is_compared_with_the_board_of_the_old_one(handed_in: Course):
    handed_in.respec(metric={"name": "recall", "options": {"label": LABELS[0]}})
    with handed_in.store() as store:
        found = rescore(store, handed_in.judge(), "recall of circles instead")
        assert {move.before.rank for move in found.moves if move.before} == {1, 2}
        assert all("rules" in found.causes_of(team) for team in ("alice", "bob"))


def test_a_bad_file_stays_bad_and_is_not_ranked(handed_in: Course, tmp_path):
    bad = tmp_path / "carol.csv"
    bad.write_text("id,label\n")
    with handed_in.store() as store:
        hand_in(store, handed_in.judge(), bad, "carol")
        correct_labels(handed_in, handed_in.with_wrong(2))
        found = rescore(store, handed_in.judge(), "")
        assert {change.team for change in found.changes} == {"alice", "bob"}
