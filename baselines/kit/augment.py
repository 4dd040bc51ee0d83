"""Augmentation of whole batches on the device: float images, N x C x H x W, in and out.

The random generator lives on the device of the images.
"""

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from competition.errors import UserError, first_line

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def _uniform(count: int, low: float, high: float, random: torch.Generator) -> Tensor:
    return torch.rand(count, generator=random, device=random.device) * (high - low) + low


def _chosen(count: int, probability: float, random: torch.Generator) -> Tensor:
    return torch.rand(count, generator=random, device=random.device) < probability


def crop(images: Tensor, random: torch.Generator, pad: int = 4) -> Tensor:
    """Shift each image by up to `pad` whole pixels; the border is repeated outwards."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (pad,) * 4, mode="replicate")
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(0, 2 * pad + 1, (2, count), generator=random, device=random.device)
    rows = torch.arange(count, device=images.device)
    # Two index tensors around a slice put the batch first: N x C x H x W.
    return windows[rows, :, down, right]


def flip(images: Tensor, random: torch.Generator, probability: float = 0.5) -> Tensor:
    """Mirror a share of the images left to right."""
    chosen = _chosen(len(images), probability, random)
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(3), images)


def flip_alternating(images: Tensor, sides: Tensor, epoch: int) -> Tensor:
    """Mirror the images whose side (bool, N) differs from the parity of the epoch.

    Any two epochs show every image both ways, where chance would show half of them the same way twice (Jordan, 94 %
    on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024).
    """
    chosen = sides != bool(epoch % 2)
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(3), images)


def affine(
    images: Tensor,
    random: torch.Generator,
    rotate: float = 0.0,
    zoom: float = 0.0,
    shift: float = 0.0,
    shear: float = 0.0,
    flip: float = 0.0,
) -> Tensor:
    """Rotate, zoom, shift, shear and mirror in one resampling.

    Each image draws its own values: `rotate` in degrees, `shift` a share of the side, `zoom` and `shear` shares; `flip`
    is the share of images that are mirrored left to right.
    """
    count = len(images)
    draws = 2 * torch.rand(6, count, generator=random, device=random.device) - 1
    angle, slant = draws[0] * (rotate * math.pi / 180), draws[3] * shear
    scale_x, scale_y = (draws[1:3] * zoom).exp()
    offset = draws[4:].reshape(count, 2).T * (2 * shift)  # the side is 2 units long
    cosine, sine = angle.cos(), angle.sin()
    by_x = torch.stack([cosine * scale_x, sine * scale_y])
    by_y = torch.stack([(slant - sine) * scale_x, cosine * scale_y])
    if flip:  # a mirrored image reads its columns from the other end
        by_x = torch.where(_chosen(count, flip, random), -by_x, by_x)
    grid = _sampling_grid(by_x, by_y, offset, *images.shape[-2:])
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _sampling_grid(by_x: Tensor, by_y: Tensor, offset: Tensor, height: int, width: int) -> Tensor:
    """Where each pixel comes from, N x height x width x 2 in -1..1, of affine maps whose three columns are 2 x N each.

    What torch's `affine_grid` gives with `align_corners=False`, as two broadcast sums in place of a product of matrices
    with two columns, which takes four to six times as long on a CPU.
    """
    across, down = (torch.linspace(1 / size - 1, 1 - 1 / size, size, device=by_x.device) for size in (width, height))
    along = torch.addcmul(offset.unsqueeze(2), by_x.unsqueeze(2), across)
    return (along.unsqueeze(2) + (by_y.unsqueeze(2) * down).unsqueeze(3)).permute(1, 2, 3, 0)


def noise(images: Tensor, random: torch.Generator, deviation: float = 0.1) -> Tensor:
    """Add Gaussian noise; `deviation` in units of the normalised pixels."""
    return images + deviation * torch.randn(images.shape, generator=random, device=random.device)


def contrast(images: Tensor, random: torch.Generator, strength: float = 0.2) -> Tensor:
    """Change each image's contrast and brightness by up to `strength`."""
    gain = torch.exp(_uniform(len(images), -strength, strength, random)).view(-1, 1, 1, 1)
    offset = _uniform(len(images), -strength, strength, random).view(-1, 1, 1, 1)
    return torch.addcmul(offset, images, gain)


def saturation(images: Tensor, random: torch.Generator, strength: float = 0.2) -> Tensor:
    """Make each image's colours stronger or weaker by up to `strength`; gray images stay as they are."""
    gray = images.mean(1, keepdim=True)
    gain = torch.exp(_uniform(len(images), -strength, strength, random)).view(-1, 1, 1, 1)
    return gray + (images - gray) * gain


def erase(images: Tensor, random: torch.Generator, side: float = 0.3, probability: float = 0.5) -> Tensor:
    """Set a rectangle of up to `side` of each length to the mean of the training part, which is zero here."""
    count, _, height, width = images.shape
    masks = []
    for length in (height, width):
        extent = _uniform(count, 0.3 * side, side, random) * length
        start = _uniform(count, 0.0, 1.0, random) * (length - extent)
        at = torch.arange(length, device=random.device).view(1, -1)
        masks.append((at >= start.view(-1, 1)) & (at < (start + extent).view(-1, 1)))
    hit = (_uniform(count, 0.0, 1.0, random) < probability).view(-1, 1, 1)
    hole = masks[0].unsqueeze(2) & masks[1].unsqueeze(1) & hit
    return images.masked_fill(hole.unsqueeze(1), 0.0)


# The recipe's words for an augmentation: the function and the option that a plain number sets.
_BY_NAME: dict[str, tuple[Callable[..., Tensor], str]] = {
    "crop": (crop, "pad"),
    "flip": (flip, "probability"),
    "contrast": (contrast, "strength"),
    "saturation": (saturation, "strength"),
    "noise": (noise, "deviation"),
    "erase": (erase, "side"),
}
_AFFINE = ("rotate", "zoom", "shift", "shear")


def create_augmentation(wish: Mapping[str, Any]) -> Augmentation | None:
    """Build the augmentation of a recipe, such as `{rotate: 8, zoom: 0.1, crop: 2, erase: {side: 0.3}}`.

    Geometry comes first and is one resampling, however many of its parts are asked for; where there is one, it mirrors.

    Raises:
        UserError: an unknown augmentation or option.
    """
    known = [*_AFFINE, *_BY_NAME]
    for name in wish:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UserError(f"augmentation {name!r} is unknown: {hint}one of {', '.join(known)}")
    for name in _AFFINE:
        if wish.get(name) and (wish[name] is True or not isinstance(wish[name], int | float)):
            raise UserError(f"augment {name} = {wish[name]!r} is no number")
    geometry = {name: float(wish[name]) for name in _AFFINE if wish.get(name)}
    others = {name: _options(name, wish[name]) for name in _BY_NAME if wish.get(name)}
    if geometry and others.get("flip", {}).keys() == {"probability"}:
        geometry["flip"] = others.pop("flip")["probability"]
    steps: list[tuple[Callable[..., Tensor], dict[str, Any]]] = [(affine, geometry)] if geometry else []
    steps += [(_BY_NAME[name][0], options) for name, options in others.items()]
    if not steps:
        return None

    def augment(images: Tensor, random: torch.Generator) -> Tensor:
        for function, options in steps:
            images = function(images, random, **options)
        return images

    _try_once(augment, wish)
    return augment


def _options(name: str, value: Any) -> dict[str, Any]:
    if value is True:
        return {}
    return dict(value) if isinstance(value, Mapping) else {_BY_NAME[name][1]: value}


def _try_once(augment: Augmentation, wish: Mapping[str, Any]) -> None:
    """A wrong option should be told before training, not by a traceback after it has begun."""
    try:
        augment(torch.zeros(2, 1, 8, 8), torch.Generator())
    except (TypeError, RuntimeError) as error:
        raise UserError(f"augment {dict(wish)}: {first_line(error)}") from None
