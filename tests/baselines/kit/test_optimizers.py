import copy

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


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_all_weights_move_in_one_kernel_as_they_would_one_after_another(name):
    torch.manual_seed(1)
    first = torch.nn.Sequential(torch.nn.Linear(8, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    second = copy.deepcopy(first)
    recipe = Recipe(optimizer=name, lr=0.05, weight_decay=0.1)
    fused = create_optimizer(first, recipe)
    single = create_optimizer(second, recipe.model_copy(update={"optimizer_options": {"foreach": False}}))
    assert fused.defaults["fused"] is True
    assert not single.defaults["fused"]
    images = torch.randn(16, 8)
    for _ in range(5):
        for model, optimizer in ((first, fused), (second, single)):
            optimizer.zero_grad()
            model(images).square().mean().backward()
            optimizer.step()
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "adamw", "muon_sgd"])
def test_an_overflow_at_the_first_step_of_fp16_moves_no_weight_then_or_later(name):
    layer = torch.nn.Linear(64, 64)
    before = layer.weight.detach().clone()
    options = {"head_lr": 0.1, "bias_lr": 0.1} if name == "muon_sgd" else {}
    optimizer = create_optimizer(layer, Recipe(optimizer=name, momentum=0.9, weight_decay=0, optimizer_options=options))
    scaler = torch.amp.GradScaler("cpu")
    for gradient in (float("inf"), 0.0, 0.0):
        for parameter in layer.parameters():
            parameter.grad = torch.full_like(parameter, gradient)
        scaler.scale(torch.zeros(()))  # a scaler makes its scale when it is first used
        scaler.step(optimizer)
        scaler.update()
    assert torch.equal(layer.weight.detach(), before)
