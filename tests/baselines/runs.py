"""Short training runs in this process, for the tests of the kit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from baselines.kit.budget import Clock
from baselines.kit.data import ImageShape
from baselines.kit.live import Reporter, Silent
from baselines.kit.recipe import Recipe, parse_recipe
from baselines.kit.request import Outcome, Request
from baselines.kit.session import train_and_predict
from competition.bundle import Bundle

FAST = {
    "epochs": 12,
    "batch": 16,
    "lr": 0.01,
    "optimizer": "adamw",
    "schedule": {"name": "linear"},
    "precision": "fp32",
}


def small_net(recipe: Recipe | None, shape: ImageShape) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(shape.channels, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(8 * (shape.height // 2) * (shape.width // 2), shape.classes),
    )


class Notes(Silent):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def run(
    bundle: Bundle,
    out: Path,
    budget: float = 60.0,
    build: Callable[[Recipe, ImageShape], nn.Module] = small_net,
    reporter: Reporter | None = None,
    seed: int = 3,
    resume: bool = False,
    device: str = "cpu",
    **changes: Any,
) -> Outcome:
    out.mkdir(exist_ok=True)
    recipe = parse_recipe({**FAST, **changes}, "test")
    clock = Clock.starting_now(budget)
    request = Request("test", "fast", recipe, bundle, out, clock, seed, device, 1, resume)
    return train_and_predict(build, request, reporter or Silent())
