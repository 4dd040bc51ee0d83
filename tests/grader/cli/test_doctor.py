"""`grader doctor` as people and machines meet it."""

import json
import stat
import subprocess
from pathlib import Path

from tests.grader.conftest import Course


def test_a_sound_competition_passes_line_by_line(course: Course):
    done = course.grader("doctor", "shapes")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    *findings, summary = done.stdout.splitlines()
    assert all(line.split()[0] in ("ok", "note", "warning") for line in findings)
    assert "0 fault" in summary
    assert str(course.home.name) in summary
    assert stat.S_IMODE((course.home / "doctor" / "shapes").stat().st_mode) == 0o700


def test_machines_read_the_same(course: Course):
    done = course.grader("doctor", "shapes", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["competition"], told["sound"]) == (0, "shapes", True)
    assert {"level", "code", "message", "remedy", "file"} == set(told["findings"][0])
    assert {"perfect", "constant", "sample"} <= {finding["code"] for finding in told["findings"]}


def test_a_fault_is_exit_code_1(course: Course):
    with (course.bundle / "labels.csv").open("a") as file:
        file.write("star,3\n")
    done = course.grader("doctor", "shapes")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("fault")]
    assert "labels.csv" in line
    assert "grader prepare shapes --force" in line


def test_looser_permissions_are_told_with_the_way_out(course: Course):
    course.solution.chmod(0o644)
    done = course.grader("doctor", "shapes", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["sound"]) == (1, False)
    assert any("chmod 600" in finding["message"] for finding in told["findings"])


def test_wrong_use_is_exit_code_2(course: Course):
    unknown = course.grader("doctor", "shape")
    assert (unknown.returncode, "did you mean 'shapes'" in unknown.stderr) == (2, True)
    assert course.grader("doctor").returncode == 2
    not_prepared = course.grader("doctor", "cifar10")
    assert (not_prepared.returncode, "grader prepare cifar10" in not_prepared.stderr) == (2, True)


def test_hidden_labels_are_looked_for_in_repository_runs_and_site(course: Course):
    place = course.home.parent
    subprocess.run(["git", "init", "-q", str(place)], check=True)
    (place / ".gitignore").write_text(".grader/\ndata/\n")
    assert course.grader("doctor", "shapes").returncode == 0
    for path in (place / "site" / "board.json", place / "runs" / "a" / "log.txt", place / "notes.md"):
        path.parent.mkdir(parents=True, exist_ok=True)
        item, (label, _) = next(iter(course.truth().items()))
        path.write_text(f"{item}: {label}\n")
        done = course.grader("doctor", "shapes")
        assert done.returncode == 1, path
        assert path.name in done.stdout
        path.unlink()


def test_a_vault_inside_the_repository_is_a_leak(course: Course):
    subprocess.run(["git", "init", "-q", str(course.home.parent)], check=True)
    done = course.grader("doctor", "shapes")
    assert done.returncode == 1
    assert "repository" in done.stdout
    assert "solution.csv" in done.stdout


def test_no_line_tells_a_hidden_label(course: Course, tmp_path: Path):
    done = course.grader("doctor", "shapes")
    told = done.stdout + done.stderr
    for item, (label, _) in course.truth().items():
        assert f"{item},{label}" not in told
        assert f"{item} {label}" not in told


def test_a_sealed_vault_asks_for_its_key(course: Course):
    key = course.home.parent / "course.key"
    assert course.grader("vault", "key", key).returncode == 0
    assert course.grader("vault", "encrypt", "shapes", "--key-file", key).returncode == 0
    done = course.grader("doctor", "shapes")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
