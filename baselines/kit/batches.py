"""The batches of a run: order, augmentation and mixing, each a function of the seed and the step alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.kit.augment import create_augmentation, flip_alternating
from baselines.kit.data import ImageData, batches_an_epoch, epoch_batches
from baselines.kit.device import Placement
from baselines.kit.memory import is_out_of_memory
from baselines.kit.pictures import create_picture_change
from baselines.kit.recipe import Recipe
from baselines.kit.seeds import generator
from competition.errors import UserError


@dataclass(frozen=True, slots=True)
class Batch:
    """What a step learns from."""

    images: Tensor  # N x C x H x W
    target: Tensor  # classes, or a row of probabilities each where images are mixed
    count: int  # images that all processes take in this step together


class Batches:
    """Gives a training step its batch. A resumed run gets the batches it would have got."""

    def __init__(self, data: ImageData, recipe: Recipe, placement: Placement, seed: int) -> None:
        """A process that takes a `share` of every batch draws augmentation's random numbers from its own stream."""
        self.data, self.recipe, self.placement, self.seed = data, recipe, placement, seed
        self.share: Callable[[Tensor], Tensor] | None = None  # of the rows of a batch; None: all of them
        self.augment_stream = "augment"
        self.steps_an_epoch = batches_an_epoch(len(data.train), recipe.batch)
        self._order: list[Tensor] = []
        self._epoch = -1
        self._augment = create_augmentation(recipe.augment)
        self._change_pictures = create_picture_change(recipe.torchvision, recipe.albumentations, data.train.images[:2])
        self._sides = _draw_sides(len(data.train), seed, data.train.images.device) if recipe.alternating_flip else None
        self._mix = _create_mixup(recipe, data.shape.classes)

    def of_step(self, step: int) -> Batch:
        """The batch of a step (0-based).

        Raises:
            UserError: memory runs out.
        """
        rows = self.rows(step)
        try:
            return Batch(*self.make(step, self.share(rows) if self.share else rows), len(rows))
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise UserError(
                f"out of memory while a batch of {len(rows)} images is made: use a smaller one (--set batch=…)"
            ) from None

    def rows(self, step: int) -> Tensor:
        """The rows of the training part that make up the batch of a step (0-based)."""
        epoch, position = divmod(step, self.steps_an_epoch)
        if epoch != self._epoch:
            order = generator(self.seed, "order", epoch)
            device = self.data.train.images.device  # once an epoch: an index from elsewhere makes a GPU wait
            self._order = list(epoch_batches(len(self.data.train), self.recipe.batch, order, device))
            self._epoch = epoch
        return self._order[position]

    def make(self, step: int, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Augmented images, N x C x H x W, and targets: classes, or a row of probabilities each where images are mixed.

        Args:
            step: the step they are for.
            rows: of the training part, as many as are wanted.
        """
        train = self.data.train
        images = self.data.batch(train, rows, self.placement, self._picture_change(step))
        target = train.labels.index_select(0, rows.to(train.labels.device, non_blocking=True))
        if self._sides is not None:
            sides = self._sides.index_select(0, rows.to(self._sides.device))
            images = flip_alternating(images, sides.to(images.device), step // self.steps_an_epoch)
        if self._augment:
            images = self._augment(images, generator(self.seed, self.augment_stream, step, images.device))
        if self._mix is not None:
            images, target = self._mixed(step, images, target)
        return images.contiguous(memory_format=self.placement.memory_format), target

    def _mixed(self, step: int, images: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Images mixed in pairs by timm, which draws from numpy's global generator; an odd batch is left unmixed."""
        if len(images) % 2:
            from timm.data.mixup import mixup_target

            smoothing = self.recipe.label_smoothing
            return images, mixup_target(target, self.data.shape.classes, 1.0, smoothing)  # type: ignore[no-untyped-call]
        draws = torch.randint(2**31, (1,), generator=generator(self.seed, f"mix, {self.augment_stream}", step))
        np.random.seed(int(draws))
        mixed: tuple[Tensor, Tensor] = self._mix(images, target)
        return mixed

    def _picture_change(self, step: int) -> Callable[[Tensor], Tensor] | None:
        """A step's change of the stored pictures, where the recipe asks for one."""
        if self._change_pictures is None:
            return None
        seed = torch.randint(2**31, (1,), generator=generator(self.seed, f"pictures, {self.augment_stream}", step))
        return partial(self._change_pictures, seed=int(seed))


def _draw_sides(count: int, seed: int, device: torch.device) -> Tensor:
    """Which images are mirrored in the even epochs: half of them, by chance."""
    return torch.randint(0, 2, (count,), generator=generator(seed, "sides")).bool().to(device)


def _create_mixup(recipe: Recipe, classes: int) -> Any:
    if not recipe.mixup and not recipe.cutmix:
        return None
    from timm.data import Mixup  # type: ignore[attr-defined]

    smoothing = recipe.label_smoothing
    return Mixup(recipe.mixup, recipe.cutmix, label_smoothing=smoothing, num_classes=classes)  # type: ignore[no-untyped-call]
