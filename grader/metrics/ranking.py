"""Metrics of ranked lists: each row names labels, best first, separated by spaces.

Everywhere: `truth` and `prediction` are sequences of N texts, N of at least 1; a true text names the relevant labels.
Labels past the k-th are ignored and a label named twice counts only the first time, so that repeating pays nothing.
"""

import re
from collections.abc import Sequence
from itertools import islice
from math import log2

from grader.metrics.errors import BrokenMetricError
from grader.metrics.guard import guarded

_GRADE = re.compile(r"\d{1,15}(\.\d+)?")


@guarded
def mean_average_precision_score(truth: Sequence[str], prediction: Sequence[str], *, k: int = 5) -> float:
    """The mean over rows of the average precision at `k` (MAP@k), in [0, 1].

    A row's average precision is the sum of the precisions at the ranks of its relevant labels, divided by the
    smaller of `k` and the number of relevant labels. A row without a relevant label, or an empty list, has 0.

    Source: https://www.kaggle.com/wiki/MeanAveragePrecision (apk of ml_metrics).

    Example:
        >>> mean_average_precision_score(["cat", "dog fox"], ["dog cat", "fox dog"], k=2)
        0.75
    """
    return sum(map(_average_precision, truth, prediction, [k] * len(truth))) / len(truth)


@guarded
def ndcg_score(truth: Sequence[str], prediction: Sequence[str], *, k: int = 5, graded: bool = False) -> float:
    """The mean over rows of the normalised discounted cumulative gain at `k` (NDCG@k), in [0, 1].

    A label at rank r gains its relevance / log2(r + 1); the sum is divided by the best that is possible. Every
    label of a true text has relevance 1; with `graded` it is written behind a colon: `cat:3 dog:1`.
    A row without relevance has 0.

    Raises:
        BrokenMetricError: `graded` and a true text holds a label without a grade of 0 or more.

    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002.

    Example:
        >>> ndcg_score(["cat", "dog"], ["cat dog", "cat dog"], k=2)
        0.8154648767857288
    """
    relevances = [_grades(text) if graded else dict.fromkeys(text.split(), 1.0) for text in truth]
    return sum(map(_ndcg, relevances, prediction, [k] * len(truth))) / len(truth)


def _average_precision(truth: str, prediction: str, k: int) -> float:
    relevant = set(truth.split())
    hits, total = 0, 0.0
    for rank, label in enumerate(_ranked(prediction, k), start=1):
        if label in relevant:
            relevant.remove(label)
            hits += 1
            total += hits / rank
    return total / min(k, hits + len(relevant)) if hits else 0.0


def _ndcg(relevance: dict[str, float], prediction: str, k: int) -> float:
    ideal = _gain(sorted(relevance.values(), reverse=True)[:k])
    left = dict(relevance)
    return _gain([left.pop(label, 0.0) for label in _ranked(prediction, k)]) / ideal if ideal else 0.0


def _ranked(prediction: str, k: int) -> Sequence[str]:
    return list(islice(prediction.split(), k))


def _gain(relevances: Sequence[float]) -> float:
    return sum(relevance / log2(rank + 1) for rank, relevance in enumerate(relevances, start=1))


def _grades(text: str) -> dict[str, float]:
    """The relevance of each label of a text `label:grade label:grade …`."""
    grades: dict[str, float] = {}
    for token in text.split():
        label, _, grade = token.rpartition(":")
        if not label or not _GRADE.fullmatch(grade):
            raise BrokenMetricError("ndcg: graded needs a solution of 'label:grade', each grade a number of 0 or more")
        grades[label] = float(grade)
    return grades
