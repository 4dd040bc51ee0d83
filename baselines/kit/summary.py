"""The model summary that participants hand in: layers, output sizes and parameter counts, by torchinfo."""

import torch
from torch import nn

from baselines.kit.data import ImageShape

_THIRD_LEVEL = "│    │"  # how torchinfo draws the lines of a layer within a layer within a layer


def summarise(model: nn.Module, shape: ImageShape) -> str:
    """A table of the model's layers for a batch of two images; leaves the model and the random state as they were."""
    from torchinfo import summary

    training = model.training
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        table = summary(
            model,
            input_size=(2, shape.channels, shape.height, shape.width),
            col_names=("output_size", "kernel_size", "num_params", "mult_adds"),
            device=device,
            mode="eval",
            depth=4,
            verbose=0,
        )
    model.train(training)
    return str(table) + "\n"


def outline(summary: str) -> str:
    """The first two levels of a summary: what a run prints at its start."""
    return "\n".join(line for line in summary.rstrip().split("\n") if not line.startswith(_THIRD_LEVEL))


def count_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
