"""What a constant submission must score, counted from the labels alone: the judge's metrics take no part in it."""

import math
from collections.abc import Callable, Mapping, Sequence

Expected = Callable[[Sequence[str], str, Sequence[str]], float]


def _accuracy(truth: Sequence[str], answer: str, _: Sequence[str]) -> float:
    """The share of items that have the one label given."""
    return truth.count(answer) / len(truth)


def _balanced_accuracy(truth: Sequence[str], answer: str, _: Sequence[str]) -> float:
    """One class of those that occur is found completely, the others not at all."""
    return (answer in truth) / len(set(truth))


def _macro_f1(truth: Sequence[str], answer: str, labels: Sequence[str]) -> float:
    """2 p r / (p + r) of the one class given, with p its share and r = 1; every other class that occurs has 0."""
    share = truth.count(answer) / len(truth)
    return 2 * share / (share + 1) / len({*truth, answer})


def _uniform_log_loss(truth: Sequence[str], answer: str, labels: Sequence[str]) -> float:
    """Equal probabilities cost the logarithm of the number of classes."""
    return math.log(len(labels))


def _squares(truth: Sequence[str], answer: str, _: Sequence[str]) -> float:
    return math.fsum((float(value) - float(answer)) ** 2 for value in truth) / len(truth)


def _root_of_squares(truth: Sequence[str], answer: str, labels: Sequence[str]) -> float:
    return math.sqrt(_squares(truth, answer, labels))


def _distances(truth: Sequence[str], answer: str, _: Sequence[str]) -> float:
    return math.fsum(abs(float(value) - float(answer)) for value in truth) / len(truth)


def _explained(truth: Sequence[str], answer: str, labels: Sequence[str]) -> float:
    """1 minus the squared error in units of the variance."""
    mean = repr(math.fsum(map(float, truth)) / len(truth))
    return 1 - _squares(truth, answer, labels) / _squares(truth, mean, labels)


# By the label of the rule, so that options that are not counted here are left alone.
BY_HAND: Mapping[str, Expected] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _macro_f1,
    "f1 (average=macro)": _macro_f1,
    "log_loss": _uniform_log_loss,
    "cross_entropy": _uniform_log_loss,
    "mse": _squares,
    "rmse": _root_of_squares,
    "mae": _distances,
    "r2": _explained,
}
