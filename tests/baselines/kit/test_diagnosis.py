"""Every illness on a run made to have it, and a healthy run beside them."""

import pytest
from torch import nn

from baselines.kit.diagnosis import describe, diagnose
from baselines.kit.history import Row
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
    found = diagnose([], [2.3, 2.1, 50.0], classes=10, diverged=True)
    assert "2.1 to 50" in found[0].evidence


def test_no_evaluation_is_told_too():
    assert diagnose([], [], classes=10)[0].illness == "no evaluation"


def test_every_finding_has_evidence_and_advice():
    for found in (diagnose([row()], [], 10), diagnose([row(train=0.5, validation=0.5)], [], 10)):
        assert all(finding.evidence and finding.advice for finding in found)
