"""The model summary that participants hand in: layers, output sizes and parameter counts, by torchinfo."""

from collections.abc import Sequence

import torch
from torch import nn

from baselines.kit.data import ImageShape


def summarise(model: nn.Module, shape: ImageShape) -> str:
    """A table of the model's layers for a batch of two images; leaves the model and the random state as they were."""
    return _table(model, shape, ("output_size", "kernel_size", "num_params", "mult_adds"), 4, 25) + "\n"


def outline(model: nn.Module, shape: ImageShape) -> str:
    """The first two levels of the summary, narrow enough for a terminal: what a run prints at its start."""
    return _table(model, shape, ("output_size", "num_params"), 2, 18)


def count_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _table(model: nn.Module, shape: ImageShape, columns: Sequence[str], depth: int, column_width: int) -> str:
    from torchinfo import summary

    training = model.training
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        table = summary(
            model,
            input_size=(2, shape.channels, shape.height, shape.width),
            col_names=columns,
            col_width=column_width,
            device=device,
            mode="eval",
            depth=depth,
            verbose=0,
        )
    model.train(training)
    return str(table)
