"""Learning-rate schedules as functions of progress (0..1): the factor the recipe's rate is multiplied with."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from inspect import signature
from typing import Any

from competition.errors import UserError

Shape = Callable[..., float]


def constant(progress: float, epochs: float) -> float:
    """The rate as it is."""
    return 1.0


def linear(progress: float, epochs: float, end: float = 0.0) -> float:
    """Straight down to `end`."""
    return 1.0 + (end - 1.0) * progress


def cosine(progress: float, epochs: float, end: float = 0.0) -> float:
    """Half a cosine down to `end` (Loshchilov and Hutter, SGDR, 2017)."""
    return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * progress))


def onecycle(progress: float, epochs: float, peak_at: float = 0.3, start: float = 0.04, end: float = 0.0) -> float:
    """Up from `start` to 1 at `peak_at`, then down to `end`, along cosines (Smith and Topin, 2018)."""
    if progress < peak_at:
        return start + (1.0 - start) * 0.5 * (1.0 - math.cos(math.pi * progress / peak_at))
    return cosine((progress - peak_at) / (1.0 - peak_at), epochs, end)


def step(progress: float, epochs: float, step_size: float = 3, gamma: float = 0.5) -> float:
    """Times `gamma` after every `step_size` epochs (torch's `StepLR`); in a shortened run the epochs shrink with it."""
    return float(gamma ** math.floor(_epoch(progress, epochs) / step_size))


def exponential(progress: float, epochs: float, gamma: float = 0.9) -> float:
    """Times `gamma` after every epoch (torch's `ExponentialLR`)."""
    return float(gamma ** math.floor(_epoch(progress, epochs)))


def _epoch(progress: float, epochs: float) -> float:
    # 3 / 7 * 7 is 2.9999999999999996 in floating point, which would put a step one batch late.
    return min(progress * epochs + 1e-9, math.nextafter(epochs, 0.0))


SHAPES: dict[str, Shape] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "onecycle": onecycle,
    "step": step,
    "exponential": exponential,
    "plateau": constant,  # its factor comes from the validation loss: see `Plateau`
}


@dataclass(slots=True)
class Plateau:
    """Times `factor` after `patience` evaluations without a lower validation loss (torch's `ReduceLROnPlateau`)."""

    factor: float = 0.1
    patience: int = 3
    best: float = math.inf
    waited: int = 0
    scale: float = 1.0

    def observe(self, validation_loss: float) -> None:
        """Take the loss of one more evaluation into account."""
        if validation_loss < self.best:
            self.best, self.waited = validation_loss, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.scale, self.waited = self.scale * self.factor, 0


@dataclass(slots=True)
class Schedule:
    """The learning-rate factor of a run: a shape with its options, after a linear warm-up."""

    shape: Shape
    epochs: float
    options: Mapping[str, Any] = field(default_factory=dict)
    warmup: float = 0.0  # share of the run
    plateau: Plateau | None = None
    momenta: tuple[float, float] | None = None  # at the highest and at the lowest rate

    def factor(self, progress: float) -> float:
        """The factor at `progress`."""
        scale = self.plateau.scale if self.plateau else 1.0
        if progress < self.warmup:
            return scale * max(progress / self.warmup, 1e-3)
        after = (progress - self.warmup) / (1.0 - self.warmup)
        return scale * self.shape(after, self.epochs, **self.options)

    def momentum(self, progress: float) -> float | None:
        """The momentum at `progress`, which falls as the rate rises (Smith and Topin, 2018); None leaves it alone."""
        if self.momenta is None:
            return None
        at_highest, at_lowest = self.momenta
        return at_lowest + (at_highest - at_lowest) * self.factor(progress)

    def observe(self, validation_loss: float) -> None:
        """Tell an adaptive schedule the loss of an evaluation."""
        if self.plateau:
            self.plateau.observe(validation_loss)


def create_schedule(wish: Mapping[str, Any], epochs: float) -> Schedule:
    """Build a schedule from a recipe's `{name: step, step_size: 3, gamma: 0.5, warmup: 0.1}`.

    Raises:
        UserError: unknown name or option.
    """
    options = dict(wish)
    name, warmup = str(options.pop("name", "constant")), as_number(options.get("warmup", 0.0))
    if name not in SHAPES:
        near = get_close_matches(name, SHAPES, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UserError(f"schedule {name!r} is unknown: {hint}one of {', '.join(SHAPES)}")
    momenta = _momenta(options.pop("momentum", None))
    wished = options.pop("warmup", 0.0)
    if warmup is None or not 0.0 <= warmup < 1.0:
        raise UserError(f"schedule warmup {wished!r} is no share of the run: give 0 <= warmup < 1")
    for option, value in options.items():
        number = as_number(value)
        if number is None:
            raise UserError(f"schedule {name}: {option} = {value!r} is no number")
        options[option] = number
    try:
        plateau = Plateau(**options) if name == "plateau" else None
        schedule = Schedule(SHAPES[name], epochs, {} if plateau else options, warmup, plateau, momenta)
        factors = [schedule.factor(tenth / 10) for tenth in range(11)]
    except (TypeError, ZeroDivisionError, OverflowError) as error:
        raise UserError(f"schedule {name}: {str(error).split('() ')[-1]}") from None
    if not all(0.0 <= factor < math.inf for factor in factors):
        raise UserError(f"schedule {name} with {options}: the rate's factor leaves the numbers from 0 up")
    return schedule


def as_number(value: Any) -> float | None:
    """A number of a recipe, None where it is none; YAML takes `5e-2`, which has no point, for a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def options_of(name: str) -> set[str]:
    """The options that a schedule of this name takes, besides `warmup` and `momentum`."""
    if name == "plateau":
        return {"factor", "patience"}
    return set(signature(SHAPES[name]).parameters) - {"progress", "epochs"} if name in SHAPES else set()


def _momenta(wish: Any) -> tuple[float, float] | None:
    if wish is None:
        return None
    try:
        at_highest, at_lowest = map(float, wish)
    except (TypeError, ValueError):
        at_highest = at_lowest = math.nan
    if not (0 <= at_highest < 1 and 0 <= at_lowest < 1):
        raise UserError(f"schedule momentum {wish!r}: give two numbers from 0 to below 1, as [0.85, 0.95]")
    return at_highest, at_lowest
