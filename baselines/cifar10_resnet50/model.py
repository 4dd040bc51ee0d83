"""The nets: torchvision's ResNet-50 with ImageNet weights, whole or partly frozen, and the fast net from scratch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from baselines.kit.data import ImageShape
from baselines.kit.features import Probe
from baselines.kit.nets import build_net
from baselines.kit.pretrained import cached_file, load_checked, torchvision_state
from competition.errors import UserError

from .fast_net import FastNet

_TRAINED = ("all", "layer4", "head")


def build_model(options: Mapping[str, Any], shape: ImageShape) -> nn.Module:
    """The net of a recipe's `model` options: `net: resnet50` or `net: fast`, and the net's own options.

    Raises:
        UserError: unknown net or option, a value or weights that do not fit, no weights, or images it cannot take.
    """
    return build_net(_NETS, options, shape)


def resnet50(shape: ImageShape, weights: str = "imagenet", train: str = "all") -> nn.Module:
    """torchvision's ResNet-50 with a new last layer.

    Args:
        shape: of the images; three channels.
        weights: `imagenet` (IMAGENET1K_V1 from torch's cache), `none`, or the path of a file.
        train: `all`, `layer4` (with the last layer, the rest frozen) or `head` (the last layer alone).

    Raises:
        UserError: gray images, an unknown word, or weights that are not there or do not fit.
    """
    from torchvision.models import resnet50 as create

    if shape.channels != 3:
        raise UserError(f"ResNet-50 takes colour images, not {shape.channels} channel; see timm_template for gray ones")
    if train not in _TRAINED:
        raise UserError(f"model.train = {train!r} is unknown: one of {', '.join(_TRAINED)}")
    net = create(weights=None)
    if weights != "none":
        _load_imagenet(net, None if weights == "imagenet" else weights)
    net.fc = nn.Linear(net.fc.in_features, shape.classes)
    return net if train == "all" else _frozen(net, train)


def _load_imagenet(net: nn.Module, path: str | None) -> None:
    from torchvision.models import ResNet50_Weights

    weights = ResNet50_Weights.IMAGENET1K_V1
    load_checked(net, torchvision_state(weights, path), Path(path) if path else cached_file(weights.url))


def _frozen(net: nn.Module, train: str) -> Probe:
    layers = dict(net.named_children())  # in the order of torchvision's forward pass
    cut = list(layers).index("layer4" if train == "layer4" else "fc")
    body, head = list(layers.values())[:cut], list(layers.values())[cut:]
    return Probe(nn.Sequential(*body), nn.Sequential(*head[:-1], nn.Flatten(), head[-1]))


_NETS: dict[str, Any] = {"resnet50": resnet50, "fast": FastNet}
