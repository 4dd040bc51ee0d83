"""The nets and recipes of fashion_cnn: layers and counts as given, the strong ladder."""

import pytest
import torch
from torch import nn

from baselines.fashion_cnn.__main__ import KERNEL
from baselines.fashion_cnn.cells import CELLS, REPORTED, Cell, recipe_changes
from baselines.fashion_cnn.model import build_model, model1, model2, model3
from baselines.kit.data import ImageShape
from baselines.kit.optimizers import create_optimizer
from baselines.kit.recipe import load_recipe, with_changes
from baselines.kit.summary import count_parameters
from competition.errors import UserError

SHAPE = ImageShape(1, 28, 28, 10)


def kinds(net: nn.Sequential) -> list[str]:
    return [type(layer).__name__ for layer in net]


def test_model_1_is_two_convolutions_with_pool_and_relu_and_a_fully_connected_layer():
    net = model1(SHAPE)
    assert kinds(net) == ["Conv2d", "MaxPool2d", "ReLU"] * 2 + ["Flatten", "Linear"]
    assert [(c.in_channels, c.out_channels) for c in net if isinstance(c, nn.Conv2d)] == [(1, 10), (10, 20)]
    assert net[:6](torch.zeros(2, 1, 28, 28)).shape == (2, 20, 4, 4)
    assert count_parameters(net) == (25 * 10 + 10) + (10 * 25 * 20 + 20) + (320 * 10 + 10)


def test_model_2_is_model_1_with_dropout_between_the_second_convolution_and_its_pool():
    net = model2(SHAPE)
    assert kinds(net) == [*kinds(model1(SHAPE))[:4], "Dropout", *kinds(model1(SHAPE))[4:]]
    assert net[4].p == 0.5
    assert count_parameters(net) == count_parameters(model1(SHAPE))


def test_model_3_is_three_padded_convolutions_of_growing_width_and_two_fully_connected_layers():
    net = model3(SHAPE)
    assert kinds(net) == ["Conv2d", "MaxPool2d", "ReLU"] * 3 + ["Flatten", "Linear", "ReLU", "Linear"]
    convs = [layer for layer in net if isinstance(layer, nn.Conv2d)]
    assert all(conv.padding == (1, 1) for conv in convs)
    assert [conv.out_channels for conv in convs] == sorted({conv.out_channels for conv in convs})
    assert net[:9](torch.zeros(2, 1, 28, 28)).shape == (2, 128, 4, 4)
    assert count_parameters(net) == 320 + 18_496 + 73_856 + (2048 * 625 + 625) + 6_260


@pytest.mark.parametrize("name", ["model1", "model2", "model3", "paired"])
@pytest.mark.parametrize("shape", [SHAPE, ImageShape(3, 33, 40, 4)])
def test_every_net_gives_a_logit_a_class(name, shape):
    net = build_model({"net": name}, shape)
    assert net(torch.zeros(2, shape.channels, shape.height, shape.width)).shape == (2, shape.classes)


@pytest.mark.parametrize(
    ("options", "shape", "told"),
    [
        ({"net": "model4"}, SHAPE, "model1, model2, model3, paired"),
        ({"net": "model1", "width": 3}, SHAPE, "width"),
        ({"net": "model2"}, ImageShape(1, 12, 28, 10), "16x16"),
    ],
)
def test_a_wrong_model_is_told_in_one_line(options, shape, told):
    with pytest.raises(UserError, match=told):
        build_model(options, shape)


def test_the_grid_has_the_18_cells_of_the_course_with_its_figures():
    assert len(set(CELLS)) == len(REPORTED) == 18
    assert REPORTED[Cell("model1", "cross_entropy", "adam")] == 0.2729
    assert REPORTED[Cell("model2", "bce_one_hot", "rmsprop")] == 0.0641
    assert REPORTED[Cell("model3", "cross_entropy", "sgd")] == 0.0641
    assert min(REPORTED, key=REPORTED.get) == Cell("model3", "bce_one_hot", "sgd")


def test_the_reference_recipe_is_the_best_cell_of_the_grid():
    reference = load_recipe(KERNEL.recipes, "reference")
    cell = with_changes(reference, recipe_changes(Cell("model3", "bce_one_hot", "sgd")), "cell")
    assert cell.model_copy(update={"about": ""}) == reference.model_copy(update={"about": ""})
    assert (reference.epochs, reference.augment, reference.tta, reference.ladder) == (10, {}, [], [])


@pytest.mark.parametrize(
    ("optimizer", "kind"), [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD), ("rmsprop", torch.optim.RMSprop)]
)
def test_a_cell_trains_with_torchs_own_optimizer(optimizer, kind):
    reference = load_recipe(KERNEL.recipes, "reference")
    recipe = with_changes(reference, recipe_changes(Cell("model1", "cross_entropy", optimizer)), "cell")
    made = create_optimizer(model1(SHAPE), recipe)
    assert type(made) is kind
    group = made.param_groups[0]
    assert group["weight_decay"] == 0 and not group.get("nesterov")
    assert group.get("momentum", 0) == (0.9 if optimizer == "sgd" else 0)


def test_each_rung_of_the_strong_recipe_can_be_trained_and_later_ones_are_smaller():
    recipe = load_recipe(KERNEL.recipes, "strong")
    counts = []
    for rung in recipe.ladder:
        taken = with_changes(recipe, {**{k: v for k, v in rung.items() if k != "min_epochs"}, "ladder": []}, "rung")
        net = build_model(taken.model, SHAPE)
        create_optimizer(net, taken)
        counts.append(count_parameters(net))
    assert counts == sorted(counts, reverse=True)
    assert recipe.ladder[-1]["min_epochs"] == 0
