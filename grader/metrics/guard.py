"""What holds for every metric: at least one row, finite input, and a finite float as the score."""

import math
from collections.abc import Callable, Sized
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np

from grader.metrics.errors import BrokenMetricError, MetricError

Truth = TypeVar("Truth", bound=Sized)
Prediction = TypeVar("Prediction", bound=Sized)
Options = ParamSpec("Options")


def guarded(
    metric: Callable[Concatenate[Truth, Prediction, Options], float],
) -> Callable[Concatenate[Truth, Prediction, Options], float]:
    """Make a metric total: it returns a finite float or raises, and never NaN.

    The guarded metric raises BrokenMetricError where there is no row to score or the solution is not finite,
    MetricError where the predictions or the score are not finite, and ValueError where the lengths differ.
    """

    @wraps(metric)
    def total(truth: Truth, prediction: Prediction, /, *args: Options.args, **kwargs: Options.kwargs) -> float:
        if len(truth) != len(prediction):
            raise ValueError(f"{len(truth)} true rows against {len(prediction)} predicted rows: align them first")
        if len(truth) == 0:
            raise BrokenMetricError("there is no row to score in this split of the solution")
        if not _is_finite(truth):
            raise BrokenMetricError("the solution holds a value that is not a finite number")
        if not _is_finite(prediction):
            raise MetricError("a prediction is not a finite number (NaN or infinite)")
        with np.errstate(all="ignore"):  # overflow shows in the score, which is judged below
            score = float(metric(truth, prediction, *args, **kwargs))
        if not math.isfinite(score):
            raise MetricError("the score is not a finite number: predicted values are too large")
        return score

    return total


def _is_finite(rows: Sized) -> bool:
    """Whether an array of floats is finite throughout; integers and texts always are."""
    return not isinstance(rows, np.ndarray) or rows.dtype.kind != "f" or bool(np.isfinite(rows).all())
