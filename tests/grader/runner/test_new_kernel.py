"""A participant copies a baseline, renames it, and has a kernel."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from competition.errors import UserError
from grader.runner.kernel import BASELINES, find_kernel
from grader.runner.new_kernel import new_kernel
from grader.runner.run import run_kernel
from tests.baselines.glyphs import ROOT, accuracy_on_test, write_bundle

NOTEBOOKS = sorted(path.parent.name for path in BASELINES.glob("*/kernel.ipynb"))


def test_a_copy_runs_under_its_new_name(tmp_path: Path):
    new_kernel(tmp_path / "my_idea", "fontchar_bottleneck")
    done = subprocess.run(
        [sys.executable, "-m", "my_idea", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "python -m my_idea" in done.stdout
    texts = [path.read_text() for path in (tmp_path / "my_idea").rglob("*.py")]
    assert not any("baselines.fontchar_bottleneck" in text for text in texts)


def code_cells(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("baseline", NOTEBOOKS)
def test_the_notebook_of_a_copy_finds_its_modules_and_the_data_from_where_it_lies(tmp_path: Path, baseline: str):
    folder = tmp_path / "kernels" / "my_idea"
    new_kernel(folder, baseline)
    data = tmp_path / "data"
    for name in ("fontchar", "cifar10", "fashion_mnist", "letters", "stl10"):
        (data / name).mkdir(parents=True)
        (data / name / "manifest.json").touch()
    first_cells = "\n".join(code_cells(folder / "kernel.ipynb")[:2])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRADER_")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{first_cells}\nprint(KERNEL.name, data)"],
        cwd=folder, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    name, found = done.stdout.splitlines()[-1].split()
    assert (name, Path(found).parent) == ("my_idea", data)


def test_the_notebook_of_a_copy_runs_as_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "my_idea"
    new_kernel(folder, "fontchar_bottleneck")
    notebook = folder / "kernel.ipynb"
    tiny = ["ladder=[]", "model.widths=[8,16]", "image_px=16", "epochs=8", "batch=16", "precision=fp32"]
    notebook.write_text(notebook.read_text().replace('"settings = []"', json.dumps(f"settings = {tiny}")))
    bundle = write_bundle(tmp_path / "data")
    outcome = run_kernel(find_kernel(str(notebook)), bundle, tmp_path / "runs", budget_seconds=90, seed=1)
    assert outcome.status == "finished", (outcome.folder / "log.txt").read_text()
    assert accuracy_on_test(bundle, outcome.folder) > 0.7
    assert json.loads((outcome.folder / "run.json").read_text())["kernel"] == "my_idea"


def test_what_runs_left_in_a_baseline_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    used = tmp_path / "baselines" / "used"
    (used / "runs" / "used").mkdir(parents=True)
    for name in ("model.py", "__main__.py", "runs/used/submission.csv"):
        (used / name).touch()
    monkeypatch.setattr("grader.runner.new_kernel.BASELINES", used.parent)
    monkeypatch.setattr("grader.runner.kernel.BASELINES", used.parent)
    assert {path.name for path in new_kernel(tmp_path / "my_idea", "used")} == {"model.py", "__main__.py"}


@pytest.mark.parametrize(
    ("name", "baseline", "message"),
    [
        ("my_idea", "fontchar_botleneck", "no baseline is called 'fontchar_botleneck'; did you mean"),
        ("my-idea", "pixels_linear", "'my-idea' is no name for a kernel; use letters, digits and _"),
    ],
)
def test_what_cannot_be_copied_is_said(tmp_path: Path, name: str, baseline: str, message: str):
    with pytest.raises(UserError) as error:
        new_kernel(tmp_path / name, baseline)
    assert message in str(error.value)


def test_a_folder_that_is_there_is_never_overwritten(tmp_path: Path):
    (tmp_path / "my_idea").mkdir()
    with pytest.raises(UserError, match="is there already"):
        new_kernel(tmp_path / "my_idea", "pixels_linear")
