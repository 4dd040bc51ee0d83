"""The perceptron and the recipes of stl10_mlp: fully connected layers alone, the versions of the lab as given."""

import pytest
import torch
from torch import nn

from baselines.kit.augment import create_augmentation
from baselines.kit.data import ImageShape
from baselines.kit.optimizers import create_optimizer
from baselines.kit.plan import target_shape
from baselines.kit.recipe import Recipe, load_recipe, recipe_names, with_changes
from baselines.kit.schedules import create_schedule
from baselines.kit.summary import count_parameters
from baselines.stl10_mlp.__main__ import KERNEL
from baselines.stl10_mlp.model import ACTIVATIONS, build_model
from baselines.tune.space import load_space
from competition.errors import UserError

SHAPE = ImageShape(3, 96, 96, 10)
ALLOWED = (nn.Flatten, nn.Linear, nn.BatchNorm1d, nn.Dropout, *ACTIVATIONS.values())
VERSIONS = ["v1", "v2", "v3", "v4"]


def recipe(name: str) -> Recipe:
    return load_recipe(KERNEL.recipes, name)


def variants(name: str) -> list[Recipe]:
    """A recipe as it is, or with each rung of its ladder."""
    whole = recipe(name)
    rungs = [{key: value for key, value in rung.items() if key != "min_epochs"} for rung in whole.ladder]
    return [with_changes(whole, {**rung, "ladder": []}, name) for rung in rungs or [{}]]


def test_there_are_the_four_versions_a_reference_and_a_strong_recipe():
    assert recipe_names(KERNEL.recipes) == ["reference", "strong", *VERSIONS]
    assert recipe("reference").model_copy(update={"about": ""}) == recipe("v3").model_copy(update={"about": ""})


@pytest.mark.parametrize("name", ["reference", "strong", *VERSIONS])
def test_every_recipe_is_a_perceptron_of_allowed_layers_and_can_be_trained(name):
    for taken in variants(name):
        shape = target_shape(SHAPE, taken.image_px)
        net = build_model(taken.model, shape)
        for layer in net:
            assert isinstance(layer, ALLOWED)
        assert all(parameter.ndim <= 2 for parameter in net.parameters())
        assert net(torch.zeros(2, 3, shape.height, shape.width)).shape == (2, 10)
        create_optimizer(net, taken)
        create_schedule(taken.schedule, taken.epochs)
        create_augmentation(taken.augment)


def linear(net: nn.Sequential) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in net if isinstance(layer, nn.Linear)]


def test_version_2_is_4_x_256_with_dropout_and_batch_norm():
    v2 = recipe("v2")
    net = build_model(v2.model, SHAPE)
    assert linear(net) == [(27_648, 256), (256, 256), (256, 256), (256, 256), (256, 10)]
    assert [layer.p for layer in net if isinstance(layer, nn.Dropout)] == [0.3] * 4
    assert sum(isinstance(layer, nn.BatchNorm1d) for layer in net) == 4
    assert (v2.lr, v2.epochs) == (5e-4, 100)
    assert v2.augment == {"flip": 0.5, "rotate": 10}


def test_version_3_is_3_x_256_with_leaky_relu_adam_a_halved_rate_and_early_stopping():
    v3 = recipe("v3")
    net = build_model(v3.model, SHAPE)
    assert linear(net) == [(27_648, 256), (256, 256), (256, 256), (256, 10)]
    assert sum(isinstance(layer, nn.LeakyReLU) for layer in net) == 3
    assert count_parameters(net) == 27_648 * 256 + 2 * 256 * 256 + 3 * 2 * 256 + 256 * 10 + 10
    assert (v3.optimizer, v3.lr, v3.schedule) == ("adam", 1e-3, {"name": "step", "step_size": 20, "gamma": 0.5})
    assert v3.patience is not None


def test_version_4_is_2048_512_256_with_relu_colour_jitter_and_random_crop():
    v4 = recipe("v4")
    net = build_model(v4.model, SHAPE)
    assert linear(net) == [(27_648, 2048), (2048, 512), (512, 256), (256, 10)]
    assert sum(isinstance(layer, nn.ReLU) for layer in net) == 3
    assert {"crop", "contrast", "saturation"} <= v4.augment.keys()


def test_version_1_is_plain():
    v1 = recipe("v1")
    assert {type(layer) for layer in build_model(v1.model, SHAPE)} == {nn.Flatten, nn.Linear, nn.ReLU}
    assert (v1.augment, v1.weight_decay, v1.label_smoothing, v1.mixup) == ({}, 0, 0, 0)


@pytest.mark.parametrize("name", ["reference", "strong"])
def test_every_choice_of_the_search_space_is_a_net_that_can_be_built(name):
    space = load_space(KERNEL.recipes.parent / "space.yaml", recipe(name))
    for hidden in space.dimensions["model.hidden"].values:
        assert linear(build_model({**recipe(name).model, "hidden": hidden}, SHAPE))[-1][1] == 10


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"layers": 3}, "layers"),
        ({"activation": "sine"}, "relu, leaky_relu, gelu"),
        ({"dropout": 1.0}, "below 1"),
        ({"input_dropout": -0.1}, "below 1"),
        ({"hidden": [256, 0]}, "whole numbers"),
        ({"hidden": [2.5]}, "whole numbers"),
    ],
)
def test_a_wrong_model_is_told_in_one_line(options, told):
    with pytest.raises(UserError, match=told):
        build_model(options, SHAPE)
