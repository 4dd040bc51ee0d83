"""`make demo` after the installation, with less time for the linear model: real commands, kernels and scores."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score

ROOT = Path(__file__).resolve().parents[1]


def make(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A target of the repository's Makefile in another folder, with this environment's commands."""
    command = ["make", "-f", str(ROOT / "Makefile"), f"BIN={Path(sys.executable).parent}", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "120"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def read(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
def test_the_demo_ends_with_three_rows_in_rising_order_and_true_scores(tmp_path: Path) -> None:
    done = make(tmp_path, "demo-board", "LINEAR_BUDGET=25s")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Next: " in done.stdout
    board = json.loads((tmp_path / "site" / "board.json").read_text())
    rows = {row["team"]: row["score"] for row in board["boards"][0]["rows"]}
    assert rows["sample_submission"] < rows["pixels_linear"] < rows["fontchar_bottleneck"]
    truth = read(tmp_path / ".grader" / "vault" / "fontchar" / "solution.csv")
    for team, score in rows.items():
        answers = read(tmp_path / "submissions" / "fontchar" / f"{team}.csv")
        public = [item for item, row in truth.items() if row["Usage"] == "Public"]
        by_hand = accuracy_score([truth[item]["label"] for item in public], [answers[item]["label"] for item in public])
        assert score == by_hand
    assert (tmp_path / "site" / "index.html").read_text().count("fontchar_bottleneck") >= 1
    first = (tmp_path / "submissions" / "fontchar" / "fontchar_bottleneck.csv").stat().st_mtime_ns
    time.sleep(0.01)
    again = make(tmp_path, "demo-board")
    assert again.returncode == 0, again.stderr[-3000:]
    assert (tmp_path / "submissions" / "fontchar" / "fontchar_bottleneck.csv").stat().st_mtime_ns == first
