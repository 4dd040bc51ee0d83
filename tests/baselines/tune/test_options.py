"""What the tools train: the recipe and the batches that a run of the kernel would have."""

from pathlib import Path

import pytest
import torch
from torch import nn

from baselines.kit.budget import Clock
from baselines.kit.kernel import Kernel
from baselines.kit.recipe import parse_recipe
from baselines.tune.kernels import find_kernel
from baselines.tune.lr_range import command_line, measure_curve
from baselines.tune.options import completed_recipe
from baselines.tune.prepared import prepare
from tests.baselines.glyphs import kernel_process
from tests.baselines.runs import FAST, run, small_net
from tests.baselines.tune.folders import write_kernel
from tests.baselines.tune.small import flags


@pytest.mark.parametrize(("tool", "more"), [
    ("tune", ["--trials", "2"]),
    ("tune.cross_validate", ["--folds", "2"]),
    ("tune.lr_range", ["--steps", "40", "--high", "1"]),
    ("tune.batch_size", ["--smallest", "64"]),
])  # fmt: skip
def test_every_tool_fills_in_what_a_recipe_leaves_to_the_model(glyphs, tmp_path, tool, more):
    kernel = str(write_kernel(tmp_path))
    common = ["--data", str(glyphs), "--out", str(tmp_path / "out"), "--budget", "60s", "--device", "cpu"]
    done = kernel_process(f"baselines.{tool}", kernel, *common, *more, "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "trained with" not in done.stderr


def test_timms_own_normalisation_is_taken_with_and_without_the_ladder(bundle):
    kernel = find_kernel("timm_template")
    settings = flags(["model.name=mobilenetv3_small_050", "ladder=[]"])
    with_ladder, without = (
        completed_recipe(kernel, command_line().parse_args(["timm_template", *more]), bundle)
        for more in (settings[:2], settings)
    )
    assert (without.image_px, without.interpolation, without.ladder) == (224, "bicubic", [])
    assert with_ladder.ladder
    assert without.mean == with_ladder.mean == [pytest.approx((0.485 + 0.456 + 0.406) / 3)]


class Noting(nn.Module):
    """The small net of the tests, and all it was given in training."""

    def __init__(self, recipe, shape, seen):
        super().__init__()
        self.net, self.seen = small_net(recipe, shape), seen

    def forward(self, images):
        if self.training:
            self.seen.append(images.clone())
        return self.net(images)


@pytest.mark.parametrize("changes", [
    {"mixup": 0.4, "label_smoothing": 0.1, "augment": {"shift": 0.1}},
    {"alternating_flip": True},
    {"torchvision": [{"RandomInvert": {"p": 0.5}}]},
], ids=lambda changes: next(iter(changes)))  # fmt: skip
def test_a_range_test_trains_on_the_batches_of_a_run(bundle, tmp_path, changes):
    values = {**changes, "epochs": 2, "batch": 32}
    of_run, of_test = [], []
    fit = run(bundle, tmp_path / "run", build=lambda recipe, shape: Noting(recipe, shape, of_run), **values).fit
    kernel = Kernel("noting", "", Path(), lambda recipe, shape: Noting(recipe, shape, of_test))
    recipe = parse_recipe({**FAST, **values}, "test")
    prepared = prepare(kernel, recipe, bundle, Clock.starting_now(60), 3, "cpu", 1)
    measure_curve(prepared, 1e-5, 1e-3, fit.steps)
    for expected, found in zip(of_run[-fit.steps :], of_test[-fit.steps :], strict=True):
        assert torch.equal(expected, found)


@pytest.mark.parametrize("tool", ["lr_range", "batch_size"])
def test_a_tool_that_only_measures_promises_no_submission(tool):
    told = kernel_process(f"baselines.tune.{tool}", "--help").stdout
    assert "no submission.csv" in told
    assert "where submission.csv" not in told
