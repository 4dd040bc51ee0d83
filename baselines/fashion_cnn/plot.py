"""The loss plot of the grid: a column a model, a row a loss, a colour an optimizer."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.fashion_cnn.cells import (
    CELLS,
    LOSS_NAMES,
    LOSSES,
    MODELS,
    OPTIMIZER_NAMES,
    OPTIMIZERS,
    REPORTED,
    Cell,
    model_title,
)
from baselines.fashion_cnn.results import CellResult
from baselines.kit.files import written_aside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT = "grid.png"
_COLOURS = {"adam": "#d1495b", "sgd": "#2f6f9f", "rmsprop": "#e0a030"}  # apart for colour-blind eyes too
_REPORTED_EPOCH = 10


def draw_losses(folder: Path, results: Mapping[Cell, CellResult]) -> Path:
    """Draw `grid.png`: training loss as lines, validation loss dashed, a diamond where the report's epoch 10 lies.

    Returns:
        The path of the picture.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), dpi=120, layout="constrained")
    grid = figure.subplots(len(LOSSES), len(MODELS), sharex=True, sharey="row", squeeze=False)
    for cell in CELLS:
        axes = grid[LOSSES.index(cell.loss)][MODELS.index(cell.model)]
        _draw_cell(axes, cell, results.get(cell))
    for row, loss in enumerate(LOSSES):
        grid[row][0].set_ylabel(f"{LOSS_NAMES[loss]} loss")
        for column, model in enumerate(MODELS):
            _finish(grid[row][column], model_title(model) if row == 0 else "", is_last=row == len(LOSSES) - 1)
    _add_legend(figure)
    figure.suptitle("Fashion-MNIST: training and validation loss by model, loss and optimizer", x=0.01, ha="left")
    path = folder / PLOT
    with written_aside(path) as aside:
        figure.savefig(aside, format="png")
    return path


def _draw_cell(axes: "Axes", cell: Cell, result: CellResult | None) -> None:
    colour = _COLOURS[cell.optimizer]
    axes.plot(_REPORTED_EPOCH, REPORTED[cell], "D", markersize=5, markerfacecolor="none", color=colour, clip_on=False)
    if result is None or not result.rows:
        return
    epochs = [row.epoch for row in result.rows]
    axes.plot(epochs, [row.train_loss for row in result.rows], color=colour, linewidth=1.8, marker="o", markersize=2.5)
    axes.plot(epochs, [row.validation_loss for row in result.rows], color=colour, linewidth=1, linestyle=(0, (4, 2)))


def _finish(axes: "Axes", title: str, is_last: bool) -> None:
    axes.set_yscale("log")  # the losses of the three models lie two orders apart
    axes.grid(alpha=0.25, which="major")
    axes.grid(alpha=0.1, which="minor")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, fontsize=11, loc="left")
    if is_last:
        axes.set_xlabel("epoch")


def _add_legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D

    gray = "#555555"
    marks = [Line2D([], [], color=_COLOURS[name], linewidth=2, label=OPTIMIZER_NAMES[name]) for name in OPTIMIZERS]
    marks += [
        Line2D([], [], color=gray, marker="o", markersize=2.5, label="training"),
        Line2D([], [], color=gray, linewidth=1, linestyle=(0, (4, 2)), label="validation"),
        Line2D([], [], color=gray, marker="D", markerfacecolor="none", linestyle="none", label="reported, epoch 10"),
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False)
