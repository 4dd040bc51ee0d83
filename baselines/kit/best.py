"""The best state of a model so far, by validation accuracy, by validation loss, or simply the last one."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from torch import nn

from baselines.kit.history import Row

Keep = Literal["accuracy", "loss", "last"]


class BestState:
    """A copy of the weights of the best evaluation, and how many evaluations have passed since.

    Where the last state is kept, patience waits for a lower validation loss.
    """

    def __init__(self, keep: Keep, validation_images: int) -> None:
        """`keep` is the recipe's word for what is best, `validation_images` how many a whole evaluation has."""
        self.keep = keep
        self.validation_images = validation_images
        self.row: Row | None = None
        self.state: dict[str, Any] | None = None
        self.waited = 0
        self._merit = (False, -math.inf, -math.inf)

    def offer(self, model: nn.Module, row: Row) -> bool:
        """Keep a copy of the weights if this evaluation is the best; say whether it is.

        The last of several is no best one: where the last state is kept, the answer is no.
        """
        is_better = math.isfinite(row.validation_loss) and self._merit_of(row) > self._merit
        if is_better:
            self._merit, self.waited = self._merit_of(row), 0
        else:
            self.waited += 1
        if is_better or (self.keep == "last" and math.isfinite(row.validation_loss)):
            self.row = row
            self.take(model)
        return is_better and self.keep != "last"

    def take(self, model: nn.Module) -> None:
        """Keep a copy of these weights, evaluated or not."""
        self.state = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def restore(self, model: nn.Module) -> bool:
        """Put the kept weights into the model; False when there are none."""
        if self.state is None:
            return False
        model.load_state_dict(self.state)
        return True

    def resume(self, row: Row, state: dict[str, Any], waited: int, rows: Sequence[Row]) -> None:
        """Take over the kept state of an interrupted run; `rows` are all its evaluations."""
        self.row, self.state, self.waited = row, state, waited
        self._merit = max(self._merit_of(earlier) for earlier in (row, *rows) if math.isfinite(earlier.validation_loss))

    def _merit_of(self, row: Row) -> tuple[bool, float, float]:
        """What is compared: a part of the images may be the easier part, so a whole evaluation always counts more."""
        whole = row.validation_images >= self.validation_images
        if self.keep == "accuracy":  # of two equal accuracies the one with the lower loss is surer of itself
            return whole, row.validation_accuracy, -row.validation_loss
        return whole, -row.validation_loss, row.validation_accuracy
