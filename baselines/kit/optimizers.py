"""Optimizers by name: the course's words, and every name of timm's factory."""

from typing import Any

import torch
from torch import nn

from baselines.kit.muon import MuonSgd, parameter_groups
from baselines.kit.recipe import Recipe
from competition.errors import UserError, first_line

# In timm "sgd" is Nesterov's; the course's SGD, and torch's, is plain momentum.
_TIMM_NAMES = {"sgd": "momentum", "nesterov": "sgd"}
_TORCH: dict[str, type[torch.optim.Optimizer]] = {"rmsprop": torch.optim.RMSprop}
# Torch's classes that move all weights in one kernel: on two cores AdamW's step of a wide perceptron takes 1.2 ms where
# a pass over each tensor for each term of the formula takes 9. Not SGD: where fp16 overflows at the first step, its
# kernel leaves the momentum as it found the memory (torch 2.14).
_FUSED = frozenset({"adam", "adamw"})


def create_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over the model's trainable parameters; no decay on norms and biases.

    Raises:
        UserError: unknown name or option.
    """
    from timm.optim import create_optimizer_v2, param_groups_weight_decay  # type: ignore[attr-defined]

    name = recipe.optimizer.lower()
    options: dict[str, Any] = dict(recipe.optimizer_options)
    try:
        if name == "muon_sgd":
            if missing := {"head_lr", "bias_lr"} - set(options):
                raise ValueError(f"optimizer_options lack {' and '.join(sorted(missing))}")
            head_lr, bias_lr = (float(options.pop(key)) for key in ("head_lr", "bias_lr"))
            groups = parameter_groups(model, recipe.lr, recipe.weight_decay, head_lr, bias_lr)
            return MuonSgd(groups, lr=recipe.lr, momentum=recipe.momentum, **options)
        if name in _TORCH:  # timm's RMSprop differs (it follows TensorFlow); the reference recipes mean torch's
            groups = param_groups_weight_decay(model, options.pop("weight_decay", recipe.weight_decay))
            options = {"momentum": recipe.momentum, **options}
            return _TORCH[name](groups, lr=recipe.lr, **options)  # type: ignore[call-arg]
        name = _TIMM_NAMES.get(name, name)
        if name in _FUSED and not options.keys() & {"foreach", "fused", "differentiable"}:
            options["fused"] = True
        made = create_optimizer_v2(
            model,
            opt=name,
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            **options,
        )
    except (TypeError, ValueError, AssertionError, KeyError, ZeroDivisionError) as error:
        raise UserError(f"optimizer {recipe.optimizer!r} with {options}: {first_line(error)}") from None
    if getattr(made, "is_second_order", False):
        raise UserError(f"optimizer {recipe.optimizer!r} needs second derivatives, which training steps do not compute")
    return made


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group, times the group's own scale (timm's layer-wise decay)."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("lr_scale", 1.0)


def set_momentum(optimizer: torch.optim.Optimizer, momentum: float) -> None:
    """Set the momentum of every group, which Adam and its kin call their first beta."""
    for group in optimizer.param_groups:
        if "betas" in group:
            group["betas"] = (momentum, *group["betas"][1:])
        elif "momentum" in group:
            group["momentum"] = momentum
