"""Augmentation of one picture at a time, by torchvision's v2 transforms and by albumentations.

A Python call a picture is slower than the batched augmentation of `augment.py` by a factor of ten and more; what it
buys is the whole choice of the two libraries. Pictures are uint8, H x W x C, before and after.
"""

import os
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from competition.errors import UserError, first_line

_OneByOne = Callable[[Tensor], Tensor]  # a picture, uint8, H x W x C, to another


class PictureChange(Protocol):
    """Changes the pictures of a batch (uint8, N x H x W x C), each in its own way."""

    def __call__(self, pictures: Tensor, *, seed: int) -> Tensor:
        """The changed pictures; the same seed changes them alike."""


def create_picture_change(
    torchvision: Sequence[Any], albumentations: Sequence[Any], examples: Tensor
) -> PictureChange | None:
    """Build what a recipe's `torchvision` and `albumentations` lists ask for, the first list first.

    Args:
        torchvision: names or `{name: options}` of `torchvision.transforms.v2`.
        albumentations: the same of `albumentations`.
        examples: some of the pictures, to try the transforms on.

    Returns:
        None where both lists are empty.

    Raises:
        UserError: an unknown name, a wrong option, or pictures that come out in another type or in different sizes.
    """
    if not torchvision and not albumentations:
        return None
    seeders, steps = [], []
    if torchvision:
        steps.append(_by_torchvision(torchvision))
    if albumentations:
        seed_them, step = _by_albumentations(albumentations)
        seeders.append(seed_them)
        steps.append(step)

    def change(pictures: Tensor, *, seed: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every GPU, too
            for seed_them in seeders:
                seed_them(seed)
            return torch.stack([_through(steps, picture) for picture in pictures.cpu()])

    _try_once(change, examples)
    return change


def _through(steps: Sequence[_OneByOne], picture: Tensor) -> Tensor:
    for step in steps:
        picture = step(picture)
    return picture


def _by_torchvision(wishes: Sequence[Any]) -> _OneByOne:
    from torchvision.transforms import v2

    chain = v2.Compose([_create("torchvision", v2, v2.Transform, wish) for wish in wishes])
    return lambda picture: chain(picture.permute(2, 0, 1)).permute(1, 2, 0)


def _by_albumentations(wishes: Sequence[Any]) -> tuple[Callable[[int], None], _OneByOne]:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version
    import albumentations

    chain = albumentations.Compose(
        [_create("albumentations", albumentations, albumentations.BasicTransform, wish) for wish in wishes]
    )

    def step(picture: Tensor) -> Tensor:
        changed = torch.from_numpy(np.ascontiguousarray(chain(image=picture.numpy())["image"]))
        return changed if changed.ndim == 3 else changed.unsqueeze(2)

    return chain.set_random_seed, step


def _create(library: str, module: Any, base: type, wish: Any) -> Any:
    """The transform of a recipe's entry: a name, or a mapping of one name to its options."""
    name, options = next(iter(wish.items())) if isinstance(wish, dict) and len(wish) == 1 else (wish, {})
    if not isinstance(name, str) or not isinstance(options, dict):
        raise UserError(
            f"{library} {wish!r}: write a name, or a name with its options as RandomRotation: {{degrees: 10}}"
        )
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, base)):
        known = [one for one in dir(module) if isinstance(getattr(module, one), type)]
        near = get_close_matches(name, known, 1)
        raise UserError(f"{library} has no transform {name!r}" + (f": did you mean {near[0]}?" if near else ""))
    try:
        return found(**options)
    except (TypeError, ValueError) as error:
        raise UserError(f"{library} {name} with {options}: {first_line(error)}") from None


def _try_once(change: PictureChange, examples: Tensor) -> None:
    """A wrong option should be told before training, not by a traceback after it has begun."""
    try:
        changed = change(examples, seed=0)
    except Exception as error:  # the libraries have error types of their own
        raise UserError(f"the transforms do not fit the pictures: {first_line(error)}") from None
    if changed.dtype != torch.uint8 or changed.shape[-1] != examples.shape[-1]:
        raise UserError(
            f"the transforms make {changed.dtype} pictures of {changed.shape[-1]} channels: "
            f"pictures must stay uint8 with {examples.shape[-1]}; normalisation is done by the kit"
        )
