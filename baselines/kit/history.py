"""What a run measured at each evaluation, and its CSV."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from baselines.kit.files import HISTORY, write_text

_COUNTS = ("step", "validation_images", "sample_images")


@dataclass(frozen=True, slots=True)
class Row:
    """One evaluation.

    `train_*` are means over the batches since the last one, as trained (augmented, with dropout); `sample_*` are
    measured on a fixed sample of the training part under the same conditions as validation, so that only these two
    can be compared. NaN is what was not measured: the sample comes second, and time may end before it.
    """

    step: int
    epoch: float
    seconds: float
    learning_rate: float
    train_loss: float
    train_accuracy: float
    sample_loss: float
    sample_accuracy: float
    validation_loss: float
    validation_accuracy: float
    validation_contradicted: float
    images_per_second: float
    validation_images: int = 0  # that were evaluated, fewer than there are where time ran out; 0: not counted
    sample_images: int = 0

    @property
    def has_sample(self) -> bool:
        """Whether the sample of the training part was measured."""
        return math.isfinite(self.sample_accuracy)


def write_history(folder: Path, rows: Sequence[Row]) -> None:
    """Write `history.csv`, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _shown(value) for name, value in asdict(row).items()} for row in rows)
    write_text(folder / HISTORY, text.getvalue())


def read_history(folder: Path) -> list[Row]:
    """Read `history.csv` back; columns that an older file does not have take their defaults."""
    with (folder / HISTORY).open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return [Row(**{name: _read(name, value) for name, value in line.items()}) for line in lines]


def _shown(value: float) -> str:
    """A count as it is, a figure with six digits, nothing for what was not measured."""
    if isinstance(value, int):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"


def _read(name: str, value: str) -> Any:
    if name in _COUNTS:
        return int(value)
    return math.nan if value == "" else float(value)
