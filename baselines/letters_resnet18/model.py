"""The nets: torchvision's ResNet-18 with ImageNet weights, and a residual net that keeps small images large."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from baselines.kit.data import ImageShape
from baselines.kit.nets import build_net
from baselines.kit.pretrained import cached_file, load_checked, torchvision_state
from competition.errors import UserError


def build_model(options: Mapping[str, Any], shape: ImageShape) -> nn.Module:
    """The net of a recipe's `model` options: `net: resnet18` or `net: small`, and the net's own options.

    Raises:
        UserError: unknown net or option, a value that does not fit, or weights that are not there or do not fit.
    """
    return build_net(_NETS, options, shape)


def resnet18(shape: ImageShape, weights: str = "imagenet") -> nn.Module:
    """torchvision's ResNet-18 for these channels and classes.

    Args:
        shape: of the images; any number of channels.
        weights: `imagenet` (IMAGENET1K_V1 from torch's cache), `none`, or the path of a file: ImageNet's, or the
            `model.pt` that an earlier run kept.

    Raises:
        UserError: weights that are not there, are damaged or those of another network.
    """
    from torchvision.models import ResNet18_Weights
    from torchvision.models import resnet18 as create

    net = create(weights=None)
    if shape.channels != 3:
        net.conv1 = nn.Conv2d(shape.channels, 64, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
    net.fc = nn.Linear(net.fc.in_features, shape.classes)
    if weights == "none":
        return net  # type: ignore[no-any-return]
    path = None if weights == "imagenet" else Path(weights)
    state = torchvision_state(ResNet18_Weights.IMAGENET1K_V1, path)
    load_checked(net, _fitted(state, net), path or cached_file(ResNet18_Weights.IMAGENET1K_V1.url))
    return net  # type: ignore[no-any-return]


def _fitted(state: Mapping[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
    """The state with colours added up for gray images and a new last layer where the classes are others."""
    fitted, own = dict(state), net.state_dict()
    first, wanted = fitted.get("conv1.weight"), own["conv1.weight"]
    if first is not None and first.ndim == 4 and first.shape[1] == 3 and wanted.shape[1] == 1:
        # A gray picture given three times over has these outputs, at a third of the cost.
        fitted["conv1.weight"] = first.sum(1, keepdim=True)
    last = fitted.get("fc.weight")
    if last is not None and last.shape[:1] != own["fc.weight"].shape[:1]:
        fitted |= {"fc.weight": own["fc.weight"], "fc.bias": own["fc.bias"]}
    return fitted


def small_resnet(
    shape: ImageShape, widths: Sequence[int] = (32, 64, 128), blocks: Sequence[int] = (1, 2, 2), dropout: float = 0.0
) -> nn.Module:
    """A residual net that begins with a 3x3 convolution without stride and pool: 28 pixels are few enough.

    Args:
        shape: of the images.
        widths: channels of each stage; every stage but the first halves the side.
        blocks: torchvision's basic blocks of each stage.
        dropout: before the last layer.

    Raises:
        UserError: the numbers of widths and blocks differ.
    """
    if len(widths) != len(blocks) or not widths:
        raise UserError(f"model.widths {list(widths)} and model.blocks {list(blocks)} must be of one length")
    layers: list[nn.Module] = [nn.Conv2d(shape.channels, widths[0], 3, padding=1, bias=False)]
    layers += [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    inputs = widths[0]
    for stage, (outputs, count) in enumerate(zip(widths, blocks, strict=True)):
        for number in range(count):
            layers.append(_block(inputs, outputs, stride=2 if stage and not number else 1))
            inputs = outputs
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(inputs, shape.classes)]
    return nn.Sequential(*layers, *head)


def _block(inputs: int, outputs: int, stride: int) -> nn.Module:
    from torchvision.models.resnet import BasicBlock

    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    block = BasicBlock(inputs, outputs, stride, shortcut)
    nn.init.zeros_(block.bn2.weight)  # a block begins as the identity (Goyal et al., 2017)
    return block  # type: ignore[no-any-return]


_NETS: dict[str, Callable[..., nn.Module]] = {"resnet18": resnet18, "small": small_resnet}
