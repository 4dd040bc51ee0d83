"""Train on `stl10`: `python -m baselines.stl10_mlp --data data/stl10 --budget 10m --recipe v3`."""

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
    name="baselines.stl10_mlp",
    about="STL-10 with fully connected layers alone: versions v1 to v4 (reference: v3, the best) and a better one.",
    competition="stl10",
    recipes=Path(__file__).parent / "recipes",
    build=build,
)

if __name__ == "__main__":
    sys.exit(run_kernel(KERNEL))
