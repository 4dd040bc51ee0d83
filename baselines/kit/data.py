"""The bundle's images as uint8 tensors on the device: batches come from `index_select`, never from a per-image loop."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from baselines.kit.device import Placement
from baselines.kit.holdout import training_rows
from baselines.kit.seeds import generator
from competition.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from competition.bundle import Bundle

_CHUNK = 2048


@dataclass(frozen=True, slots=True)
class ImageShape:
    """What a model is built for."""

    channels: int
    height: int
    width: int
    classes: int


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the data: uint8 images, N x H x W x C, and int64 labels (empty for the test part)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True)
class ImageData:
    """The parts of a competition, ready for training."""

    train: Part
    validation: Part
    test: Part
    shape: ImageShape
    mean: Tensor  # a channel, 0..255; 1 x C x 1 x 1
    std: Tensor
    seconds: float
    interpolation: str = "bilinear"  # of images that are enlarged

    def batch(
        self, part: Part, index: Tensor, placement: Placement, change: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Normalised float images, N x C x H x W, of the rows `index`.

        The storage order N x H x W x C is channels_last already: no copy is made to get that format. `change` is
        applied to the stored pictures (uint8, N x H x W x C) before anything else.
        """
        stored = part.images.index_select(0, index.to(part.images.device))
        if change is not None:
            stored = change(stored)
        images = self._normalised(_moved(stored, placement.device)).permute(0, 3, 1, 2)
        if images.shape[-2:] != (self.shape.height, self.shape.width):
            size = (self.shape.height, self.shape.width)
            images = functional.interpolate(images, size=size, mode=self.interpolation, antialias=True)
        return images.contiguous(memory_format=placement.memory_format)

    def _normalised(self, pixels: Tensor) -> Tensor:
        """Floats of uint8 pixels, both N x H x W x C.

        Mean and deviation are laid out as an image is: a CPU works through them in long rows, where broadcasting along
        the last axis would have it begin anew with every pixel, eight times as slow.
        """
        size = pixels.shape[1] * pixels.shape[2]
        mean, std = (values.flatten().repeat(size) for values in (self.mean, self.std))
        return pixels.flatten(1).float().sub_(mean).div_(std).view(pixels.shape)


def _moved(stored: Tensor, device: torch.device) -> Tensor:
    """A batch on the device; from pinned memory, so that a GPU need not wait for the copy."""
    if device.type == "cuda" and stored.device.type == "cpu":
        return stored.pin_memory().to(device, non_blocking=True)
    return stored.to(device)


def load_images(
    bundle: "Bundle",
    placement: Placement,
    seed: int,
    image_px: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    interpolation: str = "bilinear",
) -> ImageData:
    """Read a bundle's images, split off the validation part and measure mean and deviation of the training part.

    Images are shrunk once, here; enlarging happens inside a batch, because that keeps them small in memory.

    Args:
        bundle: an open bundle with images.
        placement: the device the tensors live on.
        seed: decides the hold-out where the bundle has no folds.
        image_px: side of the images; None leaves them as they are.
        mean: normalisation a channel in 0..1 in place of the measured one.
        std: as `mean`.
        interpolation: bilinear or bicubic, of images that are enlarged inside a batch.

    Raises:
        BadInputError: the bundle has no images, or too few classes or images to train on.
    """
    start = time.perf_counter()
    in_training = training_rows(bundle, seed)
    pixels = _as_tensor(bundle.train_images, image_px)
    labels = torch.from_numpy(np.asarray(bundle.train_labels, dtype=np.int64))
    rows = torch.from_numpy(in_training)
    train, held_out = pixels[rows], pixels[~rows]
    measured = _mean_and_deviation(train)
    height, width = _target_size(train, image_px)
    shape = ImageShape(train.shape[3], height, width, len(bundle.rules.labels))
    device = placement.device
    return ImageData(
        train=Part(_stored(train, device), labels[rows].to(device)),
        validation=Part(_stored(held_out, device), labels[~rows].to(device)),
        test=Part(_stored(_as_tensor(bundle.test_images, image_px), device), torch.empty(0, dtype=torch.int64)),
        shape=shape,
        mean=_channel_values(mean, measured[0], device),
        std=_channel_values(std, measured[1], device),
        seconds=time.perf_counter() - start,
        interpolation=interpolation,
    )


def _as_tensor(images: "NDArray[np.uint8]", image_px: int | None) -> Tensor:
    """N x H x W x C, shrunk to `image_px` where that is smaller; reads a memory map chunk by chunk."""
    if image_px is None or image_px >= max(images.shape[1:3]):
        tensor = torch.from_numpy(np.array(images))
        return tensor if tensor.ndim == 4 else tensor.unsqueeze(3)
    chunks = [_shrunk(np.array(images[at : at + _CHUNK]), image_px) for at in range(0, len(images), _CHUNK)]
    return torch.cat(chunks)


def _shrunk(images: "NDArray[np.uint8]", image_px: int) -> Tensor:
    pixels = torch.from_numpy(images)
    pixels = (pixels if pixels.ndim == 4 else pixels.unsqueeze(3)).permute(0, 3, 1, 2).float()
    if all(side % image_px == 0 for side in pixels.shape[-2:]):
        small = functional.adaptive_avg_pool2d(pixels, image_px)
    else:
        small = functional.interpolate(pixels, size=(image_px, image_px), mode="bilinear", antialias=True)
    return small.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _target_size(stored: Tensor, image_px: int | None) -> tuple[int, int]:
    return (image_px, image_px) if image_px else (stored.shape[1], stored.shape[2])


def _mean_and_deviation(images: Tensor) -> tuple[list[float], list[float]]:
    """Of each channel in 0..1, exactly: integers up to 255 squared add up without error in float64."""
    total = torch.zeros(images.shape[3], dtype=torch.float64)
    squares = torch.zeros_like(total)
    for chunk in torch.split(images, _CHUNK):
        pixels = chunk.reshape(-1, chunk.shape[3]).float()
        total += pixels.sum(0, dtype=torch.float64)
        squares += pixels.square().sum(0, dtype=torch.float64)
    count = images.numel() / images.shape[3]
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(0).sqrt()
    # A channel without contrast would be divided by zero.
    return (mean / 255).tolist(), (deviation / 255).clamp_min(1 / 255).tolist()


def _channel_values(given: Sequence[float] | None, measured: Sequence[float], device: torch.device) -> Tensor:
    values = list(given) if given else list(measured)
    if len(values) == 1:
        values *= len(measured)
    if len(values) != len(measured):
        raise BadInputError(f"mean and std of the recipe have {len(values)} channels, the images {len(measured)}")
    return (torch.tensor(values, dtype=torch.float32, device=device) * 255).view(1, -1, 1, 1)


def _stored(images: Tensor, device: torch.device) -> Tensor:
    """On the device where it fits twice over; else it stays where it is and goes there batch by batch."""
    if device.type != "cuda":
        return images.to(device)
    free, _ = torch.cuda.mem_get_info(device)
    return images.to(device) if images.numel() * 2 < free else images


def draw_sample(train: Part, size: int, seed: int) -> Part:
    """Rows of the training part by chance: a source's own order may go class by class."""
    rows = torch.randperm(len(train), generator=generator(seed, "sample"))[:size].sort().values
    images = train.images.index_select(0, rows.to(train.images.device))
    return Part(images, train.labels.index_select(0, rows.to(train.labels.device)))


def epoch_batches(
    count: int, batch: int, order: torch.Generator, device: torch.device | str = "cpu"
) -> Iterator[Tensor]:
    """Row numbers of one epoch's batches in random order; a last batch of one is left out: batch norm needs two.

    They are drawn on the CPU, so that a seed gives one order everywhere, and moved to the device at once.
    """
    for index in torch.split(torch.randperm(count, generator=order).to(device), batch):
        if len(index) > 1 or count == 1:
            yield index


def batch_sizes(count: int, batch: int, parts: int = 1) -> set[int]:
    """How many images go through the model at once in an epoch whose batches are each split into `parts`."""
    sizes: set[int] = set()
    for whole in {min(batch, count), count % batch} - {0, 1}:
        sizes.update(map(len, split_batch(torch.empty(whole), math.ceil(batch / parts))))
    return sizes


def split_batch(images: Tensor, size: int) -> list[Tensor]:
    """Parts of at most `size`; a last part of one joins the one before it, since batch norm cannot take it alone."""
    parts = list(torch.split(images, size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        last = parts.pop()
        parts[-1] = torch.cat([parts[-1], last])
    return parts


def batches_an_epoch(count: int, batch: int) -> int:
    """How many batches `epoch_batches` gives."""
    full, rest = divmod(count, batch)
    return max(1, full + (rest > 1))
