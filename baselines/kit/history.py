"""What a run measured at each evaluation, and its CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from baselines.kit.files import HISTORY, write_text


@dataclass(frozen=True, slots=True)
class Row:
    """One evaluation.

    `train_*` are means over the batches since the last one, as trained (augmented, with dropout); `sample_*` are
    measured on a fixed sample of the training part under the same conditions as validation, so that only these two
    can be compared.
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


def write_history(folder: Path, rows: Sequence[Row]) -> None:
    """Write `history.csv`, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _shown(value) for name, value in asdict(row).items()} for row in rows)
    write_text(folder / HISTORY, text.getvalue())


def read_history(folder: Path) -> list[Row]:
    """Read `history.csv` back."""
    with (folder / HISTORY).open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return [Row(int(line.pop("step")), *(float(value) for value in line.values())) for line in lines]


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
