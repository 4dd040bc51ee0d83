"""What a run is asked to do, and what it came to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from baselines.kit.budget import Clock
from baselines.kit.data import ImageData
from baselines.kit.diagnosis import Finding
from baselines.kit.fit import Fit
from baselines.kit.history import Row
from baselines.kit.plan import Plan
from baselines.kit.ranks import Ranks
from baselines.kit.recipe import Recipe

if TYPE_CHECKING:
    from competition.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to do."""

    kernel: str
    recipe_name: str
    recipe: Recipe
    bundle: "Bundle"
    out: Path
    clock: Clock
    seed: int = 42
    device: str = "auto"
    threads: int | None = None
    resume: bool = False
    others_busy: float = 0.0  # cores that other processes use
    ranks: Ranks = field(default_factory=Ranks)  # of several processes that train together
    probabilities: bool = False  # write probabilities.csv beside the submission


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    plan: Plan
    fit: Fit
    findings: list[Finding]
    model: nn.Module
    data: ImageData
    predicted_rows: int
    compiled: str  # whether training steps ran compiled, and why

    @property
    def kept_evaluation(self) -> Row | None:
        """That of the state that predicts; None where a last state was kept that no time was left to evaluate."""
        fit = self.fit
        is_missing = bool(fit.rows) and not fit.diverged and fit.rows[-1].step < fit.steps
        return None if self.plan.recipe.keep == "last" and is_missing else fit.best
