from copy import deepcopy

import pytest
import torch
from torch import nn

from baselines.kit.muon import MuonSgd
from baselines.kit.optimizers import create_optimizer, set_rate
from baselines.kit.recipe import parse_recipe
from competition.errors import UserError

OPTIONS = {"optimizer": "muon_sgd", "lr": 0.2, "momentum": 0.6, "weight_decay": 0.01}
RATES = {"head_lr": 2.0, "bias_lr": 0.5}


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))


def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
    return create_optimizer(model, parse_recipe({**OPTIONS, "optimizer_options": RATES}, "test"))


def take_gradients(model: nn.Module) -> None:
    model(torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))).square().sum().backward()


def test_a_filter_bank_moves_by_a_nearly_orthogonal_matrix_from_its_fixed_norm():
    model = net()
    optimizer = optimizer_of(model)
    take_gradients(model)
    conv = model[0]
    scaled = conv.weight.detach() * (8**0.5 / conv.weight.detach().norm())
    optimizer.step()
    moved = (scaled - conv.weight.detach()).flatten(1) / 0.2
    exact = nearest_orthogonal(1.6 * conv.weight.grad.flatten(1))  # the first step's Nesterov momentum
    values = torch.linalg.svdvals(moved)
    assert float(values.min()) > 0.4 and float(values.max()) < 1.4  # what three iterations reach, in bfloat16
    cosine = float((moved * exact).sum() / (moved.norm() * exact.norm()))
    assert cosine > 0.95


def nearest_orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    return left @ right


def test_the_rest_moves_as_torchs_nesterov_with_its_own_rates():
    model, twin = net(), net()
    optimizer = optimizer_of(model)
    head = {"params": [twin[4].weight], "lr": 2.0, "weight_decay": 0.01 / 2.0}
    vectors = {"params": [twin[0].bias, twin[1].weight, twin[1].bias, twin[4].bias], "lr": 0.5}
    other = torch.optim.SGD([head, vectors], lr=1.0, momentum=0.85, nesterov=True)
    for factor in (1.0, 0.5):
        set_rate(optimizer, 0.2 * factor)
        other.param_groups[0]["lr"], other.param_groups[1]["lr"] = 2.0 * factor, 0.5 * factor
        twin[0].weight.data.copy_(model[0].weight.data)
        for one, by in ((model, optimizer), (twin, other)):
            by.zero_grad()
            take_gradients(one)
            by.step()
    for name in ("0.bias", "1.weight", "4.weight", "4.bias"):
        torch.testing.assert_close(model.get_parameter(name), twin.get_parameter(name), rtol=1e-4, atol=1e-5)


def test_frozen_weights_stay_and_need_no_group():
    model = net()
    model[0].weight.requires_grad_(False)
    before = model[0].weight.clone()
    optimizer = optimizer_of(model)
    take_gradients(model)
    optimizer.step()
    assert torch.equal(model[0].weight, before)
    assert not any(group["orthogonal"] for group in optimizer.param_groups)


def test_its_state_can_be_saved_and_taken_up_again():
    model, twin = net(), net()
    first, second = optimizer_of(model), optimizer_of(twin)
    take_gradients(model)
    first.step()
    twin.load_state_dict(model.state_dict())
    second.load_state_dict(deepcopy(first.state_dict()))
    for one, by in ((model, first), (twin, second)):
        by.zero_grad()
        take_gradients(one)
        by.step()
    for own, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(own, other)


@pytest.mark.parametrize("options", [{}, {**RATES, "betas": [0.9, 0.99]}])
def test_missing_and_unknown_options_are_told(options):
    with pytest.raises(UserError, match="muon_sgd"):
        create_optimizer(net(), parse_recipe({**OPTIONS, "optimizer_options": options}, "test"))


def test_it_needs_no_closure_and_leaves_parameters_without_gradient_alone():
    weight = nn.Parameter(torch.ones(2, 2))
    optimizer = MuonSgd([{"params": [weight]}], lr=1.0)
    optimizer.step()
    assert torch.equal(weight.detach(), torch.ones(2, 2))
