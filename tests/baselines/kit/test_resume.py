"""A run that was killed and goes on ends where one without an interruption ends."""

import pytest
import torch

from baselines.kit.checkpoint import load_checkpoint
from baselines.kit.live import Silent
from tests.baselines.runs import run

EPOCHS = 6


class KilledAt(Silent):
    """Stops the run in the middle of an epoch, some steps after the last checkpoint."""

    def __init__(self, epoch: float) -> None:
        self.epoch = epoch

    def step(self, step, epoch, progress, rate, loss):
        if epoch >= self.epoch:
            raise KeyboardInterrupt


@pytest.fixture
def deterministic():
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": {"name": "onecycle"}, "ema": 0.9, "keep": "last"},
        {"optimizer": "sgd", "schedule": {"name": "plateau", "patience": 1}, "accumulate": 2, "mixup": 0.4},
        {"optimizer": "rmsprop", "alternating_flip": True, "cutmix": 1.0, "keep": "loss", "label_smoothing": 0.1},
        {
            "optimizer": "muon_sgd",
            "optimizer_options": {"head_lr": 0.01, "bias_lr": 0.01},
            "schedule": {"name": "step", "step_size": 2},
            "torchvision": [{"ColorJitter": {"brightness": 0.3}}],
        },
    ],
    ids=["ema-onecycle", "plateau-mixup", "flip-cutmix", "muon-step"],
)
def test_an_interrupted_run_ends_with_the_weights_of_one_that_was_not(bundle, tmp_path, deterministic, changes):
    recipe = {"epochs": EPOCHS, "deterministic": True, "augment": {"noise": 0.1, "crop": 1}, **changes}
    whole = run(bundle, tmp_path / "whole", **recipe)
    with pytest.raises(KeyboardInterrupt):
        run(bundle, tmp_path / "killed", reporter=KilledAt(3.5), **recipe)
    resumed = run(bundle, tmp_path / "killed", resume=True, **recipe)
    assert resumed.fit.steps == whole.fit.steps
    assert resumed.fit.losses == whole.fit.losses
    weights = [load_checkpoint(tmp_path / name / "model.pt") for name in ("whole", "killed")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    csvs = [(tmp_path / name / "submission.csv").read_bytes() for name in ("whole", "killed")]
    assert csvs[0] == csvs[1]
