"""Each command once as its help says, in a process of its own, with what it leaves behind."""

import json
from pathlib import Path

import pytest

from tests.grader.conftest import Course


def ok(course: Course, *arguments: str | Path) -> str:
    done = course.grader(*arguments)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture
def scored(course: Course, tmp_path: Path) -> Course:
    """A course with two teams on its board."""
    folder = tmp_path / "submissions" / "shapes"
    course.write(folder / "alice.csv", course.with_wrong(1))
    course.write(folder / "bob.csv", course.with_wrong(3, "Private"))
    ok(course, "score", folder)
    return course


def test_show_lists_and_describes_in_both_languages(course: Course):
    listed = ok(course, "show")
    assert "shapes" in listed
    assert "fontchar" in listed
    assert "English characters" in ok(course, "show", "fontchar")
    assert "글꼴" in ok(course, "show", "fontchar", "--lang", "ko")
    (told,) = json.loads(ok(course, "show", "fontchar", "--json"))
    assert told["competition"] == "fontchar"


def test_a_folder_of_pictures_becomes_a_competition_that_scores_and_publishes(course: Course, tmp_path: Path):
    told = ok(course, "init", "leaves", "--from", course.folder / "pictures")
    assert "leaves" in told
    assert (tmp_path / "competition" / "leaves" / "competition.yaml").is_file()
    ok(course, "prepare", "leaves", "--as", "folder")
    bundle = tmp_path / "data" / "leaves"
    assert sorted(path.name for path in (bundle / "train").iterdir()) == ["circle", "cross", "square"]
    assert len(list((bundle / "test").glob("*.png"))) > 0
    ok(course, "score", bundle / "sample_submission.csv", "-c", "leaves")
    ok(course, "publish", "--all", "--out", "site")
    assert "leaves" in (tmp_path / "site" / "index.html").read_text()


def test_a_kernel_of_ones_own_is_begun_from_a_baseline(course: Course, tmp_path: Path):
    ok(course, "new-kernel", "my_idea", "--from", "pixels_linear")
    assert "baselines.pixels_linear" not in (tmp_path / "my_idea" / "__main__.py").read_text()
    done = course.grader("run", "my_idea", "-c", "shapes", "--budget", "30s")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "submissions" / "shapes" / "my_idea.csv").is_file()


def test_the_report_of_a_submission_lies_in_the_home_folder(course: Course, tmp_path: Path):
    file = course.write(tmp_path / "alice.csv", course.with_wrong(2))
    ok(course, "score", file, "--report")
    names = {path.name for path in course.home.rglob("*") if path.is_file()}
    assert {"report.json", "confusion.csv", "confusion.png"} <= names


def test_the_final_board_follows_the_teams_own_choice(scored: Course, tmp_path: Path):
    best = scored.write(tmp_path / "second" / "alice.csv", scored.perfect())
    number = json.loads(ok(scored, "score", best, "--team", "alice", "--json"))["submission"]
    ok(scored, "select", "-c", "shapes", "--team", "alice", str(number))
    board = json.loads(ok(scored, "leaderboard", "--private", "--json"))
    rows = next(board["rows"] for board in board["boards"] if board["split"] == "Private")
    assert rows[0]["team"] == "alice"
    assert rows[0]["score"] == 1.0
    assert "alice" in ok(scored, "leaderboard", "--private")


def test_a_corrected_label_is_rescored_and_told_who_moved_and_why(scored: Course):
    public = next(item for item, (_, usage) in scored.truth().items() if usage == "Public")
    lines = scored.solution.read_text().splitlines()
    corrected = [line.replace(",circle,", ",cross,") if line.startswith(public) else line for line in lines]
    if corrected == lines:
        corrected = [line.replace(",cross,", ",square,") if line.startswith(public) else line for line in lines]
    if corrected == lines:
        corrected = [line.replace(",square,", ",circle,") if line.startswith(public) else line for line in lines]
    scored.solution.write_text("\n".join(corrected) + "\n")
    told = ok(scored, "rescore", "--reason", "one label corrected")
    assert "alice" in told
    assert "labels" in told
    assert json.loads(ok(scored, "verify", "--json"))["faults"] == []


def test_a_vault_travels_sealed_and_opens_with_its_key_alone(course: Course, tmp_path: Path):
    before = course.solution.read_bytes()
    ok(course, "vault", "key", "course.key")
    ok(course, "vault", "encrypt", "shapes", "--key-file", "course.key")
    assert not course.solution.exists()
    ok(course, "vault", "export", "shapes", "shapes.vault", "--key-file", "course.key")
    assert b"circle" not in (tmp_path / "shapes.vault").read_bytes()
    ok(course, "vault", "import", "shapes.vault", "--key-file", "course.key", "--home", "elsewhere")
    ok(course, "vault", "decrypt", "shapes", "--key-file", "course.key", "--home", "elsewhere")
    assert (tmp_path / "elsewhere" / "vault" / "shapes" / "solution.csv").read_bytes() == before


def test_problems_are_explained_in_korean_where_the_locale_is_or_who_asks_for_it(course: Course, tmp_path: Path):
    answers = course.perfect()
    answers.pop(next(iter(answers)))
    file = course.write(tmp_path / "mine.csv", answers)
    english = course.grader("check", file, "-c", "shapes").stdout
    korean = course.grader("check", file, "-c", "shapes", "--lang", "ko").stdout
    assert "1 id is missing" in english
    assert not any("가" <= letter <= "힣" for letter in english)
    assert "문제 2개" in korean
    assert "1 id is missing" in korean and "빠진 id가 있습니다" in korean
    whole = course.write(tmp_path / "whole.csv", course.perfect())
    assert "문제 없음, 12행" in course.grader("check", whole, "-c", "shapes", "--lang", "ko").stdout
