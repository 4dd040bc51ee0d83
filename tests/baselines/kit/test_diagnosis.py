"""Every illness on a run made to have it, and a healthy run beside them."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from baselines.kit.diagnosis import Extent, describe, diagnose, explain_divergence
from baselines.kit.history import Row
from baselines.kit.losses import guessing_loss, plain_loss
from baselines.kit.recipe import parse_recipe
from competition.bundle import open_bundle
from tests.baselines.glyphs import write_bundle
from tests.baselines.runs import run


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Glyphs enough to learn from, easy enough to get nearly all right."""
    return open_bundle(write_bundle(tmp_path_factory.mktemp("many"), px=12, train=250, validation=60))


def illnesses(outcome):
    return [finding.illness for finding in outcome.findings]


def one_pixel_net(recipe, shape):
    """Sees the mean brightness only: no training makes it fit."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, shape.classes))


def wide_net(recipe, shape):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(shape.height * shape.width, 400), nn.ReLU(), nn.Linear(400, shape.classes)
    )


def test_a_healthy_run_has_no_illness(many, tmp_path):
    outcome = run(many, tmp_path, epochs=15, weight_decay=0.05, augment={"crop": 1})
    assert illnesses(outcome) == ["no illness found"], describe(outcome.findings)


def test_few_images_and_a_wide_net_overfit(tmp_path):
    few = open_bundle(write_bundle(tmp_path / "b", px=12, train=5, validation=60))
    outcome = run(few, tmp_path, build=wide_net, epochs=60, batch=8, lr=0.003)
    assert "overfitting" in illnesses(outcome)
    assert "gap" in describe(outcome.findings)


def test_a_net_that_cannot_see_underfits(many, tmp_path):
    outcome = run(many, tmp_path, build=one_pixel_net, epochs=12, lr=0.1)
    assert "underfitting" in illnesses(outcome)
    assert "overfitting" not in illnesses(outcome)


def test_a_rate_far_too_high_is_found(many, tmp_path):
    outcome = run(many, tmp_path, optimizer="sgd", lr=30.0, epochs=8, schedule={"name": "constant"})
    assert illnesses(outcome)[0] == "learning rate too high"


def test_a_rate_far_too_low_is_found(many, tmp_path):
    outcome = run(many, tmp_path, optimizer="sgd", lr=2e-5, epochs=8, schedule={"name": "constant"})
    assert illnesses(outcome) == ["learning rate too low"]


def test_a_run_cut_off_while_it_still_gains_is_not_converged(many, tmp_path):
    outcome = run(many, tmp_path, optimizer="sgd", lr=3e-3, epochs=4, batch=64, schedule={"name": "constant"})
    assert "not yet converged" in illnesses(outcome)


def test_wrong_labels_are_suspected(tmp_path):
    noisy = open_bundle(write_bundle(tmp_path / "b", px=12, train=250, validation=60, noise=0.3))
    outcome = run(noisy, tmp_path, epochs=6, weight_decay=0.1, augment={"crop": 1, "noise": 0.3})
    assert "label noise suspected" in illnesses(outcome), describe(outcome.findings)


def row(epoch=1.0, train=0.9, validation=0.88, loss=0.4, rate=1e-3):
    return Row(int(epoch * 10), epoch, epoch, rate, loss, train, loss, train, loss * 1.1, validation, 0.0, 1000.0)


@pytest.mark.parametrize(
    ("train_error", "validation_error", "illness"),
    [(0.01, 0.10, "overfitting"), (0.14, 0.15, "underfitting"), (0.005, 0.01, "no illness found")],
)
def test_the_courses_own_examples(train_error, validation_error, illness):
    found = diagnose([row(train=1 - train_error, validation=1 - validation_error)], [], classes=10)
    assert [finding.illness for finding in found] == [illness]


def test_both_illnesses_at_once_are_both_told():
    found = diagnose([row(train=0.85, validation=0.70)], [], classes=10)
    assert {finding.illness for finding in found} == {"overfitting", "underfitting"}


def test_a_run_that_diverged_says_how_far_the_loss_rose():
    divergence = explain_divergence(4, math.nan, [2.3, 2.1, 50.0], "fp32")
    found = diagnose([], [2.3, 2.1, 50.0], classes=10, divergence=divergence)
    assert "2.1 to 50" in found[0].evidence


def test_no_evaluation_is_told_too():
    assert diagnose([], [], classes=10)[0].illness == "no evaluation"


def test_every_finding_has_evidence_and_advice():
    for found in (diagnose([row()], [], 10), diagnose([row(train=0.5, validation=0.5)], [], 10)):
        assert all(finding.evidence and finding.advice for finding in found)


def told(rows, losses=(), classes=10, **more):
    return [finding.illness for finding in diagnose(rows, losses, classes, **more)]


def curve(samples, validations=None, accuracy=0.1, rate=1e-3):
    """Rows of one epoch each with these losses, as right on training images as `accuracy` says."""
    pairs = enumerate(zip(samples, validations or samples, strict=True), 1)
    return [
        replace(row(epoch, accuracy, accuracy, rate=rate), sample_loss=sample, validation_loss=validation)
        for epoch, (sample, validation) in pairs
    ]


@pytest.mark.parametrize(("epochs", "planned"), [(0.014, 3), (0.09, 10), (1.0, 7), (5.0, 40)])
def test_a_run_that_the_budget_cut_is_told_so_and_gets_no_word_on_rate_or_size(epochs, planned):
    steadily_falling = [2.3 - step / 2000 for step in range(200)]
    rows = [row(epoch=share * epochs, train=0.15, validation=0.15, loss=2.25) for share in (0.25, 0.5, 0.75, 1)]
    first, *more = diagnose(rows, steadily_falling, 10, extent=Extent(epochs, planned, out_of_time=True))
    assert first.illness == "cut short by the budget"
    assert f"{epochs:.2g} of {planned} epochs" in first.evidence
    assert more == []


def test_a_run_cut_near_its_end_is_judged_as_a_whole_one():
    rows = [row(train=0.85, validation=0.84)]
    assert told(rows, extent=Extent(9.5, 10, out_of_time=True)) == ["underfitting"]
    assert told(rows, extent=Extent(6, 10, out_of_time=True)) == ["cut short by the budget", "underfitting"]


def test_a_schedule_that_ended_in_the_time_there_was_is_no_cut():
    rows = [row(epoch=1, rate=0.1, train=0.9, validation=0.9), row(epoch=31, rate=0.001, train=0.98, validation=0.975)]
    assert told(rows, extent=Extent(31, 40, out_of_time=True)) == ["no illness found"]
    assert told(rows, extent=Extent(6, 40, out_of_time=True)) == ["cut short by the budget"]


def test_a_cut_run_without_an_evaluation_is_told_both():
    extent = Extent(0.01, 10, out_of_time=True)
    assert told([], extent=extent) == ["cut short by the budget", "no evaluation"]


def test_one_planned_epoch_is_too_few_to_judge_by():
    rows = [row(train=0.6, validation=0.6)]
    assert told(rows, extent=Extent(1, 1, out_of_time=False)) == ["too few epochs to judge by"]


def test_two_evaluations_are_enough_to_see_a_loss_that_still_falls():
    first, second = row(epoch=1, loss=1.0), row(epoch=2, loss=0.7)
    assert "not yet converged" in told([first, second])


def test_a_budget_without_the_time_for_the_plan_is_named_first(many, tmp_path):
    assert illnesses(run(many, tmp_path, budget=4, epochs=100_000))[0] == "cut short by the budget"


def test_a_regularised_loss_that_stays_high_is_no_rate_too_low():
    mixed = [2.25 - step / 2000 for step in range(1000)]  # of mixup and label smoothing: it ends at 1.75
    rows = curve([1.5, 1.4, 1.3, 1.2, 1.1, 1.0], accuracy=0.7)
    assert "learning rate too low" not in told(rows, mixed)


def test_a_rate_too_low_is_seen_under_a_schedule_that_falls_to_zero(many, tmp_path):
    outcome = run(many, tmp_path, optimizer="sgd", lr=4e-5, epochs=8)
    assert illnesses(outcome) == ["learning rate too low"], describe(outcome.findings)


@pytest.mark.parametrize("classes", [2, 10, 52])
@pytest.mark.parametrize("loss", ["cross_entropy", "bce_one_hot"])
def test_the_loss_of_guessing_is_that_of_equal_chances(loss, classes):
    recipe = parse_recipe({"loss": loss}, "test")
    chance = torch.full((classes, classes), 1 / classes)
    logits = chance.log() if loss == "cross_entropy" else chance.logit()
    expected = float(plain_loss(recipe)(logits, torch.arange(classes)))
    assert guessing_loss(recipe, classes) == pytest.approx(expected, rel=1e-5)


def test_a_binary_loss_that_swings_is_judged_by_its_own_level():
    swinging = [0.35 + 0.3 * (step % 2) for step in range(100)]
    guessing = guessing_loss(parse_recipe({"loss": "bce_one_hot"}, "test"), 10)
    assert told([row()], swinging, guessing=guessing) == ["learning rate too high"]


class Blind(nn.Module):
    """Gives every image the same answer."""

    def __init__(self, classes):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, images):
        return self.bias.expand(len(images), -1)


@pytest.mark.parametrize("loss", ["cross_entropy", "bce_one_hot"])
def test_a_net_that_stays_at_chance_has_learnt_nothing(many, tmp_path, loss):
    outcome = run(many, tmp_path, build=lambda recipe, shape: Blind(shape.classes), epochs=6, lr=0.3, loss=loss)
    assert illnesses(outcome) == ["nothing was learnt"], describe(outcome.findings)
    assert "25.0 % of the training images are right" in describe(outcome.findings)


def test_a_loss_that_never_moves_calls_for_no_larger_model():
    assert told(curve([2.303] * 6), [2.303] * 600) == ["nothing was learnt"]


def test_a_validation_loss_that_swings_asks_for_a_lower_rate():
    swinging = curve([0.5] * 8, [0.9, 0.6, 0.85, 0.55, 0.8, 0.6, 0.9, 0.62], accuracy=0.93)
    found = diagnose(swinging, [], 10)
    assert found[0].illness == "learning rate too high"
    assert "jumped up 2 times and fell back, by as much as 0.28" in found[0].evidence


@pytest.mark.parametrize(
    "validation",
    [
        [1.5, 1.0, 0.8, 0.82, 0.7, 0.71, 0.66, 0.65],  # falls, with the noise of any run
        [0.9, 0.6, 0.5, 0.55, 0.62, 0.7, 0.78, 0.9],  # overfits
        [0.030, 0.022, 0.028, 0.021, 0.027, 0.022, 0.026, 0.022],  # by nothing that matters
    ],
)
def test_noise_and_overfitting_are_no_swinging(validation):
    assert "learning rate too high" not in told(curve([0.2] * 8, validation, accuracy=0.95))


def test_swings_that_the_schedule_ended_are_no_illness():
    validation = [0.9, 0.6, 0.85, 0.55, 0.8, 0.6, 0.8, 0.55]
    rows = curve([0.05] * 8, validation, accuracy=0.99)
    assert "learning rate too high" in told(rows)
    assert "learning rate too high" not in told([*rows[:-1], replace(rows[-1], learning_rate=1e-5)])


@pytest.mark.parametrize(("train_error", "validation_error"), [(0.324, 0.516), (0.301, 0.520)])
def test_neighbouring_runs_get_the_same_words(train_error, validation_error):
    found = told([row(train=1 - train_error, validation=1 - validation_error)])
    assert found == ["overfitting", "underfitting"]


def test_a_gap_that_few_images_leave_to_chance_is_no_overfitting():
    few = replace(row(train=1.0, validation=0.92), validation_images=25, sample_images=25)
    assert told([few]) == ["no illness found"]
    assert told([replace(few, validation_images=2500, sample_images=2500)]) == ["overfitting"]


def test_every_rule_looks_at_the_state_that_was_kept():
    kept, last = row(epoch=1, train=0.97, validation=0.96), row(epoch=2, train=0.99, validation=0.8)
    assert told([kept, last], kept=kept) == ["no illness found"]
    assert told([kept, last], kept=last) == ["overfitting"]


def test_nothing_is_said_about_training_images_that_were_not_measured():
    unmeasured = replace(row(train=math.nan, validation=0.5), sample_loss=math.nan)
    found = diagnose([unmeasured], [], 10)
    assert [finding.illness for finding in found] == ["no illness found"]
    assert "train error not measured" in found[0].evidence


@pytest.mark.parametrize(
    ("before", "precision", "illness"),
    [
        ([2.3, 2.1, 50.0], "fp32", "learning rate too high"),
        ([0.05, 0.06, 0.05], "fp16", "fp16 overflow"),
        ([], "fp16", "fp16 overflow"),
        ([], "fp32", "no number from the start"),
        ([0.05, 0.06, 0.05], "bf16", "the loss broke off"),
    ],
)
def test_a_divergence_is_explained_by_what_came_before_it(before, precision, illness):
    found = explain_divergence(len(before) + 1, math.nan, before, precision)
    assert found.illness == illness
    assert f"nan at step {len(before) + 1}" in found.evidence
    assert ("rising from 2.1 to 50" in found.evidence) == (illness == "learning rate too high")
    assert diagnose([row()], before, 10, divergence=found) == [found]
