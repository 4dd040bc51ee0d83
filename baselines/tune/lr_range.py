"""Learning-rate range test: `python -m baselines.tune.lr_range fontchar_bottleneck --data data/fontchar`.

The rate grows from step to step until the loss explodes (Smith, Cyclical Learning Rates for Training Neural Networks,
2017); a little below where it stops falling is a good rate for the schedule's highest point.
"""

import argparse
import csv
import io
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.kit import files
from baselines.kit.allocator import freed_memory_kept
from baselines.kit.budget import Clock, parse_duration, show_duration
from baselines.kit.kernel import guarded
from baselines.tune.kernels import find_kernel
from baselines.tune.options import completed_recipe, measuring_options, opened_bundle
from competition.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from baselines.tune.prepared import Prepared

TABLE, PICTURE, RECORD = "lr_range.csv", "lr_range.png", "lr_range.json"
_FEWEST_STEPS = 20
_EXPLODED = 4.0  # times the lowest loss so far, and above the loss it began with
_COMMAND = "python -m baselines.tune.lr_range"
_EPILOG = f"""examples:
  {_COMMAND} fontchar_bottleneck --data data/fontchar --out runs/rate --budget 1m
  {_COMMAND} fashion_cnn --data data/fashion_mnist --set optimizer=sgd --high 10

In --out: {TABLE}, {PICTURE} and {RECORD} with the suggested rate, for --set lr=…
exit codes: 0 fine, 1 the bundle is bad, 2 wrong use or a missing prerequisite"""


@dataclass(frozen=True, slots=True)
class Curve:
    """The loss of each step while the rate grew."""

    rates: list[float]
    losses: list[float]
    exploded: bool


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rate to train with, the range that works, and why."""

    rate: float
    lowest: float  # where the loss begins to fall
    highest: float  # where it is smallest, just before it rises
    reason: str


def measure_curve(
    prepared: "Prepared", low: float, high: float, steps: int, has_time: Callable[[], bool] = lambda: True
) -> Curve:
    """Train a new model for `steps` steps at rates from `low` to `high`, evenly spaced on a logarithmic scale.

    Raises:
        UserError: the time ended after a few steps.
    """
    from baselines.kit.optimizers import set_rate

    batch = prepared.recipe.batch
    take, batches = prepared.new_step(batch), prepared.batches(batch)
    rates: list[float] = []
    losses: list[float] = []
    for number in range(steps):
        if not has_time():
            break
        rate = low * (high / low) ** (number / (steps - 1))
        set_rate(take.optimizer, rate)
        loss = float(take(*next(batches))[0])
        if not math.isfinite(loss) or (loss > _EXPLODED * min([*losses, loss]) and loss > losses[0]):
            return Curve(rates, losses, True)
        rates.append(rate)
        losses.append(loss)
    if len(losses) < min(_FEWEST_STEPS, steps):
        raise UserError(f"only {len(losses)} steps fit the budget; give a longer --budget or a smaller --set batch=…")
    return Curve(rates, losses, False)


def smoothed(losses: list[float]) -> "NDArray[np.float64]":
    """The losses under a Gaussian window of a fortieth of the curve; unlike a running mean it does not lag."""
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(np.asarray(losses), max(1.0, len(losses) / 40), mode="nearest"))


def suggest_rate(curve: Curve) -> Suggestion:
    """A third of the rate at which the loss is smallest: a margin below where it rises, for a schedule's highest point.

    Raises:
        UserError: the curve is too short or the loss never fell.
    """
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    if len(curve.losses) < _FEWEST_STEPS // 2:
        raise UserError(f"the loss exploded after {len(curve.losses)} steps; begin lower, as --low 1e-8")
    losses = smoothed(curve.losses)
    at_first = float(np.median(curve.losses[: max(3, len(losses) // 10)]))
    bottom = int(losses.argmin())
    fallen = at_first - float(losses[bottom])
    if bottom < 2 or fallen < 0.02 * at_first:
        raise UserError("no rate made the loss fall by more than 2 %; try a higher --high or more --steps")
    # A wide window: the slope of a single noisy step says nothing. Rates are evenly spaced in decades.
    steepest = int(gaussian_filter1d(curve.losses, len(losses) / 15, order=1, mode="nearest")[: bottom + 1].argmin())
    above = np.flatnonzero(losses[:bottom] > at_first - 0.1 * fallen)
    begins = int(above[-1]) + 1 if len(above) else 0
    lowest, highest = curve.rates[begins], curve.rates[bottom]
    return Suggestion(max(highest / 3, lowest), lowest, highest, _reason(curve, steepest, bottom))


def _reason(curve: Curve, steepest: int, bottom: int) -> str:
    after = "and explodes soon after" if curve.exploded else "and rises after it"
    if bottom >= len(curve.rates) - 2 and not curve.exploded:
        after = "and still falls at the highest rate tried: a higher --high may show more"
    return (
        f"the loss falls fastest at {curve.rates[steepest]:.2g} and is smallest at {curve.rates[bottom]:.2g} {after}; "
        "a third of that leaves a margin for the schedule's highest point"
    )


def command_line() -> argparse.ArgumentParser:
    """The options of the range test."""
    parser = measuring_options("baselines.tune.lr_range", "Find a learning rate by raising it step by step.", _EPILOG)
    test = parser.add_argument_group("range test")
    test.add_argument("--low", type=float, default=1e-6, metavar="RATE", help="first rate (1e-6)")
    test.add_argument("--high", type=float, default=10.0, metavar="RATE", help="last rate (10)")
    test.add_argument("--steps", type=int, default=200, metavar="N", help="steps; fewer where time is short (200)")
    return parser


def main() -> int:
    """Run the range test from the command line. Returns the exit code."""
    options = command_line().parse_args()
    return guarded(lambda: _test(options))


def _test(options: argparse.Namespace) -> None:
    clock = Clock.of_process(parse_duration(options.budget))
    if not 0 < options.low < options.high < math.inf or options.steps < _FEWEST_STEPS:
        raise UserError(f"give 0 < --low < --high and at least --steps {_FEWEST_STEPS}")
    bundle, kernel = opened_bundle(options.data), find_kernel(options.kernel)
    recipe = completed_recipe(kernel, options, bundle)
    from baselines.tune.prepared import prepare

    out = files.make_output_folder(options.out)
    prepared = prepare(kernel, recipe, bundle, clock, options.seed, options.device, options.threads)
    with freed_memory_kept():
        curve = _curve_in_time(prepared, options, clock)
    _write_table(out, curve)
    suggestion = suggest_rate(curve)
    files.write_json(out / RECORD, {**asdict(suggestion), "steps": len(curve.rates), "seed": options.seed})
    draw_curve(out, curve, suggestion, f"Learning-rate range test of {kernel.name}, batch {prepared.recipe.batch}")
    print(f"lr={suggestion.rate:.2g}: {suggestion.reason}")
    print(f"rates from {suggestion.lowest:.2g} to {suggestion.highest:.2g} train; {out / PICTURE}")


def _curve_in_time(prepared: "Prepared", options: argparse.Namespace, clock: Clock) -> Curve:
    """The whole range in the steps that fit: speed is measured on the first two of a throw-away model."""
    finish_seconds = max(2.0, 0.5 * clock.elapsed)
    take, batches = prepared.new_step(prepared.recipe.batch), prepared.batches(prepared.recipe.batch)
    take(*next(batches))
    prepared.placement.synchronise()
    began = time.monotonic()
    take(*next(batches))
    prepared.placement.synchronise()
    seconds = time.monotonic() - began
    fitting = int((clock.remaining - finish_seconds) / (1.5 * seconds))
    steps = min(options.steps, fitting)
    if steps < _FEWEST_STEPS:
        raise UserError(
            f"a step takes {show_duration(seconds)}, so only {max(0, fitting)} fit the budget and {_FEWEST_STEPS} are "
            "needed; give a longer --budget or a smaller --set batch=…"
        )
    has_time = lambda: clock.remaining > finish_seconds + seconds  # noqa: E731
    return measure_curve(prepared, options.low, options.high, steps, has_time)


def _write_table(folder: Path, curve: Curve) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "learning_rate", "loss", "smoothed_loss"])
    for step, row in enumerate(zip(curve.rates, curve.losses, smoothed(curve.losses).tolist(), strict=True), 1):
        writer.writerow([step, *(f"{value:.6g}" for value in row)])
    files.write_text(folder / TABLE, text.getvalue())


def draw_curve(folder: Path, curve: Curve, suggestion: Suggestion, title: str) -> Path:
    """Draw `lr_range.png`: the loss over the rate, the range that trains, the rate suggested."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), dpi=110, layout="constrained")
    axes = figure.subplots()
    lines = smoothed(curve.losses)
    axes.plot(curve.rates, curve.losses, color="#b8c4ce", linewidth=1, label="loss of each step")
    axes.plot(curve.rates, lines, color="#2f6f9f", linewidth=2, label="smoothed")
    axes.axvspan(suggestion.lowest, suggestion.highest, color="#2f6f9f", alpha=0.08, label="rates that train")
    axes.axvline(suggestion.rate, color="#d1495b", linestyle="--", label=f"suggested: {suggestion.rate:.2g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="training loss")
    spread = float(lines.max() - lines.min())
    axes.set_ylim(float(lines.min()) - 0.1 * spread, float(lines[0]) + 0.6 * max(spread, 1e-6))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
    figure.suptitle(title, fontsize=12, x=0.01, ha="left")
    with files.written_aside(folder / PICTURE) as aside:
        figure.savefig(aside, format="png")
    return folder / PICTURE


if __name__ == "__main__":
    sys.exit(main())
