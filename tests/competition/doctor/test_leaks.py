"""The scan for hidden labels where participants look."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from competition.doctor.leaks import leaks, repository_files
from competition.progress import silent
from tests.competition.doctor.conftest import LABELS, Prepared, faults, read


def leaking(shapes: Prepared, content: bytes | str, name: str = "page.html", place: str = "site") -> bool:
    """Whether a file with this content is called a leak."""
    path = shapes.data.parent / "places" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return any(finding.level == "fault" for finding in leaks(shapes.case(), {place: [path]}, silent))


@pytest.fixture
def shapes(prepared) -> Prepared:
    return prepared()


@pytest.mark.parametrize("count", [1, 3, 36])
def test_solution_values_are_found_in_every_form(shapes, count):
    pairs = list(shapes.truth().items())[:count]
    assert leaking(shapes, "".join(f"{item},{label}\n" for item, label in pairs))
    assert leaking(shapes, "".join(f"{label}\t{item}\n" for item, label in pairs))
    assert leaking(shapes, json.dumps(dict(pairs)))
    assert leaking(shapes, json.dumps([{"id": item, "truth": label} for item, label in pairs]))
    assert leaking(
        shapes, json.dumps([{"truth": label, "id": item} for item, label in pairs], indent=1).replace("\n", "")
    )
    assert leaking(shapes, b"\x00\xff" + "".join(f"{item}={label};" for item, label in pairs).encode() + b"\x80")
    assert leaking(shapes, "".join(f"epoch 3: {item} is a {label}, says the oracle\n" for item, label in pairs))


def test_the_solution_in_another_order_with_a_few_wrong_labels_is_found(shapes):
    pairs = list(shapes.truth().items())
    random.Random(1).shuffle(pairs)
    lines = [f"{item},{'circle' if number % 10 == 0 else label}\n" for number, (item, label) in enumerate(pairs)]
    assert leaking(shapes, "".join(lines))


def test_the_secret_is_found(shapes):
    assert leaking(shapes, "key = " + (shapes.solution.parent / "secret.key").read_text())


def test_what_participants_may_see_is_no_leak(shapes):
    for name in ("test.csv", "sample_submission.csv", "train.csv", "manifest.json", "description.md"):
        assert not leaking(shapes, (shapes.bundle / name).read_bytes(), name)


def test_guesses_are_no_leak(shapes):
    guess = random.Random(5)
    assert not leaking(shapes, "".join(f"{item},{guess.choice(LABELS)}\n" for item in shapes.truth()))


def test_names_of_all_labels_beside_every_id_are_no_leak(shapes):
    lines = [json.dumps({"id": item, **dict.fromkeys(LABELS, 0.3)}) for item in shapes.truth()]
    assert not leaking(shapes, "\n".join(lines))
    assert not leaking(shapes, lines[0])


def test_a_number_is_no_label(prepared):
    digits = prepared(labels=["0", "1", "2"], plant=_as_digits)
    pairs = digits.truth().items()
    assert not leaking(digits, "".join(f"{item},0.{label}\n{item},{label}.5\n" for item, label in pairs))
    assert leaking(digits, "".join(f"{item} is {label}. The next\n" for item, label in pairs))


def _as_digits(folder: Path) -> None:
    for number, label in enumerate(LABELS):
        (folder / label).rename(folder / str(number))


def test_what_a_run_hands_in_is_its_own(shapes):
    content = "".join(f"{item},{label}\n" for item, label in shapes.truth().items())
    assert not leaking(shapes, content, "submission.csv", "runs")
    assert leaking(shapes, content, "log.txt", "runs")


def test_a_solution_in_the_bundle_is_a_fault(shapes):
    item, label = next(iter(shapes.truth().items()))
    with (shapes.bundle / "description.md").open("a") as file:
        file.write(f"For example, {item} is a {label}.\n")
    assert faults(shapes.examined()) == {"leak", "checksum"}
    (shapes.bundle / "answers.csv").write_bytes(shapes.solution.read_bytes())
    assert "stray_file" in faults(shapes.examined())


def test_a_sample_submission_that_knows_something_is_a_fault(shapes):
    truth = shapes.truth()
    rows = "".join(f"{item},{truth[item]}\n" for item in shapes.order_of_test())
    (shapes.bundle / "sample_submission.csv").write_text("id,label\n" + rows)
    assert "leak" in faults(shapes.examined())


def test_a_test_table_with_the_target_is_a_fault(shapes):
    truth = shapes.truth()
    rows = "".join(f"{item},{truth[item]}\n" for item in shapes.order_of_test())
    (shapes.bundle / "test.csv").write_text("id,kind\n" + rows)
    assert "leak" in faults(shapes.examined())


def test_the_repository_is_read_as_git_sees_it(shapes, tmp_path: Path):
    folder = tmp_path / "course"
    folder.mkdir()
    assert repository_files(folder) == []
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (folder / ".gitignore").write_text("ignored.csv\n")
    for name in ("ignored.csv", "notes.csv", "이름.csv"):
        (folder / name).write_bytes(shapes.solution.read_bytes())
    files = repository_files(folder)
    assert {path.name for path in files} == {".gitignore", "notes.csv", "이름.csv"}
    assert len(read(files[0])) >= 1
    (place,) = [f for f in leaks(shapes.case(), {"repository": files}, silent) if f.message.startswith("repository")]
    assert (place.level, "2 of 3 files" in place.message) == ("fault", True)
