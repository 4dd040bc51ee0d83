"""Means of probabilities against scipy and by hand; fitted weights against another algorithm and a grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import gmean
from sklearn.metrics import log_loss as sklearn_log_loss

from baselines.ensemble.mixing import MEANS, checked_weights, cross_fitted, fit_weights, log_loss
from competition.errors import UserError


def members(files=3, rows=200, classes=4, seed=0, sharpness=(3.0, 2.0, 0.5)):
    """Files that know the labels better or worse."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=rows)
    truth = np.eye(classes)[labels]
    logits = [random.normal(size=(rows, classes)) + sharpness[file % len(sharpness)] * truth for file in range(files)]
    return np.stack([softmax(one, axis=1) for one in logits]), labels


def mixture_weights_by_em(found, labels, rounds=1500):
    """Expectation maximisation for the weights of a mixture: another way to the same lowest log loss."""
    right = found[:, np.arange(len(labels)), labels]
    weights = np.full(len(found), 1 / len(found))
    for _ in range(rounds):
        shares = weights[:, None] * right
        weights = (shares / shares.sum(0)).mean(1)
    return weights


@given(st.integers(0, 1000), st.integers(1, 4), st.sampled_from(sorted(MEANS)))
@settings(max_examples=40, deadline=None)
def test_every_mean_gives_rows_of_probabilities_and_does_not_depend_on_the_order_of_files(seed, files, mean):
    found, _ = members(files, 20, seed=seed)
    weights = np.random.default_rng(seed).dirichlet(np.ones(files))
    mixed = MEANS[mean](found, weights)
    assert np.allclose(mixed.sum(1), 1)
    assert (mixed >= 0).all()
    assert np.allclose(MEANS[mean](found[::-1], weights[::-1]), mixed)


def test_the_weighted_and_the_geometric_mean_are_scipys_and_numpys():
    found, _ = members()
    weights = np.array([0.5, 0.3, 0.2])
    assert np.allclose(MEANS["weighted"](found, weights), np.average(found, axis=0, weights=weights))
    geometric = gmean(found, axis=0, weights=np.broadcast_to(weights[:, None, None], found.shape))
    expected = geometric / geometric.sum(1, keepdims=True)
    assert np.allclose(MEANS["geometric"](found, weights), expected)


def test_the_rank_mean_by_hand():
    first = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    second = np.array([[0.51, 0.49], [0.50, 0.50], [0.52, 0.48]])
    # Ranks of class 0: 3 2 1 and 2 1 3; of class 1: 1 2 3 and 2 3 1.
    mixed = MEANS["rank"](np.stack([first, second]), np.array([0.5, 0.5]))
    assert mixed == pytest.approx(np.array([[5, 3], [3, 5], [4, 4]]) / 8)


def test_a_zero_of_one_file_does_not_veto_a_class():
    found = np.array([[[1.0, 0.0]], [[0.1, 0.9]]])
    assert MEANS["geometric"](found, np.array([0.5, 0.5]))[0, 1] > 0


@given(st.integers(0, 1000), st.integers(2, 4))
@settings(max_examples=8, deadline=None)
def test_fitted_weights_are_those_of_expectation_maximisation(seed, files):
    found, labels = members(files, seed=seed)
    weights = fit_weights(found, labels, "weighted")
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    other = mixture_weights_by_em(found, labels)
    assert log_loss(MEANS["weighted"](found, weights), labels) == pytest.approx(
        log_loss(MEANS["weighted"](found, other), labels), abs=1e-5
    )
    assert weights == pytest.approx(other, abs=0.02)


@pytest.mark.parametrize("mean", sorted(MEANS))
def test_fitted_weights_are_the_best_of_a_fine_grid(mean):
    found, labels = members(2, sharpness=(2.0, 1.0))
    losses = [log_loss(MEANS[mean](found, np.array([w, 1 - w])), labels) for w in np.linspace(0, 1, 201)]
    fitted = log_loss(MEANS[mean](found, fit_weights(found, labels, mean)), labels)
    assert fitted <= min(losses) + 1e-5


def test_a_file_that_knows_nothing_gets_no_weight():
    found, labels = members(2)
    noise = softmax(3 * np.random.default_rng(5).normal(size=found[0].shape), axis=1)
    weights = fit_weights(np.stack([found[0], noise]), labels, "weighted")
    assert weights[1] < 0.02


def test_the_log_loss_is_scikit_learns():
    found, labels = members()
    assert log_loss(found[0], labels) == pytest.approx(sklearn_log_loss(labels, found[0], labels=range(4)))


@pytest.mark.parametrize("weights", [[1, 2], [1, -1, 1], [0, 0, 0], [1, float("nan"), 1], [float("inf"), 1, 1]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(UserError, match="--weights"):
        checked_weights(weights, 3)
    assert checked_weights([2, 1, 1], 3) == pytest.approx([0.5, 0.25, 0.25])


@pytest.mark.parametrize("mean", ["weighted", "geometric"])
def test_a_row_is_mixed_by_weights_that_have_not_seen_its_label(mean):
    found, labels = members(2, rows=60, sharpness=(1.0, 1.0))
    before = cross_fitted(found, labels, mean)
    assert np.allclose(before.sum(1), 1)
    for row in (0, 17):
        changed = found.copy()
        changed[:, row] = changed[:, row, ::-1]  # as if its label were another one
        after = cross_fitted(changed, labels, mean)
        part = np.argsort(np.argsort(labels, kind="stable")) % 5
        others = part == part[row]
        others[row] = False
        assert np.allclose(after[others], before[others])  # its own part: by weights that have not seen it
        assert not np.allclose(after[part != part[row]], before[part != part[row]])


def test_noise_that_fits_its_own_rows_gains_nothing_on_others():
    random = np.random.default_rng(2)
    labels = random.integers(4, size=40)
    noise = random.dirichlet(np.ones(4), (12, 40))
    fitted = MEANS["weighted"](noise, fit_weights(noise, labels, "weighted"))
    assert log_loss(cross_fitted(noise, labels, "weighted"), labels) > log_loss(fitted, labels)
