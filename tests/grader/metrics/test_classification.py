"""Metrics of labels against scikit-learn."""

import warnings

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st

from grader.metrics import classification as ours
from grader.metrics.errors import BrokenMetricError

pytestmark = pytest.mark.filterwarnings("ignore:A single label was found")

CLASSES = 6
AVERAGES = ("micro", "macro", "weighted")


@st.composite
def codes(draw, max_rows=60):
    """Truth and prediction of the same length; classes may be absent from either."""
    rows = draw(st.integers(1, max_rows))
    highest = draw(st.integers(0, CLASSES - 1))
    column = st.lists(st.integers(0, highest), min_size=rows, max_size=rows)
    return tuple(np.array(draw(column), dtype=np.int32) for _ in range(2))


def near(expected):
    return pytest.approx(expected, abs=1e-12, rel=1e-12)


@given(codes())
def test_accuracy_equals_scikit_learn(pair):
    assert ours.accuracy_score(*pair) == oracle.accuracy_score(*pair)


@given(codes())
def test_balanced_accuracy_equals_scikit_learn(pair):
    with warnings.catch_warnings(action="ignore"):
        assert ours.balanced_accuracy_score(*pair) == near(oracle.balanced_accuracy_score(*pair))
        if len(np.unique(pair[0])) > 1:
            expected = oracle.balanced_accuracy_score(*pair, adjusted=True)
            assert ours.balanced_accuracy_score(*pair, adjusted=True) == near(expected)


@given(codes(), st.sampled_from(AVERAGES), st.sampled_from([0.25, 0.5, 1.0, 2.0, 7.5]))
def test_averaged_precision_recall_and_f_equal_scikit_learn(pair, average, beta):
    options = {"average": average, "zero_division": 0}
    assert ours.precision_score(*pair, average=average) == near(oracle.precision_score(*pair, **options))
    assert ours.recall_score(*pair, average=average) == near(oracle.recall_score(*pair, **options))
    assert ours.f1_score(*pair, average=average) == near(oracle.f1_score(*pair, **options))
    expected = oracle.fbeta_score(*pair, beta=beta, **options)
    assert ours.fbeta_score(*pair, beta=beta, average=average) == near(expected)


@given(codes(), st.integers(0, CLASSES))
def test_precision_recall_and_f_of_one_label_equal_scikit_learn(pair, label):
    options = {"labels": [label], "average": None, "zero_division": 0}
    assert ours.precision_score(*pair, label=label) == near(oracle.precision_score(*pair, **options)[0])
    assert ours.recall_score(*pair, label=label) == near(oracle.recall_score(*pair, **options)[0])
    assert ours.f1_score(*pair, label=label) == near(oracle.f1_score(*pair, **options)[0])


@given(codes())
def test_matthews_equals_scikit_learn(pair):
    assert ours.matthews_score(*pair) == near(oracle.matthews_corrcoef(*pair))


@given(codes(), st.sampled_from(["none", "linear", "quadratic"]))
def test_kappa_equals_scikit_learn(pair, weights):
    if len(np.unique(np.concatenate(pair))) == 1:
        assert ours.cohen_kappa_score(*pair, weights=weights) == 1.0
    else:
        expected = oracle.cohen_kappa_score(
            *pair, weights=None if weights == "none" else weights, labels=range(CLASSES)
        )
        assert ours.cohen_kappa_score(*pair, weights=weights) == near(expected)


@given(codes())
def test_confusion_matrix_equals_scikit_learn(pair):
    expected = oracle.confusion_matrix(*pair, labels=list(range(CLASSES)))
    assert np.array_equal(ours.confusion_matrix(*pair, CLASSES), expected)


@given(codes())
def test_per_class_values_equal_scikit_learn(pair):
    expected = oracle.precision_recall_fscore_support(*pair, labels=list(range(CLASSES)), zero_division=0)
    found = ours.per_class(ours.confusion_matrix(*pair, CLASSES))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_an_absent_class_does_not_pull_the_macro_average_down():
    truth = np.array([0, 0, 4, 4])
    assert ours.f1_score(truth, truth) == 1.0


def test_adjusted_balanced_accuracy_of_a_single_class_is_an_error_in_words():
    with pytest.raises(BrokenMetricError, match="single class"):
        ours.balanced_accuracy_score(np.array([1, 1]), np.array([1, 0]), adjusted=True)


def test_a_constant_prediction_has_no_correlation_and_no_agreement_beyond_chance():
    truth, constant = np.array([0, 1, 2, 1]), np.array([1, 1, 1, 1])
    assert ours.matthews_score(truth, constant) == 0.0
    assert ours.cohen_kappa_score(truth, constant) == 0.0


def test_counts_stay_exact_where_64_bits_would_overflow():
    rows = 1_000_000
    truth = np.arange(rows, dtype=np.int32) % 5000
    prediction = np.where(np.arange(rows) // 5000 % 10 == 0, (truth + 1) % 5000, truth).astype(np.int32)
    assert ours.matthews_score(truth, prediction) == near((0.9 - 1 / 5000) / (1 - 1 / 5000))
    quadratic = ours.cohen_kappa_score(truth, prediction, weights="quadratic")
    distance = float(np.mean((truth.astype(np.float64) - prediction) ** 2))
    assert quadratic == pytest.approx(1 - distance / (2 * np.var(np.arange(5000))), rel=1e-9)


def test_many_classes_need_no_matrix():
    truth = np.arange(300_000)
    assert ours.f1_score(truth, truth) == ours.cohen_kappa_score(truth, truth) == 1.0


@pytest.mark.parametrize("code", [-1, 2])
def test_a_code_outside_the_label_set_is_refused_by_the_confusion_matrix(code):
    with pytest.raises(ValueError, match="outside 0 … 1"):
        ours.confusion_matrix(np.array([0, 1]), np.array([0, code]), 2)


def test_an_empty_confusion_matrix_is_all_zero():
    none = np.array([], dtype=np.int32)
    assert ours.confusion_matrix(none, none, 3).tolist() == [[0] * 3] * 3
    assert ours.per_class(np.zeros((3, 3), np.int64)).f1.tolist() == [0, 0, 0]
