"""Logistic regression on shrunk pixels, trained in short rounds so that the clock is looked at between them."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNK = 4096
_ROUND_ITERATIONS = 20


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of iterations reached."""

    iterations: int
    seconds: float
    train_accuracy: float
    validation_accuracy: float


def shrink(images: "NDArray[np.uint8]", image_px: int) -> "NDArray[np.float32]":
    """Images as rows of about `image_px` x `image_px` block means in 0..1; reads a memory map chunk by chunk.

    A side that is no multiple of `image_px` loses its outermost pixels; smaller images stay as they are.
    """
    height, width = images.shape[1:3]
    step_y, step_x = max(1, height // image_px), max(1, width // image_px)
    rows, columns = height // step_y, width // step_x
    top, left = (height - rows * step_y) // 2, (width - columns * step_x) // 2
    chunks = []
    for at in range(0, len(images), _CHUNK):
        part = images[at : at + _CHUNK, top : top + rows * step_y, left : left + columns * step_x]
        blocks = part.reshape(len(part), rows, step_y, columns, step_x, -1)
        chunks.append(blocks.mean(axis=(2, 4), dtype=np.float32).reshape(len(part), -1) / 255)
    return np.concatenate(chunks)


def standardise(train: "NDArray[np.float32]", *others: "NDArray[np.float32]") -> "list[NDArray[np.float32]]":
    """All parts with the training part's mean of each pixel and its overall deviation.

    One deviation for all pixels: a margin pixel that is nearly constant would otherwise be blown up to noise.
    """
    mean, deviation = train.mean(axis=0), max(float(train.std()), 1e-6)
    return [(part - mean) / deviation for part in (train, *others)]


def fit_in_rounds(
    train: "tuple[NDArray[np.float32], NDArray[np.int64]]",
    validation: "tuple[NDArray[np.float32], NDArray[np.int64]]",
    seed: int,
    strength: float,
    iterations: int,
    has_time_for: Callable[[float], bool],
    note: Callable[[Round], None],
    keep: Callable[[LogisticRegression], None],
) -> list[Round]:
    """Fit until validation no longer gains, the iterations are done or the time is.

    Args:
        train: rows and class indices.
        validation: as `train`; decides when to stop and which rounds are kept.
        seed: of the solver.
        strength: scikit-learn's `C`, the inverse of the L2 penalty.
        iterations: of L-BFGS, at most.
        has_time_for: told the seconds of the longest round so far, says whether another one fits.
        note: called after every round.
        keep: called with the model after every round that is the best so far; its time counts as the round's.
    """
    model = LogisticRegression(C=strength, max_iter=_ROUND_ITERATIONS, warm_start=True, random_state=seed)
    rounds: list[Round] = []
    longest = 0.0
    while len(rounds) * _ROUND_ITERATIONS < iterations and has_time_for(longest):
        start = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a round is meant to end before convergence
            model.fit(*train)
        done = (len(rounds) + 1) * _ROUND_ITERATIONS
        rounds.append(Round(done, time.monotonic() - start, model.score(*train), model.score(*validation)))
        note(rounds[-1])
        if rounds[-1] is max(rounds, key=lambda r: r.validation_accuracy):
            keep(model)
        elif _has_stalled(rounds):
            break
        longest = max(longest, time.monotonic() - start)
    return rounds


def _has_stalled(rounds: list[Round]) -> bool:
    best = max(range(len(rounds)), key=lambda i: rounds[i].validation_accuracy)
    return len(rounds) - 1 - best >= 2


def predict_probabilities(
    model: LogisticRegression, rows: "NDArray[np.float32]", classes: int
) -> "NDArray[np.float64]":
    """Probabilities, rows x classes; a class without a training image gets a column of zeros."""
    columns = np.zeros((len(rows), classes))
    columns[:, model.classes_] = model.predict_proba(rows)
    return columns
