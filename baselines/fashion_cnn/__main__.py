"""Train on `fashion_mnist`: `python -m baselines.fashion_cnn --data data/fashion_mnist --budget 10m`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.kit.kernel import Kernel, run_kernel

if TYPE_CHECKING:
    from torch import nn

    from baselines.kit.data import ImageShape
    from baselines.kit.recipe import Recipe


def build(recipe: "Recipe", shape: "ImageShape") -> "nn.Module":
    """The model a recipe names."""
    from .model import build_model

    return build_model(recipe.model, shape)


KERNEL = Kernel(
    name="baselines.fashion_cnn",
    about="Clothes in 28x28 pixels: the course's three models (reference: its best run) and a better net (strong).",
    competition="fashion_mnist",
    recipes=Path(__file__).parent / "recipes",
    build=build,
)

if __name__ == "__main__":
    sys.exit(run_kernel(KERNEL))
