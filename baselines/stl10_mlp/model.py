"""The multilayer perceptron: fully connected layers, activations, batch norms and dropouts, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from baselines.kit.data import ImageShape
from baselines.kit.nets import build_net
from competition.errors import UserError

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "gelu": nn.GELU}


def build_model(options: Mapping[str, Any], shape: ImageShape) -> nn.Module:
    """The net of a recipe's `model` options: those of `mlp`.

    Raises:
        UserError: an unknown option or a value that does not fit.
    """
    return build_net({"mlp": mlp}, options, shape)


def mlp(
    shape: ImageShape,
    hidden: Sequence[int] = (256, 256, 256),
    activation: str = "relu",
    batch_norm: bool = True,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
) -> nn.Sequential:
    """Hidden layers of a linear map, batch norm, activation and dropout; then a linear layer.

    Args:
        shape: of the images, whose pixels are all inputs.
        hidden: units of each hidden layer.
        activation: `relu`, `leaky_relu` or `gelu`.
        batch_norm: whether hidden layers have one.
        dropout: share of each hidden layer's units.
        input_dropout: share of the pixels.
    """
    if activation not in ACTIVATIONS:
        raise UserError(f"model.activation = {activation!r} is unknown: one of {', '.join(ACTIVATIONS)}")
    for name, share in (("dropout", dropout), ("input_dropout", input_dropout)):
        if not 0 <= share < 1:
            raise UserError(f"model.{name} = {share}: give a share from 0 to below 1")
    if any(not isinstance(units, int) or units < 1 for units in hidden):
        raise UserError(f"model.hidden = {list(hidden)}: give whole numbers above 0")
    layers: list[nn.Module] = [nn.Flatten(), *_dropout(input_dropout)]
    inputs = shape.channels * shape.height * shape.width
    for units in hidden:
        norm = [nn.BatchNorm1d(units)] if batch_norm else []
        layers += [nn.Linear(inputs, units, bias=not batch_norm), *norm, ACTIVATIONS[activation](), *_dropout(dropout)]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, shape.classes))


def _dropout(share: float) -> list[nn.Module]:
    return [nn.Dropout(share)] if share else []
