"""The learning curves of a run as one picture: loss, error and accuracy, learning rate."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.kit.files import CURVES, written_aside
from baselines.kit.history import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRAIN, _SAMPLE, _VALIDATION, _BEST = "#9db4c8", "#2f6f9f", "#d1495b", "#3a3a3a"


def draw_curves(folder: Path, rows: Sequence[Row], title: str, best: Row | None = None) -> Path:
    """Draw `curves.png`; `best` is marked with a line.

    Returns:
        The path of the picture.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), dpi=110, layout="constrained")
    ((loss, error), (accuracy, rate)) = figure.subplots(2, 2)
    epochs = [row.epoch for row in rows]
    _draw_loss(loss, rows, epochs)
    _draw_share(error, rows, epochs, "error (%)", lambda share: 100 * (1 - share))
    _draw_share(accuracy, rows, epochs, "accuracy (%)", lambda share: 100 * share)
    rate.plot(epochs, [row.learning_rate for row in rows], color=_SAMPLE, marker="o", markersize=3)
    rate.set_ylabel("learning rate")
    for axes in (loss, error, accuracy, rate):
        _finish(axes, best)
    handles, labels = error.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title, fontsize=12, x=0.01, ha="left")
    path = folder / CURVES
    with written_aside(path) as aside:
        figure.savefig(aside, format="png")
    return path


def _draw_loss(axes: "Axes", rows: Sequence[Row], epochs: Sequence[float]) -> None:
    axes.plot(epochs, [row.train_loss for row in rows], color=_TRAIN, linestyle="--", label="train, as trained")
    axes.plot(
        epochs, [row.sample_loss for row in rows], color=_SAMPLE, marker="o", markersize=3, label="train, measured"
    )
    axes.plot(
        epochs, [row.validation_loss for row in rows], color=_VALIDATION, marker="o", markersize=3, label="validation"
    )
    axes.set_ylabel("loss")


def _draw_share(
    axes: "Axes", rows: Sequence[Row], epochs: Sequence[float], name: str, of: Callable[[float], float]
) -> None:
    axes.plot(epochs, [of(row.train_accuracy) for row in rows], color=_TRAIN, linestyle="--", label="train, as trained")
    axes.plot(
        epochs,
        [of(row.sample_accuracy) for row in rows],
        color=_SAMPLE,
        marker="o",
        markersize=3,
        label="train, measured",
    )
    axes.plot(
        epochs,
        [of(row.validation_accuracy) for row in rows],
        color=_VALIDATION,
        marker="o",
        markersize=3,
        label="validation",
    )
    axes.set_ylabel(name)


def _finish(axes: "Axes", best: Row | None) -> None:
    if best is not None:
        axes.axvline(best.epoch, color=_BEST, linewidth=0.8, linestyle=":", label="kept")
    axes.set_xlabel("epoch")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.02)
