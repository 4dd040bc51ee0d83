"""Train on `cifar10`: `python -m baselines.cifar10_resnet50 --data data/cifar10 --budget 10m`.

On a machine with two GPUs: `torchrun --nproc-per-node 2 -m baselines.cifar10_resnet50 --data data/cifar10`.
"""

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


KERNEL = Kernel(
    name="baselines.cifar10_resnet50",
    about="CIFAR-10: ResNet-50 fine-tuned from ImageNet weights (reference), or a fast net from scratch (strong).",
    competition="cifar10",
    recipes=Path(__file__).parent / "recipes",
    build=build,
    shortcuts=(Shortcut("--weights", "model.weights", "a file, imagenet (torch's cache) or none; not for strong"),),
)

if __name__ == "__main__":
    sys.exit(run_kernel(KERNEL))
