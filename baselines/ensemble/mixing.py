"""Ways to mix probabilities, weights fitted on rows whose labels are known, and what fitted weights are worth."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from competition.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_PARTS = 5  # of the rows, for the figures of fitted weights
_SMALLEST = 1e-6  # the last digit that kernels write; a zero would veto a class


def weighted_mean(members: "Array", weights: "Array") -> "Array":
    """Sum of weight times probability; `members` is files x rows x classes."""
    return np.asarray(np.einsum("f,fnc->nc", weights, members))


def geometric_mean(members: "Array", weights: "Array") -> "Array":
    """Product of probability to the power of weight, rows scaled to 1: a mean of the logits."""
    logs = np.einsum("f,fnc->nc", weights, np.log(np.clip(members, _SMALLEST, 1)))
    powers = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def rank_mean(members: "Array", weights: "Array") -> "Array":
    """Mean of each class's ranks over the rows, scaled to 1: takes the order from each file, not its confidence."""
    from scipy.stats import rankdata

    ranks = rankdata(members, axis=1) / members.shape[1]
    mixed = np.einsum("f,fnc->nc", weights, ranks)
    return np.asarray(mixed / mixed.sum(1, keepdims=True))


MEANS: dict[str, "Callable[[Array, Array], Array]"] = {
    "weighted": weighted_mean,
    "geometric": geometric_mean,
    "rank": rank_mean,
}


def log_loss(probabilities: "Array", labels: "NDArray[np.int64]") -> float:
    """Mean of minus the logarithm of the right class's probability."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(right, _SMALLEST, 1)).mean())


def checked_weights(weights: Sequence[float] | None, count: int) -> "Array":
    """Weights that sum to 1; equal ones where none are given.

    Raises:
        UserError: another number of them, a negative one, or all are zero.
    """
    if weights is None:
        return np.full(count, 1 / count)
    found = np.asarray(weights, dtype=np.float64)
    if len(found) != count:
        raise UserError(f"--weights has {len(found)} numbers for {count} files")
    if not np.isfinite(found).all() or (found < 0).any() or not found.sum() > 0:
        raise UserError("--weights must be numbers of at least 0, and not all 0")
    return np.asarray(found / found.sum())


def fit_weights(members: "Array", labels: "NDArray[np.int64]", mean: str) -> "Array":
    """Weights of at least 0 that sum to 1 and give the lowest log loss, by sequential least squares (SLSQP).

    For the weighted and the geometric mean the loss is convex in the weights, so there is one lowest point. The rank
    mean's is not; it is begun from equal weights.

    Args:
        members: files x rows x classes, out-of-fold probabilities.
        labels: class index of each row.
        mean: a key of `MEANS`.
    """
    from scipy.optimize import minimize

    count = len(members)
    if count == 1:
        return np.ones(1)
    mix = MEANS[mean]
    result = minimize(
        lambda weights: log_loss(mix(members, weights), labels),
        np.full(count, 1 / count),
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-10, "maxiter": 300},
    )
    weights = np.clip(result.x, 0, None)
    weights[weights < 1e-6] = 0
    return np.asarray(weights / weights.sum())


def cross_fitted(members: "Array", labels: "NDArray[np.int64]", mean: str) -> "Array":
    """The mixture of each fifth of the rows by weights fitted on the other rows: rows x classes.

    What fitted weights come to on the very rows they were fitted on flatters them. The rows are dealt out class by
    class, in their order, so that the same files give the same figures.

    Args:
        members: files x rows x classes, out-of-fold probabilities.
        labels: class index of each row.
        mean: a key of `MEANS`.
    """
    mixed = np.empty(members.shape[1:])
    part_of_row = np.empty(len(labels), dtype=np.int64)
    part_of_row[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % _PARTS
    for part in range(min(_PARTS, len(labels))):
        inside = part_of_row == part
        fitted_on = ~inside if len(labels) > 1 else inside
        weights = fit_weights(members[:, fitted_on], labels[fitted_on], mean)
        mixed[inside] = MEANS[mean](members[:, inside], weights)
    return mixed
