"""Metrics of masks, one a row, written as run lengths: `start length start length …`.

Kaggle's form: pixels are numbered from 1, down the columns (column-major), and runs rise and do not overlap. An
empty text is the empty mask. Masks are compared run by run and never unpacked into pixels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grader.metrics.errors import BrokenMetricError, MetricError
from grader.metrics.guard import guarded

Runs = NDArray[np.int64]


@guarded
def mean_iou_score(truth: Sequence[str], prediction: Sequence[str], *, shape: tuple[int, int]) -> float:
    """The mean over rows of |A ∩ B| / |A ∪ B| (intersection over union, Jaccard index), in [0, 1].

    `shape` is (height, width) in pixels. Two empty masks agree perfectly (1); one empty mask of two gives 0.

    Raises:
        MetricError: a predicted mask is no run-length text of this shape.
        BrokenMetricError: a true mask is none.

    Source: Jaccard, The distribution of the flora in the alpine zone, 1912.

    Example:
        >>> mean_iou_score(["1 4", ""], ["3 4", ""], shape=(10, 10))
        0.6666666666666666
    """
    overlaps = _overlaps(truth, prediction, shape)
    return sum(common / (sizes - common) if sizes else 1.0 for common, sizes in overlaps) / len(truth)


@guarded
def dice_score(truth: Sequence[str], prediction: Sequence[str], *, shape: tuple[int, int]) -> float:
    """The mean over rows of 2 |A ∩ B| / (|A| + |B|) (Dice coefficient, F1 of the pixels), in [0, 1].

    `shape`, empty masks and errors as in `mean_iou_score`.

    Source: Dice, Measures of the amount of ecologic association between species, 1945.

    Example:
        >>> dice_score(["1 4", ""], ["3 4", ""], shape=(10, 10))
        0.75
    """
    overlaps = _overlaps(truth, prediction, shape)
    return sum(2 * common / sizes if sizes else 1.0 for common, sizes in overlaps) / len(truth)


def parse_runs(text: str, pixels: int) -> Runs:
    """The runs of a mask in an image of so many pixels: int64 (R, 2), first pixel (from 1) and the one past the last.

    Raises:
        ValueError: in words, what is wrong with the text.

    Example:
        >>> parse_runs("1 3 10 5", pixels=100).tolist()
        [[1, 4], [10, 15]]
    """
    words = text.split()
    if not all(word.isascii() and word.isdigit() and len(word) < 19 for word in words):
        raise ValueError("a mask must be whole numbers separated by spaces")
    if len(words) % 2:
        raise ValueError("a mask must hold pairs 'start length', but its count of numbers is odd")
    runs = np.fromiter(map(int, words), np.int64, len(words)).reshape(-1, 2)
    if runs.min(initial=1) < 1:
        raise ValueError("pixels and run lengths count from 1")
    runs[:, 1] += runs[:, 0]
    if runs[:, 1].max(initial=0) > pixels + 1:
        raise ValueError(f"a run ends past the last of the image's {pixels} pixels")
    if (runs[1:, 0] < runs[:-1, 1]).any():
        raise ValueError("runs must rise and must not overlap")
    return runs


def _overlaps(truth: Sequence[str], prediction: Sequence[str], shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Of each row, the pixels the two masks share and the sum of their sizes."""
    pixels = shape[0] * shape[1]
    try:
        true_masks = [parse_runs(text, pixels) for text in truth]
    except ValueError as error:
        raise BrokenMetricError("the solution holds a mask that cannot be read", detail=str(error)) from None
    try:
        predicted_masks = [parse_runs(text, pixels) for text in prediction]
    except ValueError as error:
        raise MetricError(f"a predicted mask cannot be read: {error}") from None
    return list(map(_overlap, true_masks, predicted_masks))


def _overlap(left: Runs, right: Runs) -> tuple[int, int]:
    covered = _pixels_before(left, right[:, 1]) - _pixels_before(left, right[:, 0])
    sizes = np.diff(left).sum() + np.diff(right).sum()
    return int(covered.sum()), int(sizes)


def _pixels_before(runs: Runs, positions: Runs) -> Runs:
    """How many pixels of a mask lie before each position."""
    if not len(runs):
        return np.zeros(len(positions), np.int64)
    ends_before = np.concatenate(([0], np.cumsum(runs[:, 1] - runs[:, 0])))
    begun = np.searchsorted(runs[:, 0], positions)  # how many runs start before the position
    last = np.maximum(begun - 1, 0)
    surplus = np.maximum(runs[last, 1] - positions, 0)  # of the last of these, the part past the position
    before: Runs = ends_before[begun] - np.where(begun > 0, surplus, 0)
    return before
