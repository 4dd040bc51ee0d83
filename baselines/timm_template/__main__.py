"""Train any timm model on any images: `python -m baselines.timm_template --data data/cifar10 --model resnet18`."""

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


def complete(recipe: "Recipe", shape: "ImageShape") -> "Recipe":
    """The recipe with the model's own size, mean and deviation where it leaves them open."""
    from .model import complete

    return complete(recipe, shape)


KERNEL = Kernel(
    name="baselines.timm_template",
    about="Any timm model on any images: linear probe on features computed once (reference), or fine-tuning (strong).",
    competition="cifar10",
    recipes=Path(__file__).parent / "recipes",
    build=build,
    complete=complete,
    shortcuts=(
        Shortcut("--model", "model.name", "name of a timm model (tf_efficientnet_lite0)"),
        Shortcut("--weights", "model.weights", "file of its weights; timm: those in timm's cache; none (timm)"),
    ),
)

if __name__ == "__main__":
    sys.exit(run_kernel(KERNEL))
