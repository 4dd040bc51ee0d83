"""Grading a folder: in parallel, one bad file never stops the rest, and nothing is lost or counted twice."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from competition.errors import UserError
from grader.scoring.folder import files_to_grade, grade_folder
from grader.store.verify import verify
from tests.grader.conftest import LABELS, Course


def fill(course: Course, folder: Path, count: int, first: int = 0) -> dict[str, float]:
    """Write `count` submissions with random answers; returns each team's Public accuracy, counted by hand."""
    guess = random.Random(first)
    public = [item for item, (_, usage) in course.truth().items() if usage == "Public"]
    perfect = course.perfect()
    expected = {}
    for number in range(first, first + count):
        answers = {item: guess.choice(LABELS) for item in perfect}
        course.write(folder / f"team{number:03d}.csv", answers)
        expected[f"team{number:03d}"] = sum(answers[item] == perfect[item] for item in public) / len(public)
    return expected


def public_scores(course: Course) -> dict[str, float]:
    with course.store() as store:
        return {one.team: one.public for one in store.leaderboard_rows("shapes", "accuracy") if one.public is not None}


def grade(course: Course, folder: Path, **options):
    with course.store() as store:
        return grade_folder(store, course.judge(), files_to_grade(folder), **options)


def test_every_file_gets_its_own_score(course: Course, tmp_path):
    expected = fill(course, tmp_path / "handed", 150)
    graded = grade(course, tmp_path / "handed")
    assert [item.file.name for item in graded] == sorted(path.name for path in (tmp_path / "handed").iterdir())
    assert public_scores(course) == expected


def test_one_bad_file_never_stops_the_rest(course: Course, tmp_path):
    folder = tmp_path / "handed"
    expected = fill(course, folder, 5)
    (folder / "empty.csv").write_bytes(b"")
    (folder / "ragged.csv").write_text("id,label\na,b,c\n")
    (folder / "binary.csv").write_bytes(bytes(range(256)))
    (folder / "folder.csv").mkdir()
    (folder / "notes.txt").write_text("not a submission")
    (folder / ("x" * 201 + ".csv")).write_text("id,label\n")  # a team's name has at most 200 characters
    os.mkfifo(folder / "pipe.csv")
    statuses = Counter(item.handed.submission.status if item.handed else "refused" for item in grade(course, folder))
    assert statuses == {"scored": 5, "invalid": 3, "refused": 1}
    assert public_scores(course) == expected


def test_grading_again_judges_nothing_twice(course: Course, tmp_path):
    expected = fill(course, tmp_path / "handed", 10)
    grade(course, tmp_path / "handed")
    again = grade(course, tmp_path / "handed")
    assert not any(item.handed.is_new for item in again if item.handed)
    with course.store() as store:
        assert len(store.submissions()) == len(expected) == 10
        assert all(len(store.scorings(submission.id)) == 1 for submission in store.submissions())


def test_the_daily_limit_refuses_and_says_when_the_next_one_is_taken(course: Course, tmp_path):
    for name in ("one", "two"):
        course.write(tmp_path / "handed" / name / "alice.csv", course.with_wrong(1 + (name == "two")))
    grade(course, tmp_path / "handed" / "one", daily_limit=1)
    (refused,) = grade(course, tmp_path / "handed" / "two", daily_limit=1)
    assert refused.handed is None
    assert refused.next_allowed is not None


def test_a_file_over_the_size_limit_is_refused_before_it_is_kept(course: Course, tmp_path):
    course.respec(max_submission_size="1kB")
    fill(course, tmp_path / "handed", 2)
    (tmp_path / "handed" / "huge.csv").write_bytes(b"x" * 1001)
    huge, *others = grade(course, tmp_path / "handed")
    assert huge.refused == f"{huge.file}: 1,001 bytes, but a submission may have 1,000"
    assert [item.handed.submission.status for item in others if item.handed] == ["scored", "scored"]


def test_a_folder_without_submissions_is_told(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UserError, match="holds no submission; files that end in"):
        files_to_grade(tmp_path)


def test_a_file_that_kills_its_worker_alone_goes_without_a_score(course: Course, tmp_path, monkeypatch):
    import grader.scoring.folder as module

    real = module.verdict

    def deadly(judge, submission, file):
        if b"DIE" in Path(file).read_bytes():
            os.kill(os.getpid(), signal.SIGKILL)
        return real(judge, submission, file)

    monkeypatch.setattr(module, "verdict", deadly)  # inherited by the forked workers
    expected = fill(course, tmp_path / "handed", 8)
    (tmp_path / "handed" / "deadly.csv").write_text("DIE")
    statuses = {item.team: item.handed.submission.status for item in grade(course, tmp_path / "handed") if item.handed}
    assert statuses.pop("deadly") == "error"
    assert set(statuses.values()) == {"scored"}
    assert public_scores(course) == expected


def start_grading(course: Course, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "from grader.cli import main; main()", "score", folder, "-c", "shapes", "--no-limit"],
        cwd=course.home.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_at_random_moments(course: Course, folder: Path, moments: int, expected: dict[str, float]) -> None:
    """Begin to grade the folder, kill everything at a random moment, again and again; then finish and compare."""
    chance = random.Random(moments)
    killed = 0
    while killed < moments:
        grading = start_grading(course, folder)
        try:
            grading.wait(timeout=chance.uniform(0.0, 0.8))
            expected |= fill(course, folder, 40, first=len(expected))  # all was graded before the moment came
        except subprocess.TimeoutExpired:
            os.killpg(grading.pid, signal.SIGKILL)
            grading.wait()
            killed += 1
    assert start_grading(course, folder).wait() == 0
    with course.store() as store:
        found = verify(store)
        assert found.faults == ()
        assert len(store.submissions()) == len(expected)
        assert store.pending() == []
        assert all(len(store.scorings(submission.id)) == 1 for submission in store.submissions())
    assert public_scores(course) == expected


def test_a_grader_killed_at_random_moments_loses_nothing_and_counts_nothing_twice(course: Course, tmp_path):
    folder = tmp_path / "handed"
    kill_at_random_moments(course, folder, 12, fill(course, folder, 200))


@pytest.mark.slow
def test_a_grader_killed_at_200_random_moments_loses_nothing_and_counts_nothing_twice(course: Course, tmp_path):
    folder = tmp_path / "handed"
    kill_at_random_moments(course, folder, 200, fill(course, folder, 400))


def test_the_grader_waits_for_nobody(course: Course, tmp_path):
    """Two graders at the same folder at once: each file is scored once."""
    folder = tmp_path / "handed"
    expected = fill(course, folder, 100)
    both = [start_grading(course, folder) for _ in range(2)]
    assert [grading.wait() for grading in both] == [0, 0]
    assert public_scores(course) == expected
    with course.store() as store:
        assert all(len(store.scorings(submission.id)) == 1 for submission in store.submissions())
        assert verify(store).faults == ()
