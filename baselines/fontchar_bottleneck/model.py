"""The nets: the reference bottleneck net of 2,636,148 parameters, and a plain net for small pictures."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from baselines.kit.data import ImageShape
from baselines.kit.nets import build_net
from competition.errors import UserError

_REFERENCE_PX = 90


def build_model(options: Mapping[str, Any], shape: ImageShape) -> nn.Module:
    """The net of a recipe's `model` options: `net: bottleneck` or `net: plain` with its `widths`.

    Raises:
        UserError: unknown net or option, a value that does not fit, or images the reference net was not made for.
    """
    return build_net(_NETS, options, shape)


def conv_bn_relu(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """A biased convolution that keeps the size, batch norm, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def bottleneck(inputs: int, middle: int, outputs: int) -> list[nn.Module]:
    """1x1, 3x3, 1x1 without a skip connection: the stated parameter count leaves no room for one."""
    return [
        *conv_bn_relu(inputs, middle, 1),
        *conv_bn_relu(middle, middle, 3),
        *conv_bn_relu(middle, outputs, 1),
    ]


class BottleneckNet(nn.Sequential):
    """The reference net: 90x90 gray in, five stages, two fully connected layers."""

    def __init__(self, shape: ImageShape) -> None:
        """`shape` must be 90x90; its classes set the last layer."""
        if (shape.height, shape.width) != (_REFERENCE_PX, _REFERENCE_PX):
            raise UserError(
                f"the reference net takes {_REFERENCE_PX}x{_REFERENCE_PX} images, not {shape.height}x{shape.width}: "
                f"add --set image_px={_REFERENCE_PX}, or use --recipe strong"
            )
        stages = OrderedDict(
            conv1=nn.Sequential(*conv_bn_relu(shape.channels, 16, 7), nn.MaxPool2d(3, stride=2, padding=1)),
            conv2=_stage(16, 16, 32, nn.MaxPool2d(2)),
            conv3=_stage(32, 32, 128, nn.MaxPool2d(2)),
            conv4=_stage(128, 128, 256, nn.MaxPool2d(2)),
            conv5=_stage(256, 256, 512, nn.AvgPool2d(2)),
            flatten=nn.Sequential(nn.Flatten(), nn.Dropout(0.5)),
            fc1=nn.Sequential(nn.Linear(2048, 256), nn.BatchNorm1d(256), nn.ReLU(inplace=True), nn.Dropout(0.3)),
            fc2=nn.Linear(256, shape.classes),
        )
        super().__init__(stages)
        self.apply(_initialise)


def _stage(inputs: int, middle: int, outputs: int, pool: nn.Module) -> nn.Sequential:
    return nn.Sequential(*bottleneck(inputs, middle, outputs), *bottleneck(outputs, middle, outputs), pool)


def _initialise(module: nn.Module) -> None:
    """He-uniform convolutions (He et al., 2015), batch norms at weight 1 and bias 0."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)


class PlainNet(nn.Module):
    """3x3 convolutions with batch norm, pooled after the layers named in `pool_after`; then one linear layer."""

    def __init__(
        self,
        shape: ImageShape,
        widths: Sequence[int] = (16, 32, 32, 64, 64),
        pool_after: Sequence[int] = (1, 3),
        dropout: float = 0.0,
        hidden: int = 0,
    ) -> None:
        """`widths` are the channels of each layer; `hidden` adds a fully connected layer before the last one."""
        super().__init__()
        if any(width < 1 for width in widths):
            raise UserError(f"model.widths = {list(widths)}: give whole numbers above 0")
        layers: list[nn.Module] = []
        inputs = shape.channels
        for number, width in enumerate(widths, 1):
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            if number in pool_after:
                layers.append(nn.MaxPool2d(2))
            inputs = width
        self.features = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten())
        with torch.no_grad():
            self.features.eval()
            flat = self.features(torch.zeros(1, shape.channels, shape.height, shape.width)).shape[1]
            self.features.train()
        self.head = nn.Sequential(*_hidden(flat, hidden), nn.Dropout(dropout), nn.Linear(hidden or flat, shape.classes))
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, N x classes."""
        return self.head(self.features(images))  # type: ignore[no-any-return]


def _hidden(inputs: int, outputs: int) -> list[nn.Module]:
    if not outputs:
        return []
    return [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)]


_NETS: dict[str, Callable[..., nn.Module]] = {"bottleneck": BottleneckNet, "plain": PlainNet}
