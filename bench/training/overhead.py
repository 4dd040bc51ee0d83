"""What the budget clock and the live view cost: the kit's training loop against a bare loop of the same steps.

    python bench/training/overhead.py --repeats 9

Both loops take the same batches through the same augmentation, model and optimizer. The kit's loop asks the clock at
every step, tells a live view (drawn into a pseudo-terminal) and sums up losses. They run in turns; the median of the
ratios of neighbours is printed.
"""

import argparse
import os
import pty
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from baselines.fashion_cnn.model import build_model
from baselines.kit.augment import create_augmentation
from baselines.kit.budget import Allowance, Clock, Reserve
from baselines.kit.data import ImageData, ImageShape, Part, epoch_batches
from baselines.kit.device import Placement, move_model
from baselines.kit.live import LiveView
from baselines.kit.losses import training_loss
from baselines.kit.optimizers import create_optimizer, set_rate
from baselines.kit.recipe import parse_recipe
from baselines.kit.schedules import create_schedule
from baselines.kit.seeds import generator
from baselines.kit.step import TrainStep
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


def make_data(count: int) -> ImageData:
    """Random pictures of 28x28, of ten classes."""
    pixels = torch.randint(0, 256, (count, 28, 28, 1), generator=generator(1, "pixels")).to(torch.uint8)
    part = Part(pixels, torch.randint(0, 10, (count,), generator=generator(1, "labels")))
    small = Part(pixels[:2], part.labels[:2])
    half = torch.full((1, 1, 1, 1), 127.5)
    return ImageData(part, small, small, ImageShape(1, 28, 28, 10), half, half, 0.0)


def bare_loop(data: ImageData, placement: Placement) -> float:
    """Seconds of an epoch as one would write it by hand."""
    model = move_model(build_model(_RECIPE.model, data.shape), placement).train()
    optimizer = create_optimizer(model, _RECIPE)
    step = TrainStep(model, optimizer, training_loss(_RECIPE), placement, _RECIPE.batch)
    augment, schedule = create_augmentation(_RECIPE.augment), create_schedule(_RECIPE.schedule, 1)
    assert augment is not None
    start = time.perf_counter()
    batches = list(epoch_batches(len(data.train), _RECIPE.batch, generator(1, "order", 0)))
    for number, index in enumerate(batches):
        set_rate(optimizer, _RECIPE.lr * schedule.factor(number / len(batches)))
        images = augment(data.batch(data.train, index, placement), generator(1, "augment", number))
        loss, _ = step(images, data.train.labels.index_select(0, index))
        float(loss)
    return time.perf_counter() - start


def kit_loop(data: ImageData, placement: Placement) -> float:
    """Seconds of the same epoch under the clock and the live view, evaluations left out."""
    model = move_model(build_model(_RECIPE.model, data.shape), placement)
    clock = Clock.starting_now(3600)
    view = LiveView(clock)
    allowance = Allowance(clock, Reserve(), -(-len(data.train) // _RECIPE.batch), time.monotonic())
    trainer = Trainer(model, data, _RECIPE, placement, allowance, view, 1)
    trainer.sample_size = 2
    fit = trainer.fit()
    view.close()
    return fit.seconds


@contextmanager
def standard_error_on_a_terminal() -> Iterator[None]:
    """Point standard error at a pseudo-terminal that somebody reads."""
    reader, writer = pty.openpty()
    thread = threading.Thread(target=_read_all, args=(reader,), daemon=True)
    thread.start()
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
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    data, placement = make_data(options.images), Placement(torch.device("cpu"), channels_last=True)
    loops: tuple[Callable[[ImageData, Placement], float], ...] = (bare_loop, kit_loop)
    with standard_error_on_a_terminal():
        for loop in loops:
            loop(data, placement)
        pairs = [[loop(data, placement) for loop in loops] for _ in range(options.repeats)]
    ratios = [kit / bare for bare, kit in pairs]
    bare, kit = (statistics.median(column) for column in zip(*pairs, strict=True))
    shown = ", ".join(f"{100 * (ratio - 1):+.1f}" for ratio in sorted(ratios))
    print(f"bare loop {options.images / bare:,.0f} images/s, kit {options.images / kit:,.0f} images/s")
    print(f"overhead of clock, live view and figures: median {100 * (statistics.median(ratios) - 1):+.2f} % ({shown})")


if __name__ == "__main__":
    sys.exit(main())
