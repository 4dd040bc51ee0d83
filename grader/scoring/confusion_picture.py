"""The confusion matrix as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

MOST_NUMBERED = 20  # classes up to which each cell shows its count


def save_confusion(confusion: NDArray[np.int64], labels: Sequence[str], path: Path) -> None:
    """Draw (C, C) counts, truth by prediction: each row as shares of its class, so that rare classes show too."""
    classes = len(labels)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    side = min(12.0, 3.5 + 0.42 * classes)
    figure = Figure(figsize=(side, side), layout="constrained", dpi=130)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks, size = range(classes), max(5.0, 10.0 - classes / 12)
    axes.set_xticks(ticks, labels, fontsize=size, rotation=90 if max(map(len, labels)) > 2 else 0)
    axes.set_yticks(ticks, labels, fontsize=size)
    axes.set_xlabel("predicted")
    axes.set_ylabel("truth")
    axes.set_title(f"{confusion.trace() / max(1, confusion.sum()):.2%} of {confusion.sum():,} right", loc="left")
    axes.spines[:].set_visible(False)
    if classes <= MOST_NUMBERED:
        for row, column in zip(*np.nonzero(confusion), strict=True):
            colour = "white" if shares[row, column] > 0.5 else "#24405c"
            axes.text(column, row, f"{confusion[row, column]:,}", ha="center", va="center", color=colour, fontsize=size)
    figure.colorbar(image, ax=axes, shrink=0.6, label="share of the class", format=lambda share, _: f"{share:.0%}")
    figure.savefig(path, bbox_inches="tight", pad_inches=0.15)  # the matrix is square, the figure need not be
