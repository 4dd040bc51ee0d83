"""Metrics of predicted labels against true labels, both as codes 0 … C-1.

Everywhere: `truth` and `prediction` are int arrays of shape (N,), N of at least 1, in the same order of rows.
All of them follow from three counts a class (hits, predicted, actual), so none needs a C x C matrix.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.metrics.errors import BrokenMetricError
from grader.metrics.guard import guarded

Codes = NDArray[np.integer[Any]]
Counts = NDArray[np.int64]
Average = Literal["micro", "macro", "weighted"]
Weights = Literal["none", "linear", "quadratic"]


class ClassCounts(NamedTuple):
    """How often each of C classes was hit, was predicted and is true; int64 arrays of shape (C,)."""

    hits: Counts
    predicted: Counts
    actual: Counts


class PerClass(NamedTuple):
    """Precision, recall and F1 of each class, float64 (C,), and its support, the number of its rows, int64 (C,)."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: Counts


@guarded
def accuracy_score(truth: Codes, prediction: Codes) -> float:
    """The share of rows whose predicted label is the true one, in [0, 1].

    Example:
        >>> accuracy_score(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 0]))
        0.75
    """
    return int(np.count_nonzero(truth == prediction)) / len(truth)


@guarded
def balanced_accuracy_score(truth: Codes, prediction: Codes, *, adjusted: bool = False) -> float:
    """The mean of the classes' recalls, in [0, 1]: each class counts the same, however rare.

    A class without a true row has no recall and is left out of the mean. `adjusted` rescales the value so that
    chance (1 / number of true classes) becomes 0.

    Raises:
        BrokenMetricError: `adjusted` where the truth holds a single class, for then chance is already perfect.

    Source: Brodersen et al., The balanced accuracy and its posterior distribution, ICPR 2010.

    Example:
        >>> balanced_accuracy_score(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]))
        0.5
    """
    counts = count_classes(truth, prediction)
    present = counts.actual > 0
    score = float(np.mean(counts.hits[present] / counts.actual[present]))
    if not adjusted:
        return score
    classes = int(np.count_nonzero(present))
    if classes == 1:
        raise BrokenMetricError("balanced_accuracy: adjusted is undefined where the solution has a single class")
    return (score - 1 / classes) / (1 - 1 / classes)


@guarded
def precision_score(truth: Codes, prediction: Codes, *, average: Average = "macro", label: int | None = None) -> float:
    """Of the rows predicted as a class, the share that belong to it; in [0, 1].

    `average`: `micro` pools the rows of all classes, `macro` is the plain mean over the classes that occur in
    truth or prediction, `weighted` the mean weighted by true rows. `label` (a code) gives that class alone.
    A class that was never predicted has precision 0.

    Source: https://scikit-learn.org/stable/modules/model_evaluation.html#precision-recall-f-measure-metrics

    Example:
        >>> precision_score(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), label=1)
        0.6666666666666666
    """
    counts = _pick(count_classes(truth, prediction), average, label)
    return _average(_ratio(counts.hits, counts.predicted), counts, average)


@guarded
def recall_score(truth: Codes, prediction: Codes, *, average: Average = "macro", label: int | None = None) -> float:
    """Of the rows that belong to a class, the share predicted as it; in [0, 1].

    `average` and `label` as in `precision_score`. A class without a true row that was predicted all the same
    has recall 0 (and counts in `macro`, unlike in balanced accuracy).

    Source: https://scikit-learn.org/stable/modules/model_evaluation.html#precision-recall-f-measure-metrics

    Example:
        >>> recall_score(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), average="macro")
        0.75
    """
    counts = _pick(count_classes(truth, prediction), average, label)
    return _average(_ratio(counts.hits, counts.actual), counts, average)


@guarded
def fbeta_score(
    truth: Codes, prediction: Codes, *, beta: float = 1.0, average: Average = "macro", label: int | None = None
) -> float:
    """The weighted harmonic mean of precision and recall, recall `beta` times as important; in [0, 1].

    `average` and `label` as in `precision_score`. A class without a hit has F-beta 0.

    Source: van Rijsbergen, Information Retrieval, 1979; (1 + b²) hits / (b² actual + predicted).

    Example:
        >>> fbeta_score(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), beta=2.0, label=1)
        0.9090909090909091
    """
    counts = _pick(count_classes(truth, prediction), average, label)
    return _average(_fbeta(counts, beta), counts, average)


@guarded
def f1_score(truth: Codes, prediction: Codes, *, average: Average = "macro", label: int | None = None) -> float:
    """The harmonic mean of precision and recall: F-beta with beta 1; in [0, 1].

    `average` and `label` as in `precision_score`. A class without a hit has F1 0.

    Source: van Rijsbergen, Information Retrieval, 1979.

    Example:
        >>> f1_score(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), label=1)
        0.8
    """
    return fbeta_score(truth, prediction, average=average, label=label)


@guarded
def matthews_score(truth: Codes, prediction: Codes) -> float:
    """Matthews' correlation coefficient for any number of classes, in [-1, 1]; 0 is what chance gives.

    Where truth or prediction is one class throughout, nothing can be said and the value is 0.

    Source: Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, 2004.

    Example:
        >>> matthews_score(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
        0.5773502691896258
    """
    hits, predicted, actual = count_classes(truth, prediction)
    rows = len(truth)
    # Python's integers: exact where 64 bits would overflow
    covariance = rows * int(hits.sum()) - _dot(predicted, actual)
    spreads = (rows**2 - _dot(predicted, predicted)) * (rows**2 - _dot(actual, actual))
    return covariance / spreads**0.5 if spreads else 0.0


@guarded
def cohen_kappa_score(truth: Codes, prediction: Codes, *, weights: Weights = "none") -> float:
    """Cohen's kappa: agreement beyond chance, at most 1; 0 is chance, below 0 is worse than chance.

    `weights` says how much a disagreement costs: `none` all the same, `linear` the distance of the two codes,
    `quadratic` its square; the order of the label set is then the scale. Where truth and prediction are one and
    the same class throughout, chance is perfect too and the value is 1.

    Source: Cohen, A coefficient of agreement for nominal scales, 1960; Weighted kappa, 1968.

    Example:
        >>> cohen_kappa_score(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 0]), weights="quadratic")
        0.3846153846153846
    """
    observed = len(truth) * _disagreement(truth, prediction, weights)
    expected = _chance_disagreement(count_classes(truth, prediction), weights)
    return 1 - observed / expected if expected else 1.0


def confusion_matrix(truth: Codes, prediction: Codes, n_classes: int) -> Counts:
    """How many rows of each true class (row) were predicted as each class (column): int64 (n_classes, n_classes).

    Raises:
        ValueError: a code outside 0 … n_classes - 1.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), 2).tolist()
        [[1, 0], [1, 1]]
    """
    for codes in (truth, prediction):
        if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < n_classes:
            raise ValueError(f"a label code lies outside 0 … {n_classes - 1}")
    cells = truth.astype(np.int64) * n_classes + prediction
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def per_class(confusion: Counts) -> PerClass:
    """Precision, recall, F1 and support of each class of a (C, C) confusion matrix; a zero divided by zero is 0.

    Example:
        >>> per_class(np.array([[1, 0], [1, 1]])).recall.tolist()
        [1.0, 0.5]
    """
    counts = ClassCounts(np.diagonal(confusion), confusion.sum(axis=0), confusion.sum(axis=1))
    return PerClass(
        precision=_ratio(counts.hits, counts.predicted),
        recall=_ratio(counts.hits, counts.actual),
        f1=_fbeta(counts, 1.0),
        support=counts.actual,
    )


def count_classes(truth: Codes, prediction: Codes) -> ClassCounts:
    """Hits, predictions and true rows of each class up to the highest code that occurs."""
    classes = 1 + max(int(truth.max()), int(prediction.max()))
    return ClassCounts(
        np.bincount(truth[truth == prediction], minlength=classes),
        np.bincount(prediction, minlength=classes),
        np.bincount(truth, minlength=classes),
    )


def _pick(counts: ClassCounts, average: Average, label: int | None) -> ClassCounts:
    """The counts that are averaged: one class, all classes pooled, or the classes that occur at all."""
    if label is not None:
        inside = label < len(counts.actual)
        return ClassCounts(*(part[label : label + 1] if inside else np.zeros(1, np.int64) for part in counts))
    if average == "micro":
        return ClassCounts(*(part.sum(keepdims=True) for part in counts))
    occurring = counts.predicted + counts.actual > 0
    return ClassCounts(*(part[occurring] for part in counts))


def _average(values: NDArray[np.float64], counts: ClassCounts, average: Average) -> float:
    if average == "weighted" and len(values) > 1:
        return float(np.average(values, weights=counts.actual))
    return float(np.mean(values))


def _fbeta(counts: ClassCounts, beta: float) -> NDArray[np.float64]:
    return _ratio((1 + beta**2) * counts.hits, beta**2 * counts.actual + counts.predicted)


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """`part / whole`, 0 where whole is 0."""
    ratio: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
    return ratio


def _disagreement(truth: Codes, prediction: Codes, weights: Weights) -> int:
    """The summed cost of the rows whose labels differ."""
    if weights == "none":
        return int(np.count_nonzero(truth != prediction))
    distance = np.abs(truth.astype(np.int64) - prediction)
    return int(distance.sum()) if weights == "linear" else int((distance**2).sum())


def _chance_disagreement(counts: ClassCounts, weights: Weights) -> int:
    """N times the cost expected of two independent draws from the predicted and the actual classes."""
    _, predicted, actual = counts
    rows = int(actual.sum())
    if weights == "none":
        return rows**2 - _dot(predicted, actual)
    if weights == "linear":  # E|X - Y| is the sum over thresholds of F (1 - G) + G (1 - F)
        below, under = np.cumsum(predicted), np.cumsum(actual)
        return _dot(below, rows - under) + _dot(under, rows - below)
    codes = np.arange(len(actual))
    squares = rows * (_dot(codes**2, predicted) + _dot(codes**2, actual))
    return squares - 2 * _dot(codes, predicted) * _dot(codes, actual)


def _dot(left: Counts, right: Counts) -> int:
    """An exact inner product: floats would round and 64 bits overflow beyond 3e9 rows squared."""
    return sum(map(int.__mul__, left.tolist(), right.tolist()))
