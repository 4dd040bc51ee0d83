"""Metrics of probabilities against scikit-learn."""

import warnings

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st

from grader.metrics import probability as ours
from grader.metrics.classification import accuracy_score
from grader.metrics.errors import BrokenMetricError, MetricError


@st.composite
def rows(draw, least_classes=2, complete=True):
    """Truth codes and probabilities (N, C) with ties; `complete`: every class has a true row."""
    classes = draw(st.integers(least_classes, 5))
    extra = draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=40))
    truth = np.array([*range(classes), *extra] if complete else extra)
    stream = np.random.default_rng(draw(st.integers(0, 2**32)))
    parts = stream.integers(1, draw(st.sampled_from([3, 50, 10**6])), size=(len(truth), classes)).astype(float)
    return truth, parts / parts.sum(axis=1, keepdims=True)


def near(expected):
    return pytest.approx(expected, abs=1e-12, rel=1e-12)


@given(rows(complete=False))
def test_log_loss_equals_scikit_learn(pair):
    truth, probabilities = pair
    expected = oracle.log_loss(truth, probabilities, labels=list(range(probabilities.shape[1])))
    assert ours.log_loss(truth, probabilities) == near(expected)


@given(rows(complete=False), st.floats(0.5, 1.0))
def test_log_loss_ignores_what_the_rows_sum_to(pair, factor):
    truth, probabilities = pair
    assert ours.log_loss(truth, probabilities * factor) == near(ours.log_loss(truth, probabilities))


def test_log_loss_of_certain_mistakes_equals_scikit_learns_clipping():
    truth, certain = np.array([0, 1, 1]), np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    assert ours.log_loss(truth, certain) == near(oracle.log_loss(truth, certain))


def test_log_loss_of_a_perfect_prediction_is_zero_and_not_minus_zero():
    perfect = ours.log_loss(np.array([0, 1]), np.eye(2))
    assert str(perfect) == "0.0"


@pytest.mark.parametrize("bad", [[[1.2, -0.2]], [[0.0, 0.0]], [[np.nan, 1.0]], [[np.inf, 0.0]]])
def test_log_loss_of_what_is_no_probability_is_an_error_in_words(bad):
    with pytest.raises(MetricError):
        ours.log_loss(np.array([0]), np.array(bad))


@given(rows(least_classes=3), st.integers(1, 7))
def test_top_k_equals_scikit_learn_on_reversed_columns(pair, k):
    """Reversed, because scikit-learn prefers the higher code among equals and argmax the lower."""
    truth, probabilities = pair
    last = probabilities.shape[1] - 1
    with warnings.catch_warnings(action="ignore"):
        expected = oracle.top_k_accuracy_score(last - truth, probabilities[:, ::-1], k=k)
    assert ours.top_k_accuracy_score(truth, probabilities, k=k) == near(expected)


@given(rows(complete=False))
def test_top_1_is_the_accuracy_of_the_argmax(pair):
    truth, probabilities = pair
    expected = accuracy_score(truth, probabilities.argmax(axis=1))
    assert ours.top_k_accuracy_score(truth, probabilities, k=1) == expected


def test_a_constant_prediction_gains_nothing_from_top_k():
    truth = np.array([0, 1, 2, 3])
    assert ours.top_k_accuracy_score(truth, np.full((4, 4), 0.25), k=1) == 0.25


@given(rows(least_classes=3), st.sampled_from(["ovr", "ovo"]), st.sampled_from(["macro", "weighted"]))
def test_multiclass_roc_auc_equals_scikit_learn(pair, multi_class, average):
    expected = oracle.roc_auc_score(*pair, multi_class=multi_class, average=average)
    assert ours.roc_auc_score(*pair, multi_class=multi_class, average=average) == near(expected)


@given(rows())
def test_roc_auc_and_average_precision_of_one_label_equal_scikit_learn(pair):
    truth, probabilities = pair
    for label in range(probabilities.shape[1]):
        arguments = truth == label, probabilities[:, label]
        assert ours.roc_auc_score(*pair, label=label) == near(oracle.roc_auc_score(*arguments))
        expected = oracle.average_precision_score(*arguments)
        assert ours.average_precision_score(*pair, label=label) == near(expected)


@given(rows(least_classes=3), st.sampled_from(["macro", "weighted"]))
def test_multiclass_average_precision_equals_scikit_learn(pair, average):
    truth, probabilities = pair
    one_hot = np.eye(probabilities.shape[1])[truth]
    expected = oracle.average_precision_score(one_hot, probabilities, average=average)
    assert ours.average_precision_score(*pair, average=average) == near(expected)


@pytest.mark.parametrize("metric", [ours.roc_auc_score, ours.average_precision_score])
def test_two_classes_score_the_second_label(metric):
    truth, probabilities = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    assert metric(truth, probabilities) == metric(truth, probabilities, label=1)
    assert metric(truth, probabilities) != metric(truth, probabilities[:, ::-1])


def test_the_choice_between_rest_and_pairs_does_not_touch_two_classes():
    truth, probabilities = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.95, 0.05], [0.2, 0.8]])
    assert ours.roc_auc_score(truth, probabilities, multi_class="ovo") == 0.5


@pytest.mark.parametrize("metric", [ours.roc_auc_score, ours.average_precision_score])
@pytest.mark.parametrize("options", [{}, {"label": 0}, {"label": 2}])
def test_a_single_true_class_is_an_error_in_words(metric, options):
    with pytest.raises(BrokenMetricError, match="single class"):
        metric(np.array([2, 2]), np.full((2, 3), 1 / 3), **options)


@pytest.mark.parametrize("options", [{}, {"multi_class": "ovo"}])
def test_a_class_without_true_rows_is_left_out_of_the_average(options):
    truth = np.array([0, 0, 2, 2])
    probabilities = np.array([[0.6, 0.3, 0.1], [0.1, 0.5, 0.4], [0.2, 0.3, 0.5], [0.3, 0.1, 0.6]])
    expected = np.mean([oracle.roc_auc_score(truth == code, probabilities[:, code]) for code in (0, 2)])
    assert ours.roc_auc_score(truth, probabilities, **options) == near(expected)


def test_a_label_without_true_rows_is_an_error_in_words():
    with pytest.raises(BrokenMetricError, match="lacks the label"):
        ours.roc_auc_score(np.array([0, 1]), np.full((2, 3), 1 / 3), label=2)
