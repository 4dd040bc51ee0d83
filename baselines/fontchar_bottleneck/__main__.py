"""Train on `fontchar`: `python -m baselines.fontchar_bottleneck --data data/fontchar --budget 10m`."""

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
    name="baselines.fontchar_bottleneck",
    about="Characters in many fonts: the course's bottleneck CNN (reference) and a faster, better one (strong).",
    recipes=Path(__file__).parent / "recipes",
    build=build,
)

if __name__ == "__main__":
    sys.exit(run_kernel(KERNEL))
