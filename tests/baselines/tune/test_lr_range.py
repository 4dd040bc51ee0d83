"""The range test: what it suggests on curves of known shape, and that a net trains well at the rate suggested."""

import csv
import json

import numpy as np
import pytest

from baselines.tune.lr_range import Curve, smoothed, suggest_rate
from competition.errors import UserError
from tests.baselines.glyphs import kernel_process
from tests.baselines.runs import run
from tests.baselines.tune.small import options

RATES = np.logspace(-6, 1, 141)


def curve(bottom=-2.0, noise=0.0, exploded=True):
    """Flat at 2 up to 1e-5, then straight down to `bottom` (log10), then up."""
    decades = np.log10(RATES)
    losses = np.interp(decades, [-5, bottom, bottom + 1], [2.0, 0.5, 5.0])
    keep = decades < bottom + 0.8
    losses = losses + np.random.default_rng(0).normal(0, noise, len(losses))
    return Curve(RATES[keep].tolist(), losses[keep].tolist(), exploded)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("bottom", [-3.0, -2.0, -1.0])
def test_the_rate_is_a_third_of_the_one_with_the_lowest_loss(bottom, noise):
    found = suggest_rate(curve(bottom, noise))
    assert np.log10(found.highest) == pytest.approx(bottom, abs=0.3)
    assert found.rate == pytest.approx(found.highest / 3)
    assert -5.2 < np.log10(found.lowest) < bottom - 1
    assert "explodes" in found.reason


def test_a_loss_that_still_falls_at_the_end_is_told():
    whole = curve()
    falling = [loss for loss, rate in zip(whole.losses, whole.rates, strict=True) if rate < 1e-3]
    found = suggest_rate(Curve(whole.rates[: len(falling)], falling, False))
    assert "still falls" in found.reason


@pytest.mark.parametrize(
    ("losses", "told"), [([2.0] * 60, "no rate made the loss fall"), ([2.0] * 5, "exploded after")]
)
def test_a_curve_that_says_nothing_gives_no_rate(losses, told):
    with pytest.raises(UserError, match=told):
        suggest_rate(Curve(RATES[: len(losses)].tolist(), losses, True))


def test_smoothing_does_not_move_the_lowest_point():
    losses = list(np.abs(np.arange(100) - 40.0))
    assert smoothed(losses).argmin() == 40


@pytest.mark.slow
def test_the_suggested_rate_trains_where_far_lower_and_far_higher_ones_do_not(glyphs, bundle, tmp_path):
    done = kernel_process(
        "baselines.tune.lr_range",
        *options("--data", str(glyphs), "--out", str(tmp_path / "range"), "--budget", "60s", "--steps", "120"),
    )
    assert done.returncode == 0, done.stderr
    rate = json.loads((tmp_path / "range" / "lr_range.json").read_text())["rate"]
    assert done.stdout.startswith(f"lr={rate:.2g}: ")
    with (tmp_path / "range" / "lr_range.csv").open(newline="") as file:
        rates = [float(row["learning_rate"]) for row in csv.DictReader(file)]
    assert np.allclose(np.diff(np.log(rates)), np.log(1e7) / 119, rtol=1e-3)
    assert (tmp_path / "range" / "lr_range.png").read_bytes().startswith(b"\x89PNG")
    accuracies = [
        run(bundle, tmp_path / str(factor), epochs=5, lr=factor * rate).fit.rows[-1].validation_accuracy
        for factor in (0.003, 1, 300)
    ]
    assert accuracies[1] > 0.6
    assert accuracies[1] > max(accuracies[0], accuracies[2]) + 0.1
