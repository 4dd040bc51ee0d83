"""Train on `letters`: `python -m baselines.letters_resnet18 --data data/letters --budget 10m --recipe strong`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.kit.kernel import Kernel, Shortcut, run_kernel

if TYPE_CHECKING:
    from torch import nn

    from baselines.kit.data import ImageShape
    from baselines.kit.recipe import Recipe


def build(recipe: "Recipe", shape: "ImageShape") -> "nn.Module":
    """The model a recipe names."""
    from .model import build_model

    return build_model(recipe.model, shape)


WEIGHTS = Shortcut("--weights", "model.weights", "a file, imagenet (torch's cache) or none; not for strong")

KERNEL = Kernel(
    name="baselines.letters_resnet18",
    about="Handwritten letters: ResNet-18 from ImageNet weights (reference), or a small residual net (strong).",
    competition="letters",
    recipes=Path(__file__).parent / "recipes",
    build=build,
    shortcuts=(WEIGHTS,),
)

if __name__ == "__main__":
    sys.exit(run_kernel(KERNEL))
