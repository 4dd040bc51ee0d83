"""The nets: models 1 to 3 of the course, and a net of paired convolutions whose widths fit the budget."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from baselines.kit.data import ImageShape
from baselines.kit.nets import build_net
from competition.errors import UserError


def build_model(options: Mapping[str, Any], shape: ImageShape) -> nn.Module:
    """The net of a recipe's `model` options: `net: model1`, `model2`, `model3` or `paired`, and the net's own options.

    Raises:
        UserError: unknown net or option, a value that does not fit, or images too small for the net.
    """
    return build_net(_NETS, options, shape)


def _two_convolutions(shape: ImageShape, *before_last_pool: nn.Module) -> nn.Sequential:
    sides = [((side - 4) // 2 - 4) // 2 for side in (shape.height, shape.width)]
    if min(sides) < 1:
        raise UserError(f"models 1 and 2 take images of 16x16 or more, not {shape.height}x{shape.width}")
    return nn.Sequential(
        *(nn.Conv2d(shape.channels, 10, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(10, 20, 5), *before_last_pool, nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(20 * sides[0] * sides[1], shape.classes)),
    )


def model1(shape: ImageShape) -> nn.Sequential:
    """Two 5x5 convolutions (1 -> 10 -> 20), each with max pool and ReLU, then one fully connected layer."""
    return _two_convolutions(shape)


def model2(shape: ImageShape) -> nn.Sequential:
    """Model 1 with dropout (p = 0.5) of single values between the second convolution and its pool."""
    return _two_convolutions(shape, nn.Dropout(0.5))


def model3(shape: ImageShape, widths: Sequence[int] = (32, 64, 128), hidden: int = 625) -> nn.Sequential:
    """Three padded 3x3 convolutions of growing width, each with max pool and ReLU, then two fully connected layers.

    Pools keep the odd last row (28 -> 14 -> 7 -> 4). The course states neither widths nor hidden units; these are ours.
    """
    layers: list[nn.Module] = []
    inputs, height, width = shape.channels, shape.height, shape.width
    for outputs in widths:
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.MaxPool2d(2, ceil_mode=True), nn.ReLU()]
        inputs, height, width = outputs, (height + 1) // 2, (width + 1) // 2
    first = nn.Linear(inputs * height * width, hidden)
    return nn.Sequential(*layers, nn.Flatten(), first, nn.ReLU(), nn.Linear(hidden, shape.classes))


class PairedNet(nn.Module):
    """Stages of a convolution, max pool and further convolutions, each with batch norm and GELU; then a linear layer.

    The stages are those of airbench (Jordan, 94 % on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024), narrower.
    """

    def __init__(
        self,
        shape: ImageShape,
        stem: int = 24,
        widths: Sequence[int] = (32, 96, 192),
        convolutions: int = 2,
        dropout: float = 0.0,
    ) -> None:
        """`stem` channels of a 2x2 convolution come first; each stage halves the side and has `convolutions`."""
        super().__init__()
        stages: list[nn.Module] = [nn.Conv2d(shape.channels, stem, 2), nn.GELU()] if stem else []
        inputs = stem or shape.channels
        for outputs in widths:
            stages += [_conv(inputs, outputs), nn.MaxPool2d(2), *_norm(outputs)]
            for _ in range(convolutions - 1):
                stages += [_conv(outputs, outputs), *_norm(outputs)]
            inputs = outputs
        # The mean and the largest value of each channel see a small and a large piece of clothing alike.
        self.features = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * inputs, shape.classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, N x classes."""
        features = self.features(images)
        both = torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1)
        return self.head(self.dropout(both))  # type: ignore[no-any-return]


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    # Channels begin as copies of the inputs: in runs of a few epochs the signal is there from the first step.
    with torch.no_grad():
        nn.init.dirac_(conv.weight[: min(inputs, outputs)])
    return conv


def _norm(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.GELU()]


_NETS: dict[str, Callable[..., nn.Module]] = {"model1": model1, "model2": model2, "model3": model3, "paired": PairedNet}
