"""Metrics of predicted numbers against true numbers.

Everywhere: `truth` and `prediction` are float64 arrays of shape (N,), N of at least 1, in the same order of rows.
"""

import numpy as np
from numpy.typing import NDArray

from grader.metrics.errors import BrokenMetricError, MetricError
from grader.metrics.guard import guarded
from grader.metrics.ranks import average_ranks

Values = NDArray[np.float64]


@guarded
def mean_absolute_error(truth: Values, prediction: Values) -> float:
    """The mean of |truth - prediction| (MAE), in the unit of the target; 0 is perfect.

    Example:
        >>> mean_absolute_error(np.array([3.0, 5.0]), np.array([2.0, 7.0]))
        1.5
    """
    return float(np.mean(np.abs(truth - prediction)))


@guarded
def mean_squared_error(truth: Values, prediction: Values) -> float:
    """The mean of (truth - prediction)² (MSE), in the target's unit squared; 0 is perfect.

    Example:
        >>> mean_squared_error(np.array([3.0, 5.0]), np.array([2.0, 7.0]))
        2.5
    """
    return float(np.mean(np.square(truth - prediction)))


@guarded
def root_mean_squared_error(truth: Values, prediction: Values) -> float:
    """The square root of the mean squared error (RMSE), in the unit of the target; 0 is perfect.

    Example:
        >>> root_mean_squared_error(np.array([3.0, 5.0]), np.array([2.0, 7.0]))
        1.5811388300841898
    """
    return float(np.sqrt(np.mean(np.square(truth - prediction))))


@guarded
def root_mean_squared_log_error(truth: Values, prediction: Values) -> float:
    """The RMSE of ln(1 + value) (RMSLE), in nats: it judges ratios rather than differences; 0 is perfect.

    Raises:
        MetricError: a prediction of -1 or less, which has no logarithm.
        BrokenMetricError: a true value of -1 or less.

    Example:
        >>> root_mean_squared_log_error(np.array([3.0, 5.0]), np.array([2.0, 7.0]))
        0.2876820724517808
    """
    if truth.min() <= -1:
        raise BrokenMetricError("rmsle is undefined for this solution: a true value is -1 or less")
    if prediction.min() <= -1:
        raise MetricError("rmsle: every prediction must be greater than -1")
    return root_mean_squared_error(np.log1p(truth), np.log1p(prediction))


@guarded
def mean_absolute_percentage_error(truth: Values, prediction: Values) -> float:
    """The mean of |truth - prediction| / |truth| (MAPE), as a fraction (0.1 is ten per cent); 0 is perfect.

    Raises:
        BrokenMetricError: a true value of 0, by which nothing can be divided.

    Example:
        >>> mean_absolute_percentage_error(np.array([4.0, 5.0]), np.array([5.0, 4.0]))
        0.225
    """
    if not truth.all():
        raise BrokenMetricError("mape is undefined for this solution: a true value is 0; choose another metric")
    return float(np.mean(np.abs((truth - prediction) / truth)))


@guarded
def r2_score(truth: Values, prediction: Values) -> float:
    """The share of the truth's variance that the prediction explains (R²), at most 1; the mean of the truth gives 0.

    Where the truth is constant (one row is), a perfect prediction has 1 and any other 0.

    Example:
        >>> r2_score(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0]))
        0.5
    """
    if truth.min() == truth.max():
        return float(np.array_equal(truth, prediction))
    spread = np.sum(np.square(truth - truth.mean()))
    if spread == 0:  # the squares of differences below 1e-162 vanish
        raise BrokenMetricError("r2 is undefined for this solution: its values differ too little")
    return float(1 - np.sum(np.square(truth - prediction)) / spread)


@guarded
def pearson_score(truth: Values, prediction: Values) -> float:
    """Pearson's linear correlation, in [-1, 1].

    A constant prediction says nothing about the truth and has 0.

    Raises:
        BrokenMetricError: the truth is constant (one row is), so that nothing correlates with it.

    Example:
        >>> pearson_score(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0]))
        1.0
    """
    if truth.min() == truth.max():
        raise BrokenMetricError("a correlation is undefined for this solution: its values are all the same")
    if prediction.min() == prediction.max():
        return 0.0
    return max(-1.0, min(1.0, float(_standardised(truth) @ _standardised(prediction))))


@guarded
def spearman_score(truth: Values, prediction: Values) -> float:
    """Spearman's rank correlation, in [-1, 1]: Pearson's of the ranks, equal values sharing their mean rank.

    A constant prediction has 0.

    Raises:
        BrokenMetricError: the truth is constant.

    Source: Spearman, The proof and measurement of association between two things, 1904.

    Example:
        >>> spearman_score(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0]))
        1.0
    """
    return pearson_score(average_ranks(truth), average_ranks(prediction))


def _standardised(values: Values) -> Values:
    """The values centred and scaled to length 1, in steps in which neither huge nor tiny values are lost."""
    centred = values / np.abs(values).max()
    centred = centred - centred.mean()
    centred = centred / np.abs(centred).max()
    unit: Values = centred / np.linalg.norm(centred)
    return unit
