"""Training losses: cross entropy and binary cross entropy on one-hot targets, both for hard and for mixed labels."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from baselines.kit.recipe import Recipe

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean cross entropy; `target` holds class indices or one row of probabilities an image."""
    return functional.cross_entropy(logits.float(), target, label_smoothing=smoothing)


def bce_one_hot(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean binary cross entropy with logits against one-hot rows, as `BCEWithLogitsLoss` on one-hot labels."""
    classes = logits.shape[1]
    rows = target.float() if target.is_floating_point() else functional.one_hot(target, classes).float()
    rows = rows * (1 - smoothing) + smoothing / classes
    return functional.binary_cross_entropy_with_logits(logits.float(), rows)


_LOSSES = {"cross_entropy": cross_entropy, "bce_one_hot": bce_one_hot}


def training_loss(recipe: Recipe) -> Loss:
    """The loss of a recipe, with its label smoothing (mixed labels come smoothed already)."""
    function = _LOSSES[recipe.loss]
    smoothing = 0.0 if recipe.mixup or recipe.cutmix else recipe.label_smoothing
    return lambda logits, target: function(logits, target, smoothing)


def plain_loss(recipe: Recipe) -> Loss:
    """The same loss without smoothing: what is measured on the validation part."""
    return _LOSSES[recipe.loss]


def guessing_loss(recipe: Recipe, classes: int) -> float:
    """The plain loss of an answer that gives every class the same chance: what nothing learnt comes to.

    Binary cross entropy is above it before the first step, when every logit is near 0 and every chance a half.
    """
    if recipe.loss == "cross_entropy":
        return math.log(classes)
    share = 1 / classes
    return -share * math.log(share) - (1 - share) * math.log(1 - share)


def class_probabilities(logits: Tensor) -> Tensor:
    """Softmax of the logits in float32."""
    return torch.softmax(logits.float(), dim=1)
