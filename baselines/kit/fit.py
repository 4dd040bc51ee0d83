"""How a training ended: what the loop hands to predictions, figures and diagnosis."""

from dataclasses import dataclass

from baselines.kit.diagnosis import Extent, Finding
from baselines.kit.history import Row


@dataclass(frozen=True, slots=True)
class Fit:
    """How a training ended."""

    rows: list[Row]
    best: Row | None  # of the state that is kept; the last evaluation where the last state is
    steps: int
    extent: Extent
    seconds: float
    images_per_second: float  # mean over the time that was spent on steps, evaluations left out
    ending: str  # why it stopped, in words
    divergence: Finding | None
    losses: list[float]  # of every step
    batch_parts: int

    @property
    def epochs(self) -> float:
        """Passes over the training part."""
        return self.extent.epochs

    @property
    def diverged(self) -> bool:
        """Whether the loss became no number."""
        return self.divergence is not None
