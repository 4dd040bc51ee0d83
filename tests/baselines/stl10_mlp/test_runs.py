"""Whole runs of stl10_mlp on tiny coloured pictures, its notebook, and the stand-in for STL-10."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from competition.bundle import open_bundle
from tests.baselines.glyphs import ROOT, kernel_process
from tests.baselines.notebooks import run_notebook
from tests.baselines.pictures import accuracy_of, write_pictures

TINY = ["model.hidden=[64,32]", "ladder=[]", "image_px=8", "epochs=25", "batch=16", "lr=0.01", "precision=fp32"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data"), px=16)


def test_the_strong_recipe_learns_the_pictures(pictures, tmp_path):
    chosen = [part for setting in TINY for part in ("--set", setting)]
    done = kernel_process(
        "baselines.stl10_mlp", "--data", str(pictures), "--out", str(tmp_path), "--budget", "60s",
        "--recipe", "strong", *chosen,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert accuracy_of(pictures, tmp_path) > 0.5
    assert json.loads((tmp_path / "run.json").read_text())["recipe_name"] == "strong"


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(pictures, tmp_path):
    out = tmp_path / "out"
    notebook = ROOT / "baselines" / "stl10_mlp" / "kernel.ipynb"
    run_notebook(notebook, tmp_path, data=str(pictures), out=str(out), budget="60s", recipe="strong", settings=TINY)
    assert accuracy_of(pictures, out) > 0.5


@pytest.mark.slow
def test_the_stand_in_has_stl10s_sizes_and_is_named_as_such(shared_data, tmp_path):
    path = ROOT / "bench" / "training" / "stl10_stand_in.py"
    spec = importlib.util.spec_from_file_location("stl10_stand_in", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make_stand_in(shared_data / "cifar10_images.zip", tmp_path / "data", tmp_path / "home")
    bundle = open_bundle(tmp_path / "data" / "stl10_stand_in")
    assert bundle.train_images.shape == (5000, 96, 96, 3)
    assert bundle.test_images.shape == (8000, 96, 96, 3)
    assert np.bincount(bundle.train_labels).tolist() == [500] * 10
    assert np.bincount(bundle.train_folds).tolist() == [1000] * 5
    assert "stand-in" in bundle.rules.title
