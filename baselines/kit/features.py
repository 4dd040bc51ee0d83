"""A frozen body's features, computed once: what a linear probe trains on when the budget allows no more."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from baselines.kit.data import ImageData, ImageShape, Part
from baselines.kit.device import Placement
from baselines.kit.predict import predict_logits
from baselines.kit.seeds import generator
from competition.errors import UserError

_BATCH = 256
_LOOKED_AT = 5000  # images
_ENOUGH_TO_TIME = 512  # images


@runtime_checkable
class LooksAtImages(Protocol):
    """A model that takes some of its weights from normalised training images, as a whitening convolution does."""

    def look_at(self, images: Tensor) -> None:
        """Set those weights; called once, before training."""


def show_images(model: nn.Module, data: ImageData, placement: Placement, seed: int) -> None:
    """Let a model that `LooksAtImages` look at training images by chance: a source may list them class by class."""
    if isinstance(model, LooksAtImages):
        rows = torch.randperm(len(data.train), generator=generator(seed, "looked at"))[:_LOOKED_AT]
        model.look_at(data.batch(data.train, rows, placement))


class Probe(nn.Module):
    """A frozen body and a head to train; the body stays in evaluation mode, so that its batch norms keep still."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        """`body` gives N x features x 1 x 1 or N x features, `head` logits."""
        super().__init__()
        self.body, self.head = body.requires_grad_(False).eval(), head

    def train(self, mode: bool = True) -> "Probe":
        """Switch the head; the body stays as it is."""
        self.training = mode
        self.head.train(mode)
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits, N x classes."""
        with torch.no_grad():
            features = self.body(images)
        return self.head(features)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class FeatureData(ImageData):
    """The parts of a competition as features: float N x C x H x W in place of images."""

    def batch(
        self, part: Part, index: Tensor, placement: Placement, change: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """The features of the rows `index`, float32; a recipe that caches features has no `change`."""
        return part.images.index_select(0, index.to(part.images.device)).to(placement.device).float()


def cache_features(
    model: nn.Module,
    data: ImageData,
    placement: Placement,
    seconds: float,
    seed: int,
    note: Callable[[str], None],
) -> FeatureData:
    """Send every image through the frozen body once; where the time is short, a random part of the training images.

    Args:
        model: a `Probe`.
        data: the images.
        placement: device and precision.
        seconds: what may be spent.
        seed: decides which training images are taken where not all fit.
        note: tells what was done.

    Raises:
        UserError: the model is not frozen, or the time is too short for a few hundred images.
    """
    if not isinstance(model, Probe):
        raise UserError("cache_features needs a frozen body: choose a model option that trains the head only")
    start = time.monotonic()
    body, stop_at = _Flat(model.body), start + seconds
    order = torch.randperm(len(data.train), generator=generator(seed, "subset"))
    probe = Part(data.train.images[:_ENOUGH_TO_TIME], data.train.labels[:_ENOUGH_TO_TIME])
    timed = predict_logits(body, data, probe, placement, _BATCH, stop_at=stop_at)
    speed = len(timed) / (time.monotonic() - start)
    train, validation, test = _shares(data, speed * (stop_at - time.monotonic()))
    rows = order[:train].to(data.train.images.device)
    wanted = {
        "test": Part(data.test.images[:test], data.test.labels),
        "validation": Part(data.validation.images[:validation], data.validation.labels[:validation]),
        "train": Part(data.train.images[rows], data.train.labels[rows.to(data.train.labels.device)]),
    }
    parts = {name: _features(body, data, part, placement, stop_at) for name, part in wanted.items()}
    note(_describe(parts, data, time.monotonic() - start))
    if min(len(part) for part in parts.values()) < 2:
        raise UserError("the budget is too short to compute features: give a longer --budget or smaller images")
    return _feature_data(data, parts)


class _Flat(nn.Module):
    """The body with features as N x C x 1 x 1, whatever it gives."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.body(images)
        return features if features.ndim == 4 else features.flatten(1)[..., None, None]


def _shares(data: ImageData, affordable: float) -> tuple[int, int, int]:
    """How many training, validation and test images fit; the training part is cut first, but keeps a third."""
    sizes = len(data.train), len(data.validation), len(data.test)
    if affordable >= sum(sizes):
        return sizes
    train = int(min(sizes[0], max(affordable - sizes[1] - sizes[2], affordable / 3)))
    validation = int(min(sizes[1], max(2, (affordable - train) / 3)))
    return max(2, train), validation, int(min(sizes[2], max(2, affordable - train - validation)))


def _features(body: nn.Module, data: ImageData, part: Part, placement: Placement, stop_at: float) -> Part:
    found = predict_logits(body, data, part, placement, _BATCH, stop_at=stop_at)
    return Part(found.to(placement.device), part.labels[: len(found)])


def _describe(parts: dict[str, Part], data: ImageData, seconds: float) -> str:
    whole = {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)}
    counts = ", ".join(
        f"{len(parts[name]):,} {name}" + (f" (a part of {size:,})" if len(parts[name]) < size else "")
        for name, size in whole.items()
    )
    return f"features of {counts} images, unchanged, computed once in {seconds:.1f} s; the head is trained on them now"


def _feature_data(data: ImageData, parts: dict[str, Part]) -> FeatureData:
    channels, height, width = parts["train"].images.shape[1:]
    shape = ImageShape(channels, height, width, data.shape.classes)
    train, validation, test = (parts[name] for name in ("train", "validation", "test"))
    return FeatureData(train, validation, test, shape, data.mean, data.std, data.seconds)
