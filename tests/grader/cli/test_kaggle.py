"""`grader kaggle` with the real kaggle package, which talks to a server on this machine as it does to Kaggle's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.competition.kaggle.conftest import (
    DOWNLOAD,
    INTROSPECT,
    TOKEN,
    Kaggle,
    kaggle,  # noqa: F401 - a fixture
    participants_files,
    zipped,
)
from tests.grader.conftest import Course


@pytest.fixture
def shop(kaggle: Kaggle) -> Kaggle:  # noqa: F811
    """Kaggle with one competition in it."""
    kaggle.archives["dog-breeds"] = zipped(participants_files())
    return kaggle


def grader(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, with nothing of this process's environment but the path."""
    return subprocess.run(
        [Path(sys.executable).with_name("grader"), *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_competition_of_kaggle_becomes_one_of_ours(shop: Kaggle, tmp_path: Path):
    done = grader(tmp_path, "kaggle", "import", "dog-breeds", **shop.environment(tmp_path))
    assert (done.returncode, "Next: read" in done.stdout) == (0, True), done.stderr
    assert shop.calls[-2:] == [DOWNLOAD, "/files/dog-breeds.zip"]
    assert set(shop.calls[:-2]) == {INTROSPECT}
    prepared = grader(tmp_path, "prepare", "dog-breeds", "--json", **shop.environment(tmp_path))
    told = json.loads(prepared.stdout)
    assert told["counts"] == {"train": 24, "validation": 8, "test": 8, "public": 4, "classes": 2}
    for path in tmp_path.rglob("*"):  # what came and went leaves no token behind
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()
    assert TOKEN not in done.stdout + done.stderr + prepared.stdout + prepared.stderr


@pytest.mark.parametrize(
    ("slug", "status", "message"),
    [
        ("dog-breeds", 403, "accept the competition's rules on its page"),
        ("dog-breeds", 500, "kaggle answered 500"),
        ("dog-breedz", 302, "kaggle knows no such competition"),
    ],
)
def test_what_kaggle_refuses_is_one_plain_line(shop: Kaggle, tmp_path: Path, slug: str, status: int, message: str):
    shop.status = status
    done = grader(tmp_path, "kaggle", "import", slug, **shop.environment(tmp_path))
    assert_one_line(done, message)
    assert not (tmp_path / "competition").exists()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"KAGGLE_API_TOKEN": "KGAT_wrong"}, "kaggle: no credentials; run `kaggle auth login`"),
        ({"KAGGLE_API_TOKEN": ""}, "kaggle: no credentials; run `kaggle auth login`"),
        ({"HTTP_PROXY": "http://127.0.0.1:9"}, "kaggle: no log-in (ProxyError)"),
        ({"PYTHONPATH": "WITHOUT_SIX"}, "`pip install kaggle six`"),
    ],
)
def test_without_a_log_in_a_line_or_a_package_one_line_says_so(
    shop: Kaggle, tmp_path: Path, environment: dict[str, str], message: str
):
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "six.py").write_text("raise ModuleNotFoundError(\"No module named 'six'\", name='six')\n")
    environment = {name: value.replace("WITHOUT_SIX", str(tmp_path / "without")) for name, value in environment.items()}
    done = grader(tmp_path, "kaggle", "import", "dog-breeds", **shop.environment(tmp_path) | environment)
    assert_one_line(done, message)
    assert "KGAT" not in done.stderr


def test_a_log_in_that_answers_nonsense_is_one_line(shop: Kaggle, tmp_path: Path):
    shop.introspect_status = 500
    assert_one_line(grader(tmp_path, "kaggle", "import", "dog-breeds", **shop.environment(tmp_path)), "kaggle: no")


def test_a_download_that_breaks_off_is_taken_up_again(shop: Kaggle, tmp_path: Path):
    shop.drop = 1000
    done = grader(tmp_path, "kaggle", "import", "dog-breeds", **shop.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    assert shop.calls.count("/files/dog-breeds.zip") == 2
    (archive,) = (tmp_path / "cache" / "kaggle" / "dog-breeds").glob("dog-breeds.zip")
    assert archive.read_bytes() == shop.archives["dog-breeds"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"../../evil.csv": b"x"}, "points outside of the archive"),
        ({"train.csv": b"\xff\xfe\x00"}, "train.csv"),
        ({"train.csv": "image_id,a,b\n0,1,2\n1,2,3\n"}, "several targets (a, b); choose one with --target"),
    ],
)
def test_a_hostile_download_makes_nothing(shop: Kaggle, tmp_path: Path, files: dict[str, bytes | str], message: str):
    shop.archives["dog-breeds"] = zipped(participants_files() | files)
    done = grader(tmp_path, "kaggle", "import", "dog-breeds", **shop.environment(tmp_path))
    assert_one_line(done, message)
    assert not (tmp_path / "competition").exists()


def test_the_way_to_kaggle_and_back(course: Course, tmp_path: Path):
    done = course.grader("kaggle", "export", "shapes", "--json")
    told = json.loads(done.stdout)
    assert (told["metric"], told["folder"]) == ("Categorization Accuracy", "shapes-for-kaggle")
    back = course.grader("kaggle", "import", "shapes", "--path", "shapes-for-kaggle", "--name", "shapes-again")
    assert back.returncode == 0, back.stderr
    assert course.grader("prepare", "shapes-again").returncode == 0
    again = tmp_path / ".grader" / "vault" / "shapes-again" / "solution.csv"
    assert again.read_bytes() == course.solution.read_bytes()
    file = course.write(tmp_path / "one.csv", course.with_wrong(2))
    scores = [
        json.loads(course.grader("score", file, "-c", name, "--private", "--json").stdout)["scores"]
        for name in ("shapes", "shapes-again")
    ]
    assert scores[0] == scores[1]
    assert {score["split"] for score in scores[0]} == {"Public", "Private"}


def test_a_mistake_is_one_plain_line(course: Course, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for arguments, message in (
        (("export", "shapes", "--out", "mine"), "no export of shapes wrote this file"),
        (("export", "nothing"), "nothing"),
        (("import", "shapes", "--path", "nowhere"), "is there already"),
        (("import", "other", "--path", "nowhere"), "nowhere: no such file or folder"),
        (("import", "2nd-course", "--path", "mine"), "choose one with --name"),
        (("import", "other", "--path", "mine"), "holds no train.csv"),
    ):
        assert_one_line(course.grader("kaggle", *arguments), message)


def assert_one_line(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode in (1, 2), (done.stdout, done.stderr)
    assert done.stdout == ""
    *stages, last = done.stderr.strip().splitlines()
    assert message in last
    assert last.startswith("error: ")
    assert all(line.endswith(")") and "(" in line for line in stages), stages
