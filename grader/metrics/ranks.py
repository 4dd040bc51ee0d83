"""Ranks with ties, which ROC AUC and Spearman's correlation share."""

import numpy as np
from numpy.typing import NDArray


def average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 1-based rank of each of N values, smallest first; equal values share the mean of their ranks.

    Example:
        >>> average_ranks(np.array([10.0, 30.0, 10.0])).tolist()
        [1.5, 3.0, 1.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return shared[inverse]
