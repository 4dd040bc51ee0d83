"""Predictions in batches, with test-time augmentation, that stop in time; evaluation of a labelled part."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from baselines.kit.data import ImageData, Part
from baselines.kit.device import Placement
from baselines.kit.losses import Loss, class_probabilities
from baselines.kit.memory import is_out_of_memory
from competition.errors import UserError

View = Callable[[Tensor], Tensor]

PREDICTION_BATCH = 256  # images at a time
_FIRST_IN_TIME = 32  # images, where time may run out: what follows is as many as surely fit


def _shifted(images: Tensor, down: int, right: int) -> Tensor:
    height, width = images.shape[-2:]
    padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    return padded[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width]


_VIEWS: dict[str, tuple[View, ...]] = {
    "flip": (lambda images: images.flip(3),),
    "shift": (lambda images: _shifted(images, -1, -1), lambda images: _shifted(images, 1, 1)),
}


def create_views(names: Sequence[str]) -> list[View]:
    """The views a prediction is averaged over: the image itself, then those of the recipe's `tta`.

    Raises:
        UserError: an unknown name.
    """
    unknown = [name for name in names if name not in _VIEWS]
    if unknown:
        raise UserError(f"tta {unknown[0]!r} is unknown: one of {', '.join(_VIEWS)}")
    return [lambda images: images, *(view for name in names for view in _VIEWS[name])]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model does on a labelled part."""

    loss: float
    accuracy: float
    count: int  # of images; fewer than the part has where time ran out
    contradicted: float  # share of images where the model is sure of one class and the label says another
    seconds: float


@torch.inference_mode()
def predict_logits(
    model: nn.Module,
    data: ImageData,
    part: Part,
    placement: Placement,
    batch: int,
    views: Sequence[View] = (),
    stop_at: float | None = None,
) -> Tensor:
    """Logits, or log of the mean probability where there are several views: rows x classes, float32, on the CPU.

    Args:
        model: any module from images to logits; left in evaluation mode.
        data: where `part` comes from.
        part: the images.
        placement: device and precision.
        batch: images at a time; halved when memory runs out.
        views: from `create_views`; empty means the image itself.
        stop_at: a monotonic second; no batch is begun that would end after it, and the rows so far are returned.
    """
    model.eval()
    done: list[Tensor] = []
    at, size, now = 0, batch if stop_at is None else min(batch, _FIRST_IN_TIME), time.monotonic()
    while at < len(part) and size and (stop_at is None or now < stop_at):
        index = torch.arange(at, min(at + size, len(part)), device=part.images.device)
        try:
            done.append(_logits_of(model, data.batch(part, index, placement), placement, views).cpu())
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or size == 1:
                raise
            batch = size = size // 2
            now = time.monotonic()
            continue
        at += len(index)
        began, now = now, time.monotonic()
        if stop_at is not None:
            size = min(batch, 4 * size, int((stop_at - now) * len(index) / max(now - began, 1e-9)))
    return torch.cat(done) if done else torch.empty(0, data.shape.classes)


def _logits_of(model: nn.Module, images: Tensor, placement: Placement, views: Sequence[View]) -> Tensor:
    with placement.autocast():
        if len(views) < 2:
            return model(images).float()  # type: ignore[no-any-return]
        shares = [class_probabilities(model(view(images))) for view in views]
    return torch.stack(shares).mean(0).clamp_min(1e-12).log()


def evaluate(
    model: nn.Module,
    data: ImageData,
    part: Part,
    placement: Placement,
    batch: int,
    loss: Loss,
    stop_at: float | None = None,
) -> Evaluation | None:
    """Loss and accuracy on a part, as it is, without augmentation.

    Returns:
        The figures of the rows that were done by the monotonic second `stop_at`; None where that is none at all.
    """
    start = time.monotonic()
    logits = predict_logits(model, data, part, placement, batch, stop_at=stop_at)
    if not len(logits):
        return None
    labels = part.labels[: len(logits)].cpu()
    return Evaluation(
        loss=float(loss(logits, labels)),
        accuracy=float((logits.argmax(1) == labels).float().mean()),
        count=len(logits),
        contradicted=_contradicted(logits, labels),
        seconds=time.monotonic() - start,
    )


def _contradicted(logits: Tensor, labels: Tensor) -> float:
    """Share of rows that are wrong with the confidence of a right answer.

    A model that errs by itself is less sure where it errs. Where labels are wrong it answers as surely as elsewhere.
    """
    best, where = class_probabilities(logits).max(1)
    right = where == labels
    if not right.any():
        return 0.0
    usual = best[right].median()
    return float((~right & (best >= 0.95 * usual) & (best > 0.5)).float().mean())
