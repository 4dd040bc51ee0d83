"""Running figures of a training: loss, accuracy and speed since the last evaluation."""

import math
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Running:
    """Sums over the batches since the last evaluation."""

    loss: float = 0.0
    right: int = 0
    count: int = 0
    began: float = field(default_factory=time.monotonic)

    def add(self, loss: float, right: int, count: int) -> None:
        """Take in a batch: its mean loss, its right answers, its images."""
        self.loss += loss * count
        self.right += right
        self.count += count

    @property
    def mean_loss(self) -> float:
        """Of the images so far; NaN where there are none."""
        return self.loss / self.count if self.count else math.nan

    @property
    def accuracy(self) -> float:
        """Share of right answers; NaN where there are no images."""
        return self.right / self.count if self.count else math.nan

    @property
    def speed(self) -> float:
        """Images a second."""
        return self.count / max(time.monotonic() - self.began, 1e-9)
