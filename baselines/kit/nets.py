"""Nets by name: the `net` of a recipe's `model` options, built with the options beside it."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from baselines.kit.data import ImageShape
from baselines.kit.plan import told_where_images_do_not_fit
from competition.errors import UserError, first_line

# What layers raise for a width below one, a dropout above one, no widths at all, a word in place of a number …
_REFUSALS = (TypeError, ValueError, RuntimeError, IndexError, ArithmeticError)


def build_net(nets: Mapping[str, Callable[..., nn.Module]], options: Mapping[str, Any], shape: ImageShape) -> nn.Module:
    """Build the net that the options name.

    Args:
        nets: makers of nets, called with the shape and the options; the first is built where none is named.
        options: of a recipe's `model`: `net` and what its maker takes.
        shape: of the images, and the number of classes.

    Raises:
        UserError: an unknown net or option, a value that the net cannot be built with, or images it cannot take.
    """
    wanted = dict(options)
    name = str(wanted.pop("net", next(iter(nets))))
    if name not in nets:
        raise UserError(f"model.net = {name!r} is unknown: one of {', '.join(nets)}")
    try:
        with told_where_images_do_not_fit(shape):
            net = nets[name](shape, **wanted)
        if any(not parameter.numel() for parameter in net.parameters()):
            raise ValueError("a layer without units")
    except _REFUSALS as error:
        given = ", ".join(f"model.{key} = {value!r}" for key, value in wanted.items()) or "its own values"
        reason = first_line(error).split("() ")[-1]
        raise UserError(f"model {name} cannot be built with {given}: {reason[:160]}") from None
    return net
