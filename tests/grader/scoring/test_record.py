"""Handing in: bytes first, then the verdict, and never the same file twice."""

from pathlib import Path

import pytest

from grader.scoring.record import hand_in, team_of, verdict
from grader.store import Arrival
from grader.store.errors import DailyLimitError
from tests.grader.conftest import Course


@pytest.mark.parametrize(
    ("path", "team"),
    [
        ("alice.csv", "alice"),
        ("alice.csv.gz", "alice"),
        ("v1.2.csv", "v1.2"),
        ("bob/submission.csv", "bob"),
        ("bob/submission.zip", "bob"),
    ],
)
def test_a_file_is_named_after_its_team(path: str, team: str):
    assert team_of(Path(path)) == team


def test_a_good_file_is_scored_and_its_bytes_are_kept(course: Course, tmp_path):
    file = course.write(tmp_path / "alice.csv", course.with_wrong(1))
    with course.store() as store:
        handed = hand_in(store, course.judge(), file, "alice")
        assert store.blobs.path(handed.submission.sha256).read_bytes() == file.read_bytes()
    assert (handed.submission.status, handed.is_new, len(handed.scores)) == ("scored", True, 2)


def test_the_same_file_again_is_the_same_submission(course: Course, tmp_path):
    file = course.write(tmp_path / "alice.csv", course.perfect())
    with course.store() as store:
        first, again = (hand_in(store, course.judge(), file, "alice") for _ in range(2))
        assert again.submission == first.submission
        assert (again.scores, again.is_new) == (first.scores, False)
        assert len(store.submissions()) == 1


def test_a_bad_file_is_kept_with_its_problems_and_costs_nothing(course: Course, tmp_path):
    bad = tmp_path / "alice.csv"
    bad.write_text("id,label\nx,circle\n")
    with course.store() as store:
        judge = course.judge()
        handed = hand_in(store, judge, bad, "alice", daily_limit=1)
        assert handed.submission.status == "invalid"
        assert [problem.code for problem in handed.problems] == ["row_count", "missing_id", "unknown_id"]
        good = course.write(tmp_path / "good.csv", course.perfect())
        assert hand_in(store, judge, good, "alice", daily_limit=1).submission.status == "scored"
        with pytest.raises(DailyLimitError):
            hand_in(store, judge, course.write(tmp_path / "more.csv", course.with_wrong(1)), "alice", daily_limit=1)


def test_a_submission_received_by_a_grader_that_died_is_scored_by_the_next(course: Course, tmp_path):
    file = course.write(tmp_path / "alice.csv", course.perfect())
    with course.store() as store:
        store.submit(Arrival("shapes", "alice", file))
        handed = hand_in(store, course.judge(), file, "alice")
        assert (handed.submission.status, handed.is_new) == ("scored", False)


def test_each_score_records_what_computed_it(course: Course, tmp_path):
    judge = course.judge()
    file = course.write(tmp_path / "alice.csv", course.perfect())
    with course.store() as store:
        handed = hand_in(store, judge, file, "alice")
        (scoring,) = store.scorings(handed.submission.id)
        assert scoring.evidence == judge.evidence
        assert store.blobs.path(judge.evidence.rules_sha256).read_bytes() == (judge.vault / "rules.json").read_bytes()


def test_changed_metric_code_changes_the_evidence(course: Course):
    (course.folder / "half.py").write_text("def score(solution, submission, row_id_column_name):\n    return 0.5\n")
    course.respec(metric={"file": "half.py", "options": {"direction": "higher"}})
    before = course.judge().evidence
    (course.folder / "half.py").write_text("def score(solution, submission, row_id_column_name):\n    return 0.25\n")
    course.respec()
    assert course.judge().evidence.causes_since(before) == ("metric",)


def test_a_metric_that_breaks_is_the_platforms_fault(course: Course, tmp_path):
    (course.folder / "broken.py").write_text(
        "def score(solution, submission, row_id_column_name):\n    raise RuntimeError(solution.label[0])\n"
    )
    course.respec(metric={"file": "broken.py", "options": {"direction": "higher"}})
    told = verdict(course.judge(), 1, course.write(tmp_path / "a.csv", course.perfect()))
    assert type(told).__name__ == "Failed"
    assert not any(label in told.problems for label in ("circle", "cross", "square"))
