"""Whole runs of cifar10_resnet50 on tiny bundles: the command line, the ladder, the notebook."""

import json
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet50

from tests.baselines.glyphs import ROOT, kernel_process
from tests.baselines.notebooks import run_notebook
from tests.baselines.pictures import accuracy_of, write_pictures

KERNEL = "baselines.cifar10_resnet50"
TINY = ["ladder=[]", "model.widths=[16,32,32]", "batch=40", "epochs=12", "lr=0.1", "precision=fp32",
        "optimizer_options.head_lr=30", "optimizer_options.bias_lr=2"]  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data"))


def arguments(data: Path, out: Path, recipe: str, budget: str, settings: list[str]) -> list[str]:
    chosen = [part for setting in settings for part in ("--set", setting)]
    return ["--data", str(data), "--out", str(out), "--budget", budget, "--recipe", recipe, *chosen]


def test_the_strong_recipe_learns_the_pictures(pictures, tmp_path):
    done = kernel_process(KERNEL, *arguments(pictures, tmp_path, "strong", "60s", TINY))
    assert done.returncode == 0, done.stderr[-2000:]
    assert accuracy_of(pictures, tmp_path) > 0.8


def test_without_weights_the_run_says_how_to_get_them_and_leaves_a_valid_csv(pictures, tmp_path):
    out = tmp_path / "out"
    done = kernel_process(KERNEL, *arguments(pictures, out, "reference", "60s", []), TORCH_HOME=str(tmp_path))
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and "resnet50-0676ba61.pth" in last and "--weights" in last
    assert "Traceback" not in done.stderr
    assert accuracy_of(pictures, out) == 0.25  # class shares


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(5)
    file = tmp_path_factory.mktemp("weights") / "resnet50-0676ba61.pth"
    torch.save(resnet50(weights=None).state_dict(), file)
    return file


def test_a_short_budget_goes_down_the_ladder_to_cached_features_and_says_so(pictures, weights, tmp_path):
    cached = "{min_epochs: 0, image_px: 32, model: {train: head}, cache_features: true}"
    sizes = f"[{{min_epochs: 99999, image_px: 64}}, {cached}]"
    settings = [f"ladder={sizes}", "epochs=5", "augment={}", "precision=fp32", f"model.weights={weights}"]
    done = kernel_process(KERNEL, *arguments(pictures, tmp_path, "reference", "60s", settings))
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((tmp_path / "run.json").read_text())
    assert "rung 2 of 2" in record["plan"] and "of its 99999 epochs" in record["plan"]
    assert "computed once" in done.stderr
    assert record["recipe"]["image_px"] == 32
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert {name.split(".")[0] for name in state} == {"body", "head"}  # the whole net, not the trained layer alone


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(pictures, tmp_path):
    notebook = ROOT / "baselines" / "cifar10_resnet50" / "kernel.ipynb"
    out = str(tmp_path / "out")
    run_notebook(notebook, tmp_path, data=str(pictures), out=out, budget="60s", settings=TINY)
    assert accuracy_of(pictures, Path(out)) > 0.8
