"""Metrics of predicted probabilities against true labels.

Everywhere: `truth` is an int array of codes (N,), `probabilities` a float64 array (N, C), column c for code c;
N is at least 1. Metrics that only rank (ROC AUC, average precision, top-k) take any scores, not only probabilities.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from grader.metrics.errors import BrokenMetricError, MetricError
from grader.metrics.guard import guarded
from grader.metrics.ranks import average_ranks

Codes = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
Average = Literal["macro", "weighted"]
BinaryScore = Callable[[NDArray[np.bool_], Floats], float]


@guarded
def log_loss(truth: Codes, probabilities: Floats) -> float:
    """The mean of -ln(probability given to the true class), in nats; 0 is perfect.

    Rows are first scaled to sum to 1, so a row that sums to 1.001 gains nothing. A probability below 2.2e-16
    (the spacing of float64 at 1) counts as 2.2e-16, so the worst value is 36.04 and never infinite.

    Raises:
        MetricError: a probability below 0 or above 1, or a row of zeros.

    Source: Good, Rational decisions, 1952; clipped as in sklearn.metrics.log_loss.

    Example:
        >>> log_loss(np.array([0, 1]), np.array([[0.5, 0.5], [0.0, 1.0]]))
        0.34657359027997264
    """
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise MetricError("log_loss: every probability must lie between 0 and 1")
    totals = probabilities.sum(axis=1)
    if totals.min() == 0:
        raise MetricError("log_loss: a row of probabilities sums to 0; it must sum to 1")
    of_truth = probabilities[np.arange(len(truth)), truth] / totals
    return 0.0 - float(np.mean(np.log(np.maximum(of_truth, np.finfo(np.float64).eps))))


@guarded
def top_k_accuracy_score(truth: Codes, probabilities: Floats, *, k: int = 5) -> float:
    """The share of rows whose true class is among the `k` most probable ones, in [0, 1].

    Among equal probabilities the lower code comes first, so that k = 1 equals the accuracy of the argmax and a
    constant prediction gains nothing. With `k` of at least C every row counts.

    Example:
        >>> top_k_accuracy_score(np.array([2, 0]), np.array([[0.5, 0.2, 0.3], [0.1, 0.2, 0.7]]), k=2)
        0.5
    """
    of_truth = probabilities[np.arange(len(truth)), truth][:, None]
    before = np.arange(probabilities.shape[1]) < truth[:, None]
    ahead = np.count_nonzero((probabilities > of_truth) | ((probabilities == of_truth) & before), axis=1)
    return int(np.count_nonzero(ahead < k)) / len(truth)


@guarded
def roc_auc_score(
    truth: Codes,
    probabilities: Floats,
    *,
    multi_class: Literal["ovr", "ovo"] = "ovr",
    average: Average = "macro",
    label: int | None = None,
) -> float:
    """The area under the ROC curve, in [0, 1]: how probably a positive row is scored above a negative one.

    With two classes the second label is the positive one. `label` (a code) takes that class against the rest.
    With more classes, `multi_class` averages each class against the rest (`ovr`) or each pair of classes (`ovo`),
    plainly (`macro`) or weighted by true rows (`weighted`). A class without a true row is left out; ties count half.

    Raises:
        BrokenMetricError: the truth holds a single class (or none or only `label`), so that there is nothing to rank.

    Source: Mann and Whitney 1947 (ranks); Hand and Till 2001 (ovo); as in sklearn.metrics.roc_auc_score.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
        >>> roc_auc_score(np.array([0, 0, 1, 1]), scores)
        0.75
    """
    label = _positive_class(probabilities, label)
    if label is None and multi_class == "ovo":
        return _one_against_one(truth, probabilities, average)
    return _one_against_rest(_binary_auc, "roc_auc", truth, probabilities, average, label)


@guarded
def average_precision_score(
    truth: Codes, probabilities: Floats, *, average: Average = "macro", label: int | None = None
) -> float:
    """The area under the precision-recall curve as a sum of steps, in (0, 1].

    Two classes, `label` and the averages over more classes are as in `roc_auc_score`; rows with equal scores form
    one step. A class without a true row is left out of an average.

    Raises:
        BrokenMetricError: the truth holds a single class (or none or only `label`).

    Source: Zhu, Recall, precision and average precision, 2004; as in sklearn.metrics.average_precision_score.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
        >>> average_precision_score(np.array([0, 0, 1, 1]), scores)
        0.8333333333333333
    """
    label = _positive_class(probabilities, label)
    return _one_against_rest(_binary_average_precision, "average_precision", truth, probabilities, average, label)


def _positive_class(probabilities: Floats, label: int | None) -> int | None:
    """The class scored alone: the one asked for, else the second of two, else none."""
    return 1 if label is None and probabilities.shape[1] == 2 else label


def _one_against_rest(
    score: BinaryScore, metric: str, truth: Codes, probabilities: Floats, average: Average, label: int | None
) -> float:
    counts = np.bincount(truth, minlength=probabilities.shape[1])
    _need_two_classes(metric, counts)
    if label is not None:
        if not counts[label]:
            raise BrokenMetricError(f"{metric} is undefined: this split of the solution lacks the label asked for")
        return score(truth == label, probabilities[:, label])
    present = np.flatnonzero(counts)
    scores = [score(truth == code, probabilities[:, code]) for code in present]
    return float(np.average(scores, weights=counts[present] if average == "weighted" else None))


def _one_against_one(truth: Codes, probabilities: Floats, average: Average) -> float:
    counts = np.bincount(truth, minlength=probabilities.shape[1])
    _need_two_classes("roc_auc", counts)
    scores, sizes = [], []
    for pair in combinations(np.flatnonzero(counts), 2):
        rows = np.isin(truth, pair)
        both = [_binary_auc(truth[rows] == code, probabilities[rows, code]) for code in pair]
        scores.append(sum(both) / 2)
        sizes.append(np.count_nonzero(rows))
    return float(np.average(scores, weights=sizes if average == "weighted" else None))


def _need_two_classes(metric: str, counts: NDArray[np.int64]) -> None:
    if np.count_nonzero(counts) < 2:
        raise BrokenMetricError(f"{metric} is undefined: this split of the solution has a single class")


def _binary_auc(positive: NDArray[np.bool_], scores: Floats) -> float:
    positives = int(np.count_nonzero(positive))
    beaten = float(average_ranks(scores)[positive].sum()) - positives * (positives + 1) / 2
    return beaten / (positives * (len(positive) - positives))


def _binary_average_precision(positive: NDArray[np.bool_], scores: Floats) -> float:
    order = np.argsort(scores)[::-1]
    falling = scores[order]
    steps = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))  # the last row of each tie
    hits = np.cumsum(positive[order])[steps]
    return float(np.diff(hits, prepend=0) @ (hits / (steps + 1)) / hits[-1])
