"""Whole runs of timm_template on tiny bundles: with real weights, from a copy under another name, as a notebook."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from baselines.kit.budget import parse_duration
from grader.runner.new_kernel import new_kernel
from tests.baselines.glyphs import ROOT, kernel_process
from tests.baselines.notebooks import run_notebook
from tests.baselines.pictures import accuracy_of, write_pictures

KERNEL = "baselines.timm_template"
PROBE = ["ladder=[]", "image_px=64", "precision=fp32", "batch=16"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data"))


def arguments(data: Path, out: Path, *more: str, settings: list[str] = PROBE) -> list[str]:
    chosen = [part for setting in settings for part in ("--set", setting)]
    return ["--data", str(data), "--out", str(out), "--budget", "90s", *more, *chosen]


def test_a_linear_probe_on_real_features_tells_the_pictures_apart(pictures, lite0_weights, tmp_path):
    done = kernel_process(KERNEL, *arguments(pictures, tmp_path, "--weights", str(lite0_weights)))
    assert done.returncode == 0, done.stderr[-2000:]
    assert accuracy_of(pictures, tmp_path) > 0.8
    assert "80 train, 32 validation" in done.stderr or "computed once" in done.stderr
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["recipe"]["mean"] == [0.5, 0.5, 0.5]
    assert record["parameters"] == 1280 * 4 + 4


def test_a_copy_under_another_name_is_a_kernel_of_its_own(pictures, tmp_path):
    folder = tmp_path / "kernels" / "my_idea"
    new_kernel(folder, "timm_template")
    out = tmp_path / "out"
    settings = ["ladder=[]", "image_px=32", "precision=fp32", "epochs=1", "optimizer_options={}"]
    wish = arguments(
        pictures, out, "--recipe", "strong", "--model", "resnet10t", "--weights", "none", settings=settings
    )
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{folder.parent}:{ROOT}"}
    command = [sys.executable, "-m", "my_idea", *wish]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((out / "run.json").read_text())
    assert record["kernel"] == "my_idea"
    assert record["recipe"]["model"]["name"] == "resnet10t"


def test_an_unknown_model_is_told_in_one_line(pictures, tmp_path):
    done = kernel_process(KERNEL, *arguments(pictures, tmp_path, "--model", "resnet10x"))
    assert done.returncode == 2
    assert "did you mean resnet10t" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(pictures, lite0_weights, tmp_path):
    notebook = ROOT / "baselines" / "timm_template" / "kernel.ipynb"
    settings = [*PROBE, "model.name=tf_efficientnet_lite0", f"model.weights={lite0_weights}"]
    out = str(tmp_path / "out")
    run_notebook(notebook, tmp_path, data=str(pictures), out=out, budget="90s", settings=settings)
    assert accuracy_of(pictures, Path(out)) > 0.8


@pytest.mark.slow
def test_the_notebook_runs_without_weights_in_any_cache(pictures, tmp_path, monkeypatch):
    for cache in ("HF_HOME", "TORCH_HOME"):
        monkeypatch.setenv(cache, str(tmp_path / "empty"))
    notebook = ROOT / "baselines" / "timm_template" / "kernel.ipynb"
    out = tmp_path / "out"
    run_notebook(notebook, tmp_path, data=str(pictures), out=str(out), budget="45s")
    assert json.loads((out / "run.json").read_text())["recipe"]["model"]["weights"] == "none"


@pytest.mark.slow
def test_a_budget_too_short_for_all_features_ends_in_time_with_a_part_of_them(lite0_weights, tmp_path):
    many = write_pictures(tmp_path, train=600, validation=100, test=100)
    out = tmp_path / "out"
    options = ["--data", str(many), "--out", str(out), "--budget", "25s", "--weights", str(lite0_weights)]
    done = kernel_process(KERNEL, *options, "--set", "ladder=[]", "--set", "image_px=224", "--threads", "1")
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((out / "run.json").read_text())
    assert record["seconds"]["until_submission"] < parse_duration("25s")
    assert "a part of 2,400" in done.stderr
    assert accuracy_of(many, out) > 0.3
