"""Metrics of masks, one a row, written as run lengths: `start length start length …`.

Kaggle's form: pixels are numbered from 1, down the columns (column-major), and runs rise and do not overlap. An
empty text is the empty mask. Masks are compared run by run, all rows at once, and never unpacked.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from grader.metrics.errors import BrokenMetricError, MetricError
from grader.metrics.guard import guarded

Runs = NDArray[np.int64]
Rows = NDArray[np.int64]
Pixels = NDArray[np.float64]


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
    common, sizes = _overlaps(truth, prediction, shape[0] * shape[1])
    return _mean_ratio(common, sizes - common)


@guarded
def dice_score(truth: Sequence[str], prediction: Sequence[str], *, shape: tuple[int, int]) -> float:
    """The mean over rows of 2 |A ∩ B| / (|A| + |B|) (Dice coefficient, F1 of the pixels), in [0, 1].

    `shape`, empty masks and errors as in `mean_iou_score`.

    Source: Dice, Measures of the amount of ecologic association between species, 1945.

    Example:
        >>> dice_score(["1 4", ""], ["3 4", ""], shape=(10, 10))
        0.75
    """
    common, sizes = _overlaps(truth, prediction, shape[0] * shape[1])
    return _mean_ratio(2 * common, sizes)


def parse_runs(texts: Sequence[str], pixels: int) -> tuple[Runs, Rows]:
    """The runs of N masks in images of so many pixels, laid end to end as one long image, and the row each is of.

    A run is its first pixel (counted from 1) and the one past its last; returns int64 (R, 2) and int64 (R,).

    Raises:
        ValueError: in words, what is wrong with a text.

    Example:
        >>> runs, rows = parse_runs(["1 3 10 5", "", "1 2"], pixels=100)
        >>> runs.tolist(), rows.tolist()
        ([[1, 4], [10, 15], [201, 203]], [0, 0, 2])
    """
    words = [text.split() for text in texts]
    numbers = list(chain.from_iterable(words))
    if numbers and not (_are_digits("".join(numbers)) and max(map(len, numbers)) < 19):
        raise ValueError("a mask must be whole numbers separated by spaces")
    if any(len(mask) % 2 for mask in words):
        raise ValueError("a mask must hold pairs 'start length', but its count of numbers is odd")
    runs = np.fromiter(map(int, numbers), np.int64, len(numbers)).reshape(-1, 2)
    if runs.min(initial=1) < 1:
        raise ValueError("pixels and run lengths count from 1")
    runs[:, 1] += runs[:, 0]
    if runs[:, 1].max(initial=0) > pixels + 1:
        raise ValueError(f"a run ends past the last of the image's {pixels} pixels")
    rows = np.repeat(np.arange(len(words)), [len(mask) // 2 for mask in words])
    runs += (rows * pixels)[:, None]
    if (runs[1:, 0] < runs[:-1, 1]).any():
        raise ValueError("runs must rise and must not overlap")
    return runs, rows


def _are_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _mean_ratio(part: Pixels, whole: Pixels) -> float:
    """The mean over rows of `part / whole`; 1 where both masks are empty."""
    return float(np.mean(np.divide(part, whole, out=np.ones(len(whole)), where=whole > 0)))


def _overlaps(truth: Sequence[str], prediction: Sequence[str], pixels: int) -> tuple[Pixels, Pixels]:
    """Of each row, the pixels the two masks share and the sum of their sizes."""
    try:
        left, left_rows = parse_runs(truth, pixels)
    except ValueError as error:
        raise BrokenMetricError("the solution holds a mask that cannot be read", detail=str(error)) from None
    try:
        right, right_rows = parse_runs(prediction, pixels)
    except ValueError as error:
        raise MetricError(f"a predicted mask cannot be read: {error}") from None
    common = _pixels_before(left, right[:, 1]) - _pixels_before(left, right[:, 0])
    sizes = [
        _per_row(runs[:, 1] - runs[:, 0], rows, len(truth)) for runs, rows in ((left, left_rows), (right, right_rows))
    ]
    return _per_row(common, right_rows, len(truth)), sizes[0] + sizes[1]


def _per_row(pixels: Rows, rows: Rows, count: int) -> Pixels:
    """The pixels of each row's runs together; exact in float64 below 2**53."""
    return np.bincount(rows, weights=pixels, minlength=count).astype(np.float64)  # of no run it makes integers


def _pixels_before(runs: Runs, positions: Rows) -> Rows:
    """How many pixels of a mask lie before each position."""
    if not len(runs):
        return np.zeros(len(positions), np.int64)
    begun = np.searchsorted(runs[:, 0], positions)  # how many runs start before the position
    sizes = np.concatenate(([0], np.cumsum(runs[:, 1] - runs[:, 0])))
    past = np.maximum(runs[begun - 1, 1] - positions, 0)  # what of the last of these lies past the position
    before: Rows = sizes[begun] - np.where(begun > 0, past, 0)
    return before
