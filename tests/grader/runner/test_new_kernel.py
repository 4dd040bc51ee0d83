"""A participant copies a baseline, renames it, and has a kernel."""

import subprocess
import sys
from pathlib import Path

import pytest

from competition.errors import UserError
from grader.runner.new_kernel import new_kernel


def test_a_copy_runs_under_its_new_name(tmp_path: Path):
    new_kernel(tmp_path / "my_idea", "fontchar_bottleneck")
    done = subprocess.run(
        [sys.executable, "-m", "my_idea", "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "python -m my_idea" in done.stdout
    texts = [path.read_text() for path in (tmp_path / "my_idea").rglob("*.py")]
    assert not any("baselines.fontchar_bottleneck" in text for text in texts)


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
