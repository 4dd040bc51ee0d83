"""A competition without a fault, and the shape of what the doctor says."""

import ast
import stat
from pathlib import Path

import pytest
from PIL import Image

from competition.doctor.finding import Finding, is_sound, percent, some
from competition.errors import BadInputError, UserError
from tests.competition.doctor.conftest import by_code, faults, levels

PACKAGE = Path(__file__).resolve().parents[3] / "competition"


@pytest.mark.parametrize("layout", ["arrays", "folder"])
def test_a_sound_competition_has_neither_fault_nor_warning(prepared, layout):
    examination = prepared(layout=layout).examined()
    assert is_sound(examination.findings)
    assert levels(examination) <= {"ok", "note"}
    codes = {finding.code for finding in examination.findings}
    assert {"checksum", "preparation", "parts", "public", "repeats", "conflicts", "near_repeats"} <= codes
    assert {"label_noise", "shift", "ids", "id_order", "order", "leak", "pictures"} <= codes


def test_every_class_gets_a_sheet_and_nobody_else_can_look(prepared):
    examination = prepared().examined()
    sheets = sorted(path.name for path in examination.folder.glob("*.png"))
    assert sheets == ["0-circle.png", "1-cross.png", "2-square.png", "classes.png"]
    with Image.open(examination.folder / "0-circle.png") as sheet:
        assert sheet.size[0] > 1000
        assert len(sheet.getcolors(1 << 20)) > 50  # there is a picture on it
    assert stat.S_IMODE(examination.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in examination.folder.iterdir()} == {0o600}


def test_a_second_examination_leaves_nothing_of_the_first(prepared):
    shapes = prepared()
    folder = shapes.examined().folder
    (folder / "duplicates.csv").write_text("old")
    shapes.examined()
    assert not (folder / "duplicates.csv").exists()


def test_findings_name_no_hidden_label(prepared):
    """Words of the label set appear in lists and pictures alone."""
    for finding in prepared(repeats="keep").examined().findings:
        assert not any(label in finding.message for label in ("circle", "cross ", "square"))


def test_groups_and_folds_are_balanced_as_far_as_the_spec_asks(prepared):
    examination = prepared(parts="80:20", folds=4).examined()
    (folds,) = by_code(examination, "folds")
    assert (folds.level, "4 folds" in folds.message) == ("ok", True)


def test_exact_counts_a_class_are_counted(prepared):
    shapes = prepared(parts={"train": 30, "validation": 10, "test": 20})
    (parts,) = by_code(shapes.examined(), "parts")
    assert parts.message == "items a class: train 30, validation 10, test 20; the spec asks for 30:10:20 a class"


def test_korean_labels_are_drawn(prepared, tmp_path):
    shapes = prepared(labels=["원", "십자", "네모"], plant=_in_korean)
    assert not faults(shapes.examined())
    assert (shapes.home / "doctor" / "shapes" / "0-원.png").exists()


def _in_korean(folder: Path) -> None:
    for old, new in (("circle", "원"), ("cross", "십자"), ("square", "네모")):
        (folder / old).rename(folder / new)


def test_what_is_not_prepared_is_said_so(prepared, tmp_path):
    shapes = prepared()
    for path in shapes.bundle.iterdir():
        path.unlink()
    with pytest.raises(BadInputError, match="no bundle here"):
        shapes.examined()
    shapes = prepared()
    shapes.home.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="no vault here"):
        shapes.examined()


def test_words_count_right():
    assert some(["a", "b"]) == "a, b"
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert (percent(1, 5), percent(1, 10_000), percent(0, 0)) == ("20 %", "0.01 %", "0 %")
    assert is_sound([Finding("warning", "x", "y")])
    assert not is_sound([Finding("ok", "x", "y"), Finding("fault", "x", "y")])


def test_the_package_competition_never_imports_the_judge():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.partition(".")[0] in ("grader", "baselines", "click", "rich") for name in names), path
