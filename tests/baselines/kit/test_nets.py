"""Nets by name: what a person gets wrong in a recipe's `model` is one line that names it, in every baseline."""

import importlib
from typing import Any

import pytest
import torch
from torch import nn

from baselines.kit.data import ImageShape
from baselines.kit.nets import build_net
from competition.errors import UserError

GRAY, COLOUR = ImageShape(1, 28, 28, 5), ImageShape(3, 32, 32, 10)


def linear(shape: ImageShape, bias: bool = True) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(shape.height * shape.width, shape.classes, bias=bias))


def test_the_first_net_is_built_where_none_is_named_and_takes_the_options():
    net = build_net({"linear": linear, "other": nn.Identity}, {"bias": False}, GRAY)
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 5)
    assert [tuple(parameter.shape) for parameter in net.parameters()] == [(5, 784)]


def test_an_unknown_net_is_told_with_those_there_are():
    for name in ("linaer", ["linear"]):
        with pytest.raises(UserError, match="linear, other"):
            build_net({"linear": linear, "other": nn.Identity}, {"net": name}, GRAY)


def test_images_that_a_net_cannot_take_are_told_as_such():
    with pytest.raises(UserError, match=r"cannot take images of 28x28x1 .*image_px"):
        build("fontchar_bottleneck", {"net": "plain", "pool_after": [1, 2, 3, 4, 5]}, GRAY)


def build(baseline: str, options: dict[str, Any], shape: ImageShape) -> nn.Module:
    net: nn.Module = importlib.import_module(f"baselines.{baseline}.model").build_model(options, shape)
    return net


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize(
    ("baseline", "shape", "net", "option", "value"),
    [
        ("fontchar_bottleneck", GRAY, "plain", "dropout", 2),
        ("fontchar_bottleneck", GRAY, "plain", "widths", [-1]),
        ("fontchar_bottleneck", GRAY, "plain", "widths", [0]),
        ("fontchar_bottleneck", GRAY, "plain", "hidden", -1),
        ("fontchar_bottleneck", GRAY, "plain", "width", 3),
        ("fashion_cnn", GRAY, "paired", "dropout", -1),
        ("fashion_cnn", GRAY, "paired", "stem", -1),
        ("fashion_cnn", GRAY, "paired", "convolutions", "two"),
        ("fashion_cnn", GRAY, "model3", "widths", [0]),
        ("letters_resnet18", GRAY, "small", "dropout", 2),
        ("letters_resnet18", GRAY, "small", "blocks", 5),
        ("letters_resnet18", GRAY, "small", "widths", [-1, 8, 8]),
        ("cifar10_resnet50", COLOUR, "fast", "widths", []),
        ("cifar10_resnet50", COLOUR, "fast", "widths", [-1]),
        ("cifar10_resnet50", COLOUR, "fast", "widths", ["wide"]),
        ("stl10_mlp", COLOUR, "mlp", "hidden", 5),
        ("stl10_mlp", COLOUR, "mlp", "hidden", [-1]),
        ("stl10_mlp", COLOUR, "mlp", "dropout", "much"),
    ],
)
def test_a_value_that_no_net_can_be_built_with_is_told_in_one_line(baseline, shape, net, option, value):
    with pytest.raises(UserError) as told:
        build(baseline, {"net": net, option: value}, shape)
    assert f"model.{option} = {value!r}" in str(told.value)
    assert "\n" not in str(told.value)
