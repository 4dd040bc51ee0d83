"""Images a second of the kit's input path against a DataLoader with PIL transforms, and its share of training steps.

    python bench/training/input_path.py --px 32 --images 20000

The augmentation compared is: shift by up to 4 pixels, mirror a half, normalise. The share is what the steps of a run
wait for their batches, with each baseline's strong recipe, on the rung named, with that recipe's own augmentation.
"""

import argparse
import os
import time
from collections.abc import Callable

from baselines.kit.openmp import let_idle_threads_sleep

let_idle_threads_sleep()  # as in a run, before torch is loaded

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
from baselines.kit.batches import Batch
from baselines.kit.budget import Allowance, Clock, Reserve
from baselines.kit.data import ImageData, ImageShape, Part, epoch_batches
from baselines.kit.device import Placement, laid_out_for, move_model
from baselines.kit.diagnosis import Finding
from baselines.kit.kernel import Kernel
from baselines.kit.live import Silent
from baselines.kit.plan import target_shape
from baselines.kit.recipe import load_recipe, on_rung
from baselines.kit.seeds import generator, seed_worker
from baselines.kit.trainer import Trainer
from baselines.letters_resnet18.__main__ import KERNEL as LETTERS
from baselines.stl10_mlp.__main__ import KERNEL as STL10

_BATCH = 128
_STEPS = (
    (FONTCHAR, 0, ImageShape(1, 90, 90, 52), 100),
    (FASHION, 0, ImageShape(1, 28, 28, 10), 20),
    (CIFAR10, 0, ImageShape(3, 32, 32, 10), 8),
    (LETTERS, 0, ImageShape(1, 28, 28, 26), 100),
    (STL10, 0, ImageShape(3, 96, 96, 10), 1000),
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


class TimedTrainer(Trainer):
    """Counts the seconds of its steps, and those of them that wait for batches; the first two build kernels."""

    sample_size = 64
    stepping = waiting = 0.0

    def _one_step(self, batch_of: Callable[[int], Batch]) -> Finding | None:
        begun, waited = time.perf_counter(), 0.0

        def timed(step: int) -> Batch:
            nonlocal waited
            asked = time.perf_counter()
            batch = batch_of(step)
            waited = time.perf_counter() - asked
            return batch

        finding = super()._one_step(timed)
        if self.step > 2:
            self.stepping += time.perf_counter() - begun
            self.waiting += waited
        return finding


def share_of_steps(kernel: Kernel, rung: int, stored: ImageShape, steps: int) -> float:
    """Share of the time of a run's steps that is spent waiting for their batches, 0..1, on random pictures."""
    recipe = load_recipe(kernel.recipes, "strong")
    recipe = on_rung(recipe, recipe.ladder[rung], "bench") if recipe.ladder else recipe
    shape = target_shape(stored, recipe.image_px)
    count = max(2000, recipe.batch)
    pixels = torch.randint(0, 256, (count, shape.height, shape.width, shape.channels)).to(torch.uint8)
    part = Part(pixels, torch.randint(0, shape.classes, (count,)))
    half = torch.full((1, shape.channels, 1, 1), 127.5)
    few = Part(part.images[:64], part.labels[:64])
    data = ImageData(part, few, few, shape, half, half / 2, 0.0)
    model = kernel.build(recipe, shape)
    placement = laid_out_for(model, Placement(torch.device("cpu"), "bf16", channels_last=True))
    model = move_model(model, placement)
    clock = Clock.starting_now(600)
    allowance = Allowance(clock, Reserve(), steps + 2, clock.start)
    trainer = TimedTrainer(model, data, recipe, placement, allowance, Silent(), 1)
    trainer.fit()
    return trainer.waiting / trainer.stepping


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
    for kernel, rung, stored, steps in _STEPS:
        with freed_memory_kept():  # as in a run
            share = share_of_steps(kernel, rung, stored, steps)
        print(f"{kernel.name}, strong, rung {rung + 1}: waiting for batches takes {100 * share:.1f} % of a step")


if __name__ == "__main__":
    main()
