"""Images a second of the kit's input path against a DataLoader with PIL transforms, and its share of training steps.

    python bench/training/input_path.py --px 32 --images 20000

The augmentation compared is: shift by up to 4 pixels, mirror a half, normalise. The share is that of making batches in
whole steps of each baseline's strong recipe, on the rung named, with that recipe's own augmentation.
"""

import argparse
import os
import time

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from baselines.cifar10_resnet50.__main__ import KERNEL as CIFAR10
from baselines.fashion_cnn.__main__ import KERNEL as FASHION
from baselines.fontchar_bottleneck.__main__ import KERNEL as FONTCHAR
from baselines.kit.allocator import freed_memory_kept
from baselines.kit.augment import create_augmentation
from baselines.kit.batches import Batches
from baselines.kit.data import ImageData, ImageShape, Part, epoch_batches
from baselines.kit.device import Placement, move_model
from baselines.kit.kernel import Kernel
from baselines.kit.losses import training_loss
from baselines.kit.optimizers import create_optimizer
from baselines.kit.plan import target_shape
from baselines.kit.recipe import load_recipe, on_rung
from baselines.kit.seeds import generator, seed_worker
from baselines.kit.step import TrainStep
from baselines.letters_resnet18.__main__ import KERNEL as LETTERS
from baselines.stl10_mlp.__main__ import KERNEL as STL10

_BATCH = 128
_STEPS = (
    (FONTCHAR, 0, ImageShape(1, 90, 90, 52)),
    (FASHION, 0, ImageShape(1, 28, 28, 10)),
    (CIFAR10, 0, ImageShape(3, 32, 32, 10)),
    (LETTERS, 0, ImageShape(1, 28, 28, 26)),
    (STL10, 0, ImageShape(3, 96, 96, 10)),
)


class PictureSet(Dataset[tuple[torch.Tensor, int]]):
    """Images in memory, one Python call and one PIL image each, as course notebooks do it."""

    def __init__(self, images: np.ndarray) -> None:
        """`images`: uint8, N x H x W x 3."""
        self.images = images
        px = images.shape[1]
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(px, padding=4, padding_mode="edge"),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.25,) * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), 0


def kit_speed(images: np.ndarray, epochs: int) -> float:
    """Images a second of `index_select` and batched augmentation."""
    placement = Placement(torch.device("cpu"), channels_last=True)
    part = Part(torch.from_numpy(images), torch.zeros(len(images), dtype=torch.int64))
    shape = ImageShape(3, images.shape[1], images.shape[2], 10)
    half = torch.full((1, 3, 1, 1), 127.5)
    data = ImageData(part, part, part, shape, half, half / 2, 0.0)
    augment = create_augmentation({"crop": 4, "flip": 0.5})
    assert augment is not None
    start = time.perf_counter()
    for epoch in range(epochs):
        for step, index in enumerate(epoch_batches(len(images), _BATCH, generator(1, "order", epoch))):
            augment(data.batch(part, index, placement), generator(1, "augment", step))
    return epochs * len(images) / (time.perf_counter() - start)


def loader_speed(images: np.ndarray, workers: int) -> float:
    """Images a second of a DataLoader, its workers started before the clock."""
    loader = DataLoader(
        PictureSet(images), _BATCH, shuffle=True, num_workers=workers, worker_init_fn=seed_worker,
        persistent_workers=workers > 0,
    )  # fmt: skip
    for _ in loader if workers else ():
        break
    start = time.perf_counter()
    for _ in loader:
        pass
    return len(images) / (time.perf_counter() - start)


def share_of_steps(kernel: Kernel, rung: int, stored: ImageShape, steps: int) -> float:
    """Share of the time of training steps that goes into making their batches, 0..1, on random pictures."""
    recipe = load_recipe(kernel.recipes, "strong")
    recipe = on_rung(recipe, recipe.ladder[rung], "bench") if recipe.ladder else recipe
    shape = target_shape(stored, recipe.image_px)
    count = max(2000, recipe.batch)
    pixels = torch.randint(0, 256, (count, shape.height, shape.width, shape.channels)).to(torch.uint8)
    part = Part(pixels, torch.randint(0, shape.classes, (count,)))
    half = torch.full((1, shape.channels, 1, 1), 127.5)
    data = ImageData(part, part, part, shape, half, half / 2, 0.0)
    placement = Placement(torch.device("cpu"), "bf16", channels_last=True)
    model = move_model(kernel.build(recipe, shape), placement).train()
    step = TrainStep(model, create_optimizer(model, recipe), training_loss(recipe), placement, recipe.batch)
    batches = Batches(data, recipe, placement, 1)
    making = training = 0.0
    for number in range(steps + 2):
        begun = time.perf_counter()
        images, target = batches.make(number, batches.rows(number))
        made = time.perf_counter()
        step(images, target)
        if number >= 2:  # the first steps build kernels and caches
            making += made - begun
            training += time.perf_counter() - made
    return making / (making + training)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--px", type=int, default=32)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--threads", type=int, help="of the kit; all cores unless given")
    options = parser.parse_args()
    shape = (options.images, options.px, options.px, 3)
    torch.set_num_threads(options.threads or os.cpu_count() or 1)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    kit_speed(images[:2000], 1)
    ours = kit_speed(images, 3)
    print(f"kit {ours:,.0f} images/s")
    for workers in (0, 2):
        theirs = loader_speed(images, workers)
        print(
            f"DataLoader, PIL, {workers} workers {theirs:,.0f} images/s: the kit is {ours / theirs:.1f} times as fast"
        )
    for kernel, rung, stored in _STEPS:
        with freed_memory_kept():  # as in a run
            share = share_of_steps(kernel, rung, stored, 20 if stored.channels == 1 else 8)
        print(f"{kernel.name}, strong, rung {rung + 1}: making batches takes {100 * share:.1f} % of a step")


if __name__ == "__main__":
    main()
