"""Runs from a notebook: where the bundle is found, the same options as on the command line, and the last resort."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from baselines.fontchar_bottleneck.__main__ import KERNEL
from baselines.kit.notebook import find_bundle, train_here
from competition.errors import UserError
from tests.baselines.glyphs import ROOT, read_submission

TINY = ["ladder=[]", "image_px=16", "model.widths=[8]", "model.pool_after=[1]", "epochs=2", "precision=fp32"]


@pytest.fixture(autouse=True)
def _no_runner(monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith("GRADER_")]:
        monkeypatch.delenv(name)


def python(text: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_bundle_is_found_in_the_nearest_folder_above_that_has_it(tmp_path, monkeypatch):
    notebook = tmp_path / "kernels" / "my_idea"
    (notebook / "data" / "fontchar").mkdir(parents=True)  # no bundle: nothing was prepared in it
    bundle = tmp_path / "data" / "fontchar"
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").touch()
    monkeypatch.chdir(notebook)
    assert find_bundle("fontchar") == bundle
    assert find_bundle("unheard_of") == Path("data/unheard_of")
    monkeypatch.setenv("GRADER_BUNDLE", str(tmp_path / "given"))
    assert find_bundle("fontchar") == tmp_path / "given"


def test_a_data_folder_named_in_the_environment_is_looked_in(tmp_path, monkeypatch):
    (tmp_path / "elsewhere" / "fontchar").mkdir(parents=True)
    (tmp_path / "elsewhere" / "fontchar" / "manifest.json").touch()
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "elsewhere"))
    assert find_bundle("fontchar") == tmp_path / "elsewhere" / "fontchar"


def test_threads_and_probabilities_are_those_asked_for(glyphs, tmp_path):
    train_here(KERNEL, glyphs, tmp_path, "strong", TINY, "60s", threads=1, device="cpu", probabilities=True)
    with (tmp_path / "probabilities.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["id", *"AHTX"]
    assert json.loads((tmp_path / "run.json").read_text())["threads"] == 1


def test_resuming_keeps_the_checkpoint_and_a_new_run_deletes_it(glyphs, tmp_path):
    (tmp_path / "resume.pt").write_bytes(b"no checkpoint")
    with pytest.raises(UserError, match=r"resume\.pt.*start anew"):
        train_here(KERNEL, glyphs, tmp_path, "strong", TINY, "60s", threads=1, device="cpu", resume=True)
    train_here(KERNEL, glyphs, tmp_path, "strong", TINY, "60s", threads=1, device="cpu")
    assert not (tmp_path / "resume.pt").exists()


def test_the_budget_sees_what_the_imports_take(glyphs, tmp_path):
    text = (
        "import sys; from baselines.fontchar_bottleneck.__main__ import KERNEL\n"
        "from baselines.kit.notebook import train_here; assert 'torch' not in sys.modules\n"
        f"train_here(KERNEL, {str(glyphs)!r}, {str(tmp_path)!r}, 'strong', {TINY}, '60s', device='cpu')"
    )
    done = python(text)
    assert done.returncode == 0, done.stderr
    # Without torch, which takes a second at least, what precedes the run is a few hundredths.
    assert json.loads((tmp_path / "run.json").read_text())["seconds"]["imports"] > 0.3


def test_a_notebook_of_a_runner_is_ended_before_the_deadline_with_a_valid_submission(glyphs, tmp_path):
    text = (
        "import dataclasses, time; from baselines.fontchar_bottleneck.__main__ import KERNEL\n"
        "from baselines.kit.notebook import train_here\n"
        "endless = dataclasses.replace(KERNEL, build=lambda recipe, shape: time.sleep(600))\n"
        f"train_here(endless, {str(glyphs)!r}, {str(tmp_path)!r}, 'strong', {TINY}, '10m')"
    )
    done = python(text, GRADER_DEADLINE=repr(time.time() + 4))
    assert done.returncode == 0
    assert "ended before the run did" in done.stderr
    assert len(read_submission(tmp_path)) == 60


def test_a_budget_in_a_notebook_begins_with_its_call_and_ends_with_the_runner():
    from baselines.kit.budget import Clock

    now = time.monotonic()
    clock = Clock.starting_now(300)
    assert clock.ended_by({}).deadline == clock.deadline
    ended = clock.ended_by({"GRADER_DEADLINE": repr(time.time() + 20)})
    assert ended.deadline - now == pytest.approx(20, abs=1)
    assert ended.start == clock.start
    assert clock.ended_by({"GRADER_DEADLINE": repr(time.time() + 900)}).deadline == clock.deadline
