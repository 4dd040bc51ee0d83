"""What the budget clock and the live view cost: their share of the time of a training run.

    python bench/training/overhead.py

Every call that a training step makes to the clock and to the live view (which draws into a pseudo-terminal) is timed,
and the sum is set against the time of the whole training: one run, so that a busy neighbour slows both alike. The net
is the smallest of fashion_cnn's ladder, whose steps took 21 milliseconds on two cores.
"""

import argparse
import os
import pty
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from baselines.fashion_cnn.model import build_model
from baselines.kit.budget import Allowance, Clock, Reserve
from baselines.kit.data import ImageData, ImageShape, Part
from baselines.kit.device import Placement, move_model
from baselines.kit.live import LiveView
from baselines.kit.recipe import parse_recipe
from baselines.kit.seeds import generator
from baselines.kit.trainer import Trainer

_RECIPE = parse_recipe(
    {
        "model": {"net": "paired", "stem": 16, "widths": [24, 48, 96], "convolutions": 1},
        "augment": {"crop": 2, "flip": 0.5},
        "epochs": 1,
        "batch": 64,
        "lr": 0.002,
    },
    "bench",
)
spent = 0.0  # seconds inside the calls that are timed
_depth = 0  # of timed calls inside one another, of which the outermost counts


@contextmanager
def timed() -> Iterator[None]:
    """Add the time of the block to what was spent."""
    global spent, _depth
    _depth += 1
    begun = time.perf_counter()
    yield
    _depth -= 1
    if not _depth:
        spent += time.perf_counter() - begun


class TimedView(LiveView):
    """A live view whose calls are timed."""

    def step(self, step: int, epoch: float, progress: float, rate: float, loss: float) -> None:
        """As the view's."""
        with timed():
            super().step(step, epoch, progress, rate, loss)


@dataclass(slots=True)
class TimedAllowance(Allowance):
    """The clock's answers to a training, timed."""

    def progress(self, step: int) -> float:
        """As the allowance's."""
        with timed():
            return Allowance.progress(self, step)

    def is_short(self, step: int) -> bool:
        """As the allowance's."""
        with timed():
            return Allowance.is_short(self, step)

    def fits_another_step(self, step: int) -> bool:
        """As the allowance's."""
        with timed():
            return Allowance.fits_another_step(self, step)

    def note_step(self, seconds: float) -> None:
        """As the allowance's."""
        with timed():
            Allowance.note_step(self, seconds)


@dataclass(slots=True)
class TimedReserve(Reserve):
    """What the clock keeps back, its changes timed."""

    def learn_from_training(self, seconds_an_image: float) -> None:
        """As the reserve's."""
        with timed():
            Reserve.learn_from_training(self, seconds_an_image)


def make_data(count: int) -> ImageData:
    """Random pictures of 28x28, of ten classes."""
    pixels = torch.randint(0, 256, (count, 28, 28, 1), generator=generator(1, "pixels")).to(torch.uint8)
    part = Part(pixels, torch.randint(0, 10, (count,), generator=generator(1, "labels")))
    small = Part(pixels[:2], part.labels[:2])
    half = torch.full((1, 1, 1, 1), 127.5)
    return ImageData(part, small, small, ImageShape(1, 28, 28, 10), half, half, 0.0)


@contextmanager
def standard_error_on_a_terminal() -> Iterator[None]:
    """Point standard error at a pseudo-terminal that somebody reads."""
    reader, writer = pty.openpty()
    threading.Thread(target=_read_all, args=(reader,), daemon=True).start()
    kept = os.dup(2)
    os.dup2(writer, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(writer)


def _read_all(reader: int) -> None:
    try:
        while os.read(reader, 65536):
            pass
    except OSError:
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=40_000)
    options = parser.parse_args()
    data, placement = make_data(options.images), Placement(torch.device("cpu"), channels_last=True)
    clock = Clock.starting_now(3600)
    with standard_error_on_a_terminal():
        view = TimedView(clock)
        allowance = TimedAllowance(clock, TimedReserve(), -(-options.images // _RECIPE.batch), time.monotonic())
        model = move_model(build_model(_RECIPE.model, data.shape), placement)
        fit = Trainer(model, data, _RECIPE, placement, allowance, view, 1).fit()
        view.close()
    print(f"{fit.steps} steps of {1000 * fit.seconds / fit.steps:.1f} ms")
    print(f"clock and live view: {1000 * spent:.0f} ms of {fit.seconds:.1f} s, {100 * spent / fit.seconds:.2f} %")


if __name__ == "__main__":
    main()
