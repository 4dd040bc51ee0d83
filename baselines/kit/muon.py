"""Muon on convolution filters, Nesterov's SGD on everything else: the optimizer of the CIFAR-10 speed records."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

_ITERATIONS = 3  # of Newton and Schulz; the records use three, five change no digit there


def parameter_groups(
    model: nn.Module, lr: float, weight_decay: float, head_lr: float, bias_lr: float
) -> list[dict[str, Any]]:
    """Filters (four dimensions), matrices such as the head, and vectors such as biases, each with its own rate.

    Args:
        model: its parameters with `requires_grad` are taken.
        lr: the rate that a schedule moves; the rates of the groups keep their ratio to it (`lr_scale`).
        weight_decay: the share that a step takes off the head at the highest rate.
        head_lr: rate of the matrices.
        bias_lr: rate of the vectors, which do not decay.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    filters = [parameter for parameter in trainable if parameter.ndim == 4]
    matrices = [parameter for parameter in trainable if parameter.ndim in (2, 3)]
    vectors = [parameter for parameter in trainable if parameter.ndim < 2]
    groups = [
        {"params": filters, "orthogonal": True, "lr_scale": 1.0},
        {"params": matrices, "lr_scale": head_lr / lr, "weight_decay": weight_decay / head_lr},
        {"params": vectors, "lr_scale": bias_lr / lr},
    ]
    return [group for group in groups if group["params"]]


class MuonSgd(torch.optim.Optimizer):
    """Muon (Jordan et al., 2024) for the groups marked `orthogonal`, SGD with Nesterov's momentum for the others.

    A step moves a filter bank along the orthogonal matrix nearest to its momentum. Before it the bank is scaled to
    norm sqrt(outputs), as in airbench: a batch norm follows, so its length says nothing and the rate keeps its sense.
    """

    def __init__(self, params: Iterable[Any], lr: float, momentum: float = 0.6, sgd_momentum: float = 0.85) -> None:
        """`momentum` is that of the filters, `sgd_momentum` that of the rest."""
        defaults = {"lr": lr, "momentum": momentum, "sgd_momentum": sgd_momentum, "weight_decay": 0.0}
        super().__init__(params, {**defaults, "orthogonal": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            move = _move_filters if group["orthogonal"] else _move_others
            for parameter in group["params"]:
                if parameter.grad is not None:
                    move(parameter, self.state[parameter], group)


def _move_filters(parameter: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
    from timm.optim.muon import zeropower_via_newtonschulz

    towards = _nesterov(parameter.grad, state, group["momentum"])
    parameter.mul_(len(parameter) ** 0.5 / parameter.norm().clamp_min(1e-7))
    # timm's own Muon does not keep the norm of the filters and has AdamW for the rest; its iteration is the same.
    dtype = _iteration_type(parameter.device)
    update = zeropower_via_newtonschulz(towards.flatten(1), _ITERATIONS, [(3.4445, -4.7750, 2.0315)], dtype=dtype)
    parameter.add_(update.view_as(parameter), alpha=-group["lr"])


def _iteration_type(device: torch.device) -> torch.dtype:
    """bf16, but fp32 on GPUs that only imitate it (before Ampere, such as the T4)."""
    imitated = device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0)
    return torch.float32 if imitated else torch.bfloat16


def _move_others(parameter: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> None:
    gradient = parameter.grad.add(parameter, alpha=group["weight_decay"])  # type: ignore[union-attr]
    parameter.add_(_nesterov(gradient, state, group["sgd_momentum"]), alpha=-group["lr"])


def _nesterov(gradient: Tensor | None, state: dict[str, Tensor], momentum: float) -> Tensor:
    assert gradient is not None  # parameters without a gradient are left out by the caller
    if "momentum" not in state:
        state["momentum"] = torch.zeros_like(gradient)
    velocity = state["momentum"].mul_(momentum).add_(gradient)
    return gradient.add(velocity, alpha=momentum)
