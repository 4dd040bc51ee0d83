"""The best state of a model so far, by validation accuracy, by validation loss, or simply the last one."""

import math
from typing import Any, Literal

from torch import nn

from baselines.kit.history import Row

Keep = Literal["accuracy", "loss", "last"]


class BestState:
    """A copy of the weights of the best evaluation, and how many evaluations have passed since."""

    def __init__(self, keep: Keep) -> None:
        """`keep` is the recipe's word for what is best."""
        self.keep = keep
        self.row: Row | None = None
        self.state: dict[str, Any] | None = None
        self.waited = 0
        self._merit = (-math.inf, -math.inf)

    def offer(self, model: nn.Module, row: Row) -> bool:
        """Keep a copy of the weights if this evaluation is the best; say whether it is."""
        merit = self._merit_of(row)
        if not math.isfinite(row.validation_loss) or merit <= self._merit:
            self.waited += 1
            return False
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.row, self._merit, self.waited = row, merit, 0
        return True

    def restore(self, model: nn.Module) -> bool:
        """Put the best weights into the model; False when no evaluation was ever good."""
        if self.state is None:
            return False
        model.load_state_dict(self.state)
        return True

    def resume(self, row: Row, state: dict[str, Any], waited: int) -> None:
        """Take over the best state of an interrupted run."""
        self.row, self.state, self._merit, self.waited = row, state, self._merit_of(row), waited

    def _merit_of(self, row: Row) -> tuple[float, float]:
        if self.keep == "accuracy":  # of two equal accuracies the one with the lower loss is surer of itself
            return row.validation_accuracy, -row.validation_loss
        if self.keep == "loss":
            return -row.validation_loss, row.validation_accuracy
        return float(row.step), 0.0
