import math
from pathlib import Path

import pytest
import torch
from torch import nn

from baselines.fontchar_bottleneck.model import BottleneckNet, build_model
from baselines.kit.data import ImageShape
from baselines.kit.recipe import load_recipe
from baselines.kit.summary import count_parameters, summarise
from competition.errors import UserError

SHAPE = ImageShape(1, 90, 90, 52)
RECIPES = Path(__file__).resolve().parents[3] / "baselines" / "fontchar_bottleneck" / "recipes"


@pytest.fixture(scope="module")
def net():
    return BottleneckNet(SHAPE)


def test_the_reference_net_has_the_stated_number_of_parameters(net):
    assert count_parameters(net) == 2_636_148


def test_every_stage_has_the_stated_output(net):
    sizes, images = {}, torch.zeros(2, 1, 90, 90)
    for name, stage in net.named_children():
        images = stage(images)
        sizes[name] = tuple(images.shape[1:])
    assert sizes == {
        "conv1": (16, 45, 45),
        "conv2": (32, 22, 22),
        "conv3": (128, 11, 11),
        "conv4": (256, 5, 5),
        "conv5": (512, 2, 2),
        "flatten": (2048,),
        "fc1": (256,),
        "fc2": (52,),
    }


def test_every_convolution_is_biased_and_followed_by_batch_norm_and_relu(net):
    for stage in list(net.children())[:5]:
        layers = list(stage)
        for at, layer in enumerate(layers):
            if isinstance(layer, nn.Conv2d):
                assert layer.bias is not None
                assert isinstance(layers[at + 1], nn.BatchNorm2d)
                assert isinstance(layers[at + 2], nn.ReLU)


def test_kernels_pools_and_dropouts_are_as_listed(net):
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [c.kernel_size[0] for c in convs] == [7] + [1, 3, 1] * 8
    assert [type(stage[-1]) for stage in list(net.children())[:5]] == [nn.MaxPool2d] * 4 + [nn.AvgPool2d]
    assert [m.p for m in net.modules() if isinstance(m, nn.Dropout)] == [0.5, 0.3]


def test_initialisation_is_he_uniform_and_norms_start_at_one_and_zero(net):
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            bound = math.sqrt(6 / (module.in_channels * module.kernel_size[0] ** 2))
            assert float(module.weight.detach().abs().max()) <= bound * (1 + 1e-6)
            if module.weight.numel() > 1000:
                assert float(module.weight.detach().abs().max()) > 0.95 * bound
                assert float(module.weight.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.1)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert bool((module.weight == 1).all() and (module.bias == 0).all())


def test_the_reference_recipe_is_the_one_that_was_handed_in():
    recipe = load_recipe(RECIPES, "reference")
    assert (recipe.optimizer, recipe.lr, recipe.batch, recipe.loss) == ("adam", 1e-3, 64, "cross_entropy")
    assert recipe.schedule == {"name": "step", "step_size": 3, "gamma": 0.5}
    assert recipe.epochs in (6, 7)
    assert recipe.evaluations == 1  # after each epoch, as reported, also where fewer fit
    assert (recipe.keep, recipe.augment, recipe.weight_decay, recipe.label_smoothing) == ("accuracy", {}, 0, 0)


def test_the_plain_net_takes_other_sizes_and_channels():
    net = build_model({"net": "plain", "widths": [4, 8], "pool_after": [1], "hidden": 8}, ImageShape(3, 20, 20, 7))
    assert net(torch.zeros(2, 3, 20, 20)).shape == (2, 7)


def test_a_summary_names_layers_and_the_count_and_changes_no_random_number(net):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    text = summarise(net, SHAPE)
    assert torch.equal(torch.rand(1), expected)
    assert "2,636,148" in text


@pytest.mark.parametrize(
    ("options", "shape", "told"),
    [
        ({"net": "resnet"}, SHAPE, "bottleneck, plain"),
        ({"net": "plain", "width": 3}, SHAPE, "width"),
        ({}, ImageShape(1, 64, 64, 52), "90x90"),
    ],
)
def test_a_wrong_model_is_told_in_one_line(options, shape, told):
    with pytest.raises(UserError, match=told):
        build_model(options, shape)
