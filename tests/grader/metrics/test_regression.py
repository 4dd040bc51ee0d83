"""Metrics of numbers against scikit-learn and scipy."""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as oracle
from hypothesis import assume, given
from hypothesis import strategies as st

from grader.metrics import regression as ours
from grader.metrics.errors import BrokenMetricError, MetricError

SIMPLE = {
    ours.mean_absolute_error: oracle.mean_absolute_error,
    ours.mean_squared_error: oracle.mean_squared_error,
    ours.root_mean_squared_error: oracle.root_mean_squared_error,
}


def pairs(least, most, min_rows=1, decimals=3):
    """Truth and prediction of the same length on a grid of decimals, so that ties occur."""
    number = st.integers(least * 10**decimals, most * 10**decimals).map(lambda whole: whole / 10**decimals)
    row = st.tuples(number, number)
    return st.lists(row, min_size=min_rows, max_size=50).map(lambda rows: tuple(np.array(rows).T))


def near(expected):
    return pytest.approx(expected, abs=1e-12, rel=1e-12)


@pytest.mark.parametrize("metric", SIMPLE)
@given(pair=pairs(-1000, 1000))
def test_errors_equal_scikit_learn(metric, pair):
    assert metric(*pair) == near(SIMPLE[metric](*pair))


@given(pairs(0, 1000))
def test_rmsle_equals_scikit_learn(pair):
    assert ours.root_mean_squared_log_error(*pair) == near(oracle.root_mean_squared_log_error(*pair))


@given(pairs(-100, 100))
def test_mape_equals_scikit_learn(pair):
    assume(pair[0].all())
    expected = oracle.mean_absolute_percentage_error(*pair)
    assert ours.mean_absolute_percentage_error(*pair) == near(expected)


@given(pairs(-100, 100, min_rows=2))
def test_r2_equals_scikit_learn(pair):
    assume(np.ptp(pair[0]) > 0)
    assert ours.r2_score(*pair) == near(oracle.r2_score(*pair))


@given(pairs(-10, 10, min_rows=2, decimals=1))
def test_correlations_equal_scipy(pair):
    assume(all(np.ptp(column) > 0 for column in pair))
    assert ours.pearson_score(*pair) == near(scipy.stats.pearsonr(*pair).statistic)
    assert ours.spearman_score(*pair) == near(scipy.stats.spearmanr(*pair).statistic)


@pytest.mark.parametrize("metric", [ours.pearson_score, ours.spearman_score])
def test_a_constant_prediction_correlates_with_nothing(metric):
    assert metric(np.array([1.0, 2.0, 3.0]), np.full(3, 0.1)) == 0.0


@pytest.mark.parametrize("metric", [ours.pearson_score, ours.spearman_score])
@pytest.mark.parametrize("truth", [[0.1, 0.1, 0.1], [7.0]])
def test_a_constant_truth_is_an_error_in_words(metric, truth):
    with pytest.raises(BrokenMetricError, match="all the same"):
        metric(np.array(truth), np.arange(float(len(truth))))


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_a_correlation_depends_on_no_scale(scale):
    truth, prediction = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 2.0])
    assert ours.pearson_score(truth * scale, prediction * scale) == near(ours.pearson_score(truth, prediction))


def test_r2_of_a_constant_truth_is_one_for_the_truth_and_zero_for_anything_else():
    truth = np.full(3, 0.1)
    assert ours.r2_score(truth, truth) == 1.0
    assert ours.r2_score(truth, truth + 1) == 0.0


def test_r2_of_a_single_row_is_finite():
    assert ours.r2_score(np.array([3.0]), np.array([3.0])) == 1.0


def test_rmsle_blames_the_one_whose_value_has_no_logarithm():
    fine, bad = np.array([1.0, 2.0]), np.array([1.0, -1.0])
    with pytest.raises(MetricError, match="every prediction must be greater than -1") as told:
        ours.root_mean_squared_log_error(fine, bad)
    assert not isinstance(told.value, BrokenMetricError)
    with pytest.raises(BrokenMetricError):
        ours.root_mean_squared_log_error(bad, fine)


def test_mape_of_a_true_zero_is_an_error_in_words():
    with pytest.raises(BrokenMetricError, match="mape is undefined"):
        ours.mean_absolute_percentage_error(np.array([0.0, 1.0]), np.array([1.0, 1.0]))


@pytest.mark.parametrize("metric", [ours.mean_squared_error, ours.root_mean_squared_error, ours.r2_score])
def test_values_whose_squares_overflow_are_an_error_in_words(metric):
    with pytest.raises(MetricError, match="too large"):
        metric(np.array([0.0, 1.0]), np.array([1e200, 0.0]))
