"""The cells of the grid: which models, losses and optimizers are compared, with which rates, and what was reported."""

from dataclasses import dataclass
from itertools import product
from typing import Any

MODELS = ("model1", "model2", "model3")
LOSSES = ("cross_entropy", "bce_one_hot")
OPTIMIZERS = ("adam", "sgd", "rmsprop")

LOSS_NAMES = {"cross_entropy": "CrossEntropy", "bce_one_hot": "BCEWithLogits"}
OPTIMIZER_NAMES = {"adam": "Adam", "sgd": "SGD", "rmsprop": "RMSprop"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of the grid."""

    model: str
    loss: str
    optimizer: str

    @property
    def name(self) -> str:
        """Its folder: `model3-bce_one_hot-sgd`."""
        return f"{self.model}-{self.loss}-{self.optimizer}"

    @property
    def title(self) -> str:
        """What people read: `Model 3 + BCEWithLogits + SGD`."""
        return f"{model_title(self.model)} + {LOSS_NAMES[self.loss]} + {OPTIMIZER_NAMES[self.optimizer]}"


def model_title(model: str) -> str:
    """`Model 3` for `model3`."""
    return f"Model {model.removeprefix('model')}"


CELLS = tuple(Cell(*words) for words in product(MODELS, LOSSES, OPTIMIZERS))

# Losses after epoch 10 as the course's report gives them, in the order of CELLS.
_REPORTED = (
    *(0.2729, 0.2451, 0.2298, 0.0444, 0.0415, 0.0422),
    *(0.3713, 0.3457, 0.3339, 0.0660, 0.0638, 0.0641),
    *(0.1131, 0.0641, 0.0383, 0.0040, 0.0021, 0.0031),
)
REPORTED = dict(zip(CELLS, _REPORTED, strict=True))

# The report names no rates. BCEWithLogits averages over ten outputs, so its gradients are a tenth of cross entropy's:
# SGD needs ten times the rate, while Adam and RMSprop divide the scale out.
_RATES = {
    ("adam", "cross_entropy"): 0.001,
    ("adam", "bce_one_hot"): 0.001,
    ("sgd", "cross_entropy"): 0.01,
    ("sgd", "bce_one_hot"): 0.1,
    ("rmsprop", "cross_entropy"): 0.001,
    ("rmsprop", "bce_one_hot"): 0.001,
}


def recipe_changes(cell: Cell) -> dict[str, Any]:
    """What a cell changes in the reference recipe."""
    return {
        "about": cell.title,
        "model": {"net": cell.model},
        "loss": cell.loss,
        "optimizer": cell.optimizer,
        "lr": _RATES[cell.optimizer, cell.loss],
        "momentum": 0.9 if cell.optimizer == "sgd" else 0.0,
    }
