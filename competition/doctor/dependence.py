"""Does a column tell the label? Mutual information, with a p-value from shuffled labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 499
SURE = 1e-9  # chance of as much information from shuffled labels, below which a column is said to tell the label
BINS = 20
MOST = 20_000  # items looked at; more would only make a tiny dependence surer

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dependence:
    """The column that tells most of the labels.

    Attributes:
        column: its name.
        nats: its mutual information with the labels.
        deviations: how far that is above shuffled labels, in their standard deviations.
        tail: the chance that any column has as much from shuffled labels, were their informations gamma distributed.
        p: the share of shuffles in which any column told as much, never below 1 / (rounds + 1).
    """

    column: str
    nats: float
    deviations: float
    tail: float
    p: float

    @property
    def is_sure(self) -> bool:
        """Whether chance is ruled out: both by rank among the shuffles and far beyond what shuffles can show."""
        return self.tail <= SURE and self.p <= 2 / (ROUNDS + 1)

    @property
    def measured(self) -> str:
        """The numbers, as a finding tells them."""
        return f"{self.nats:.3f} nats, {self.deviations:.1f} deviations from shuffled labels, p = {self.p:.2g}"


def strongest(columns: Mapping[str, Ints], targets: Ints, generator: np.random.Generator) -> Dependence:
    """The strongest dependence among columns of codes 0, 1, ….

    The p-value counts all columns at once (P. H. Westfall and S. S. Young, Resampling-Based Multiple Testing, 1993).
    The tail is that of a gamma distribution with the mean and deviation of the shuffles: 2 n nats are nearly
    chi-squared (the G-test), whose tail is far longer than a normal one where a column has few values.
    """
    from scipy.special import gammaincc

    rows = np.sort(generator.choice(len(targets), min(MOST, len(targets)), replace=False))
    targets = targets[rows]
    codes = [_compact(column[rows]) for column in columns.values()]
    found = _informations(codes, targets)
    shuffled = np.array([_informations(codes, generator.permutation(targets)) for _ in range(ROUNDS)])
    mean, spread = shuffled.mean(axis=0), np.maximum(shuffled.std(axis=0), 1e-9)
    deviations, chance = (found - mean) / spread, (shuffled - mean) / spread
    best = int(deviations.argmax())
    p = (1 + int((chance.max(axis=1) >= deviations[best]).sum())) / (ROUNDS + 1)
    shape, scale = (mean[best] / spread[best]) ** 2, spread[best] ** 2 / max(mean[best], 1e-300)
    one_column = float(gammaincc(shape, found[best] / scale)) if found[best] > 0 else 1.0
    tail = min(1.0, len(columns) * one_column)
    return Dependence(list(columns)[best], float(found[best]), float(deviations[best]), tail, p)


def binned(values: NDArray[np.generic]) -> Ints:
    """Values as one of 20 stretches of their order, equal values together."""
    _, rank = np.unique(values, return_inverse=True)
    stretches: Ints = (rank.astype(np.int64) * BINS) // (int(rank.max(initial=0)) + 1)
    return stretches


def _informations(codes: list[Ints], targets: Ints) -> NDArray[np.float64]:
    """The mutual information of each column with the targets, in nats."""
    width = int(targets.max()) + 1
    classes = _entropy(np.bincount(targets))
    found = []
    for column in codes:
        joint = np.bincount(column * width + targets)
        found.append(_entropy(np.bincount(column)) + classes - _entropy(joint))
    return np.array(found)


def _entropy(counts: NDArray[np.intp]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _compact(column: Ints) -> Ints:
    return np.unique(column, return_inverse=True)[1].astype(np.int64)
