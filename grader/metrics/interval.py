"""How sure a score is: its standard error and confidence interval over the rows it was computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from competition.rules import MetricRule
from grader.metrics.errors import BrokenMetricError, MetricError
from grader.metrics.registry import compute, get

_SHARES_OF_ROWS = frozenset({"accuracy", "top_k_accuracy"})


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its standard error and the interval that holds the true value with probability `level`."""

    score: float
    low: float
    high: float
    standard_error: float
    level: float
    method: Literal["wilson", "bootstrap"]


def interval(
    rule: MetricRule,
    truth: Any,
    prediction: Any,
    labels: Sequence[str],
    stream: "np.random.Generator",
    *,
    level: float = 0.95,
    resamples: int = 1000,
) -> Interval:
    """The interval of a built-in metric over N aligned rows (given as to `compute`).

    A share of rows (accuracy, top-k accuracy) has Wilson's interval; every other metric is computed again on
    `resamples` draws of N rows with replacement, taken from `stream`, and its interval is that of the percentiles.
    Draws on which the metric is undefined, say for want of a class, are left out.

    Raises:
        UserError, MetricError: as `compute`; BrokenMetricError also where most draws are undefined.

    Source: Wilson 1927; Efron, Bootstrap methods, 1979.
    """
    score = compute(rule, truth, prediction, labels)
    if is_share_of_rows(rule):
        return wilson(round(score * len(truth)), len(truth), level=level)
    drawn = _bootstrap(rule, _as_array(truth), _as_array(prediction), labels, stream, resamples)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(score, float(low), float(high), float(np.std(drawn, ddof=1)), level, "bootstrap")


def is_share_of_rows(rule: MetricRule) -> bool:
    """Whether the score is the share of rows that were right, so that its error is binomial and costs nothing."""
    return rule.file is None and get(rule.name).name in _SHARES_OF_ROWS


def share_error(share: float, rows: int) -> float:
    """The standard error of a share of rows: sqrt(share (1 - share) / rows).

    Example:
        >>> round(share_error(0.9, 100), 12)
        0.03
    """
    return sqrt(share * (1 - share) / rows)


def wilson(hits: int, rows: int, *, level: float = 0.95) -> Interval:
    """Wilson's interval of a share of rows, in [0, 1]; unlike score ± 2 errors it holds near 0 and 1 and for few rows.

    Example:
        >>> band = wilson(90, 100)
        >>> round(band.low, 4), round(band.high, 4), round(band.standard_error, 4)
        (0.8256, 0.9448, 0.03)
    """
    from statistics import NormalDist  # scoring needs share_error of this module, and no quantiles

    z = NormalDist().inv_cdf((1 + level) / 2)
    share = hits / rows
    centre = (hits + z * z / 2) / (rows + z * z)
    half = z / (rows + z * z) * sqrt(hits * (rows - hits) / rows + z * z / 4)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Interval(share, min(low, share), max(high, share), share_error(share, rows), level, "wilson")


def _as_array(rows: Any) -> NDArray[Any]:
    """Rows that can be drawn by index: texts become an array of objects."""
    return rows if isinstance(rows, np.ndarray) else np.array(rows, dtype=object)


def _bootstrap(
    rule: MetricRule,
    truth: NDArray[Any],
    prediction: NDArray[Any],
    labels: Sequence[str],
    stream: "np.random.Generator",
    resamples: int,
) -> list[float]:
    drawn = []
    for _ in range(resamples):
        rows = stream.integers(len(truth), size=len(truth))
        try:
            drawn.append(compute(rule, truth[rows], prediction[rows], labels))
        except MetricError:
            continue
    if len(drawn) < max(2, resamples / 2):
        raise BrokenMetricError(f"{rule.name} has no interval: on most draws of these rows it is undefined")
    return drawn
