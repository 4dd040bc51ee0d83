"""Images a second of the kit's input path against a DataLoader with PIL transforms, for the same augmentation.

    python bench/training/input_path.py --px 32 --images 20000

The augmentation is: shift by up to 4 pixels, mirror a half, normalise.
"""

import argparse
import os
import time

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from baselines.kit.augment import create_augmentation
from baselines.kit.data import ImageData, ImageShape, Part, epoch_batches
from baselines.kit.device import Placement
from baselines.kit.seeds import generator, seed_worker

_BATCH = 128


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


if __name__ == "__main__":
    main()
