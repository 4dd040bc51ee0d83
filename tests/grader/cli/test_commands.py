"""The commands as people and machines meet them: real processes, exit codes, one plain line a mistake."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from grader.cli import COMMANDS
from tests.grader.conftest import Course


def test_the_path_of_an_instructor(course: Course, tmp_path: Path):
    folder = tmp_path / "submissions" / "shapes"
    course.write(folder / "alice.csv", course.with_wrong(1))
    course.write(folder / "bob.csv", course.with_wrong(3))
    scored = course.grader("score", folder)
    assert (scored.returncode, "2 scored" in scored.stdout) == (0, True)
    board = json.loads(course.grader("leaderboard", "--json").stdout)
    assert [row["team"] for row in board["boards"][0]["rows"]] == ["alice", "bob"]
    published = course.grader("publish", "--out", "site")
    assert published.returncode == 0
    assert "alice" in (tmp_path / "site" / "index.html").read_text()
    assert course.grader("verify").returncode == 0


def test_one_file_is_scored_and_kept(course: Course, tmp_path: Path):
    file = course.write(tmp_path / "submission.csv", course.with_wrong(1))
    done = course.grader("score", file, "--team", "alice", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["team"], told["status"], told["new"]) == (0, "alice", "scored", True)
    assert {score["split"] for score in told["scores"]} == {"Public"}
    again = json.loads(course.grader("score", file, "--team", "alice", "--json", "--private").stdout)
    assert (again["submission"], again["new"]) == (told["submission"], False)
    assert {score["split"] for score in again["scores"]} == {"Public", "Private"}


def test_check_says_everything_that_is_wrong_and_needs_no_vault(course: Course, tmp_path: Path):
    course.home.rename(tmp_path / "elsewhere")
    file = tmp_path / "submission.csv"
    file.write_text("id,lable\nx,circle\n")
    done = course.grader("check", file, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["valid"]) == (1, False)
    assert [problem["code"] for problem in told["problems"]] == [
        "missing_column",
        "row_count",
        "missing_id",
        "unknown_id",
    ]


def test_a_kernel_is_run_checked_and_handed_over(course: Course, tmp_path: Path):
    kernel = tmp_path / "copy_sample.py"
    kernel.write_text(
        "import os, shutil\nshutil.copy(os.environ['GRADER_BUNDLE'] + '/sample_submission.csv', 'submission.csv')\n"
    )
    done = course.grader("run", kernel, "--budget", "20s", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["status"]) == (0, "finished")
    handed_over = tmp_path / "submissions" / "shapes" / "copy_sample.csv"
    assert handed_over.read_bytes() == (course.bundle / "sample_submission.csv").read_bytes()
    with course.store() as store:
        (run,) = store.runs("shapes")
        assert (run.kernel, run.status, run.budget_seconds) == ("copy_sample", "finished", 20.0)


def test_a_run_that_overruns_hands_nothing_over(course: Course, tmp_path: Path):
    kernel = tmp_path / "slow.py"
    kernel.write_text("import time\nopen('submission.csv', 'w').write('id,label')\ntime.sleep(60)\n")
    done = course.grader("run", kernel, "--budget", "1s")
    assert done.returncode == 1
    assert re.search(r"timeout after \d\.\d of 1 s", done.stdout)
    assert not (tmp_path / "submissions").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["score", "nowhere.csv"], 2, "error: nowhere.csv: there is no such file"),
        (["score", "nowhere.csv", "-c", "shape"], 2, "did you mean 'shapes'?"),
        (["check", "nowhere.csv"], 2, "error: nowhere.csv: there is no such file"),
        (["leaderbord"], 2, "error: No such command 'leaderbord'. Did you mean 'leaderboard'?"),
        (["run", "nothing"], 2, "error: nothing: no kernel here; name a script"),
        (["run", "pixels_linear", "--budget", "soon"], 2, "'soon' is no duration; allowed: a duration such as 90s"),
        (["prepare", "shapez"], 2, "shapez"),
        (["verify", "--anchor", "x"], 2, "write it as `grader verify` printed it"),
        (["select", "--team", "alice", "77"], 2, "error: submission 77 is not a scored submission of this team"),
        (["vault", "export", "shapes", "shapes.vault"], 2, "GRADER_PASSPHRASE"),
    ],
)
def test_a_mistake_is_one_plain_line(course: Course, arguments: list[str], code: int, message: str):
    done = course.grader(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    first, *more = [line for line in done.stderr.splitlines() if not line.startswith("shapes (")]
    assert first.startswith("error: ")
    assert all(line.startswith("Try 'grader") for line in more)


def test_a_mistake_is_json_where_json_was_asked_for(course: Course):
    done = course.grader("score", "nowhere.csv", "--json")
    assert json.loads(done.stdout) == {"error": "nowhere.csv: there is no such file"}


def test_an_open_vault_is_refused(course: Course, tmp_path: Path):
    course.solution.chmod(0o644)
    done = course.grader("score", course.write(tmp_path / "alice.csv", course.perfect()))
    assert done.returncode == 2
    assert "run `chmod 600" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples_and_speaks_json(name: str):
    command = import_module(f"grader.cli.{name.replace('-', '_')}").command
    assert command.help
    assert "Examples:" in (command.epilog or "")
    leaves = command.commands.values() if isinstance(command, click.Group) else [command]
    for leaf in leaves:
        assert "--json" in {option for parameter in leaf.params for option in parameter.opts}


def test_help_and_score_import_nothing_heavy(course: Course, tmp_path: Path):
    """What `grader --help` and a plain `grader score` may not load: each would cost more than the work itself."""
    heavy = {"torch", "sklearn", "pandas", "polars", "pydantic", "yaml", "sqlalchemy", "rich", "matplotlib", "scipy"}
    file = course.write(tmp_path / "alice.csv", course.perfect())
    course.grader("score", file)  # the first call makes the store, with SQLAlchemy
    for arguments in (["--help"], ["score", str(file)]):
        code = f"import sys; sys.argv = {['grader', *arguments]!r}\nfrom grader.cli import main\n"
        code += "try: main()\nexcept SystemExit: print('LOADED', *sys.modules, file=sys.stderr)"
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
        loaded = set(done.stderr.partition("LOADED ")[2].split())
        assert loaded & heavy == set()
        assert ("numpy" in loaded) == (arguments[0] == "score")
