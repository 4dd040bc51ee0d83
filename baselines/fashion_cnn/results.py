"""What the cells of a grid came to, read back from their folders, and the table made of it."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from baselines.fashion_cnn.cells import CELLS, LOSS_NAMES, OPTIMIZER_NAMES, REPORTED, Cell, model_title
from baselines.kit import files
from baselines.kit.history import Row, read_history

_COLUMNS = (
    *("model", "loss", "optimizer", "learning_rate", "precision", "epochs", "train_loss", "reported_loss"),
    *("validation_loss", "validation_accuracy", "seconds", "ending"),
)


@dataclass(frozen=True, slots=True)
class CellResult:
    """One finished cell: its evaluations, one an epoch and one at the end, and the figures of its `run.json`."""

    cell: Cell
    rows: Sequence[Row]
    learning_rate: float
    precision: str
    epochs: float
    seconds: float
    ending: str
    diverged: bool

    def has_trained(self, epochs: float) -> bool:
        """Whether all steps of so many epochs were made and evaluated; a part of an epoch is whole steps too."""
        if not self.rows:
            return False
        last = self.rows[-1]
        return last.step >= max(1, round(epochs * round(last.step / last.epoch)))

    @property
    def train_loss(self) -> float:
        """Mean training loss since the evaluation before, an epoch as a rule; NaN where the loss was no number."""
        return self.rows[-1].train_loss if self.rows else math.nan

    @property
    def validation_loss(self) -> float:
        """Validation loss at the end."""
        return self.rows[-1].validation_loss if self.rows else math.nan

    @property
    def validation_accuracy(self) -> float:
        """Validation accuracy at the end, 0..1."""
        return self.rows[-1].validation_accuracy if self.rows else 0.0


def read_result(folder: Path, cell: Cell) -> CellResult | None:
    """The result of a cell, or None where it was not run, not even evaluated once, or its files are damaged."""
    try:
        record = json.loads((folder / files.RUN).read_text(encoding="utf-8"))
        rows, seconds = read_history(folder), float(record["seconds"]["training"])
        rate, ending, diverged = record["recipe"]["lr"], record["ending"], record["diverged"]
        precision = record["precision"]
        result = CellResult(cell, rows, rate, precision, record["epochs"], seconds, ending, diverged)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
    return result if rows or diverged else None


def write_table(folder: Path, results: Mapping[Cell, CellResult]) -> None:
    """Write `grid.csv` and `grid.md`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for cell, result in results.items():
        figures = (result.train_loss, REPORTED[cell], result.validation_loss, result.validation_accuracy)
        shown = [f"{result.epochs:.2f}", *(f"{value:.6g}" for value in figures), f"{result.seconds:.1f}"]
        writer.writerow(
            [cell.model, cell.loss, cell.optimizer, result.learning_rate, result.precision, *shown, result.ending]
        )
    files.write_text(folder / "grid.csv", text.getvalue())
    files.write_text(folder / "grid.md", markdown(results) + "\n")


def markdown(results: Mapping[Cell, CellResult]) -> str:
    """The table for people: all 18 cells in order, those that were not run as dashes, the best accuracy in bold."""
    best = max(results, key=lambda cell: results[cell].validation_accuracy, default=None)
    lines = [
        "| model | loss | optimizer | epochs | training loss | reported | validation loss | validation accuracy |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for cell in CELLS:
        names = (model_title(cell.model), LOSS_NAMES[cell.loss], OPTIMIZER_NAMES[cell.optimizer])
        lines.append(f"| {' | '.join([*names, *_figures(cell, results.get(cell), cell == best)])} |")
    return "\n".join(lines)


def _figures(cell: Cell, result: CellResult | None, is_best: bool) -> list[str]:
    reported = f"{REPORTED[cell]:.4f}"
    if result is None:
        return ["–", "–", reported, "–", "–"]
    if result.diverged:
        return [f"{result.epochs:.1f}", "diverged", reported, "–", "–"]
    accuracy = f"{100 * result.validation_accuracy:.2f} %"
    losses = [f"{result.train_loss:.4f}", reported, f"{result.validation_loss:.4f}"]
    return [f"{result.epochs:.1f}", *losses, f"**{accuracy}**" if is_best else accuracy]
