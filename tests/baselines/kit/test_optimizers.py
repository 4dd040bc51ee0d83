import pytest
import torch

from baselines.kit.optimizers import create_optimizer, set_momentum
from baselines.kit.recipe import Recipe
from competition.errors import UserError


def test_the_momentum_is_set_where_an_optimizer_keeps_it():
    weight = [torch.nn.Parameter(torch.zeros(2, 2))]
    adam, sgd, plain = torch.optim.AdamW(weight), torch.optim.SGD(weight, 0.1, 0.9), torch.optim.Adagrad(weight)
    for optimizer in (adam, sgd, plain):
        set_momentum(optimizer, 0.8)
    assert adam.param_groups[0]["betas"] == (0.8, 0.999)
    assert sgd.param_groups[0]["momentum"] == 0.8
    assert "momentum" not in plain.param_groups[0]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
def test_norms_and_biases_are_not_decayed(name):
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = create_optimizer(model, Recipe(optimizer=name, weight_decay=0.1))
    decay = {id(parameter): group["weight_decay"] for group in optimizer.param_groups for parameter in group["params"]}
    assert [decay[id(parameter)] for parameter in model.parameters()] == [0.1, 0, 0, 0]


def test_an_optimizer_that_needs_second_derivatives_is_refused_in_words():
    with pytest.raises(UserError, match="second derivatives"):
        create_optimizer(torch.nn.Linear(2, 2), Recipe(optimizer="adahessian"))


def test_a_decay_among_rmsprops_options_wins_over_the_recipes():
    model = torch.nn.Linear(4, 3)
    recipe = Recipe(optimizer="rmsprop", weight_decay=0.1, optimizer_options={"weight_decay": 0.2, "alpha": 0.9})
    groups = create_optimizer(model, recipe).param_groups
    assert sorted(group["weight_decay"] for group in groups) == [0.0, 0.2]
