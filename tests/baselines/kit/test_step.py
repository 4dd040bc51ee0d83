import copy

import pytest
import torch
from torch import nn

from baselines.kit.device import Placement
from baselines.kit.losses import bce_one_hot, cross_entropy
from baselines.kit.optimizers import create_optimizer
from baselines.kit.recipe import Recipe
from baselines.kit.step import TrainStep
from competition.errors import UserError

CPU = Placement(torch.device("cpu"))


class SmallMemory(nn.Module):
    """A linear model on a device that holds no more than `limit` images at once."""

    def __init__(self, limit):
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.limit = limit

    def forward(self, images):
        if len(images) > self.limit:
            raise torch.OutOfMemoryError("out of memory")
        return self.linear(images)


def make_step(model, part_size, note=lambda text: None, clip=None):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return TrainStep(model, optimizer, cross_entropy, CPU, part_size, clip, note)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(16, 6), torch.randint(3, (16,))


@pytest.mark.parametrize("part_size", [1, 2, 3, 5, 8, 15])
def test_accumulated_parts_move_the_weights_as_the_whole_batch_does(batch, part_size):
    whole = nn.Linear(6, 3)
    parts = copy.deepcopy(whole)
    loss, right = make_step(whole, 16)(*batch)
    part_loss, part_right = make_step(parts, part_size)(*batch)
    assert torch.allclose(whole.weight, parts.weight, atol=1e-6)
    assert float(loss) == pytest.approx(float(part_loss), rel=1e-5)
    assert int(right) == int(part_right)


def test_running_out_of_memory_halves_the_parts_says_so_and_changes_nothing_else(batch):
    notes = []
    small = SmallMemory(limit=5)
    whole = copy.deepcopy(small.linear)
    step = make_step(small, 16, notes.append)
    step(*batch)
    make_step(whole, 16)(*batch)
    assert step.part_size == 4
    assert [text for text in notes if "4 images at a time" in text]
    assert torch.allclose(small.linear.weight, whole.weight, atol=1e-6)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_memory_that_runs_out_inside_the_optimizers_first_step_leaves_it_as_it_was(batch, name, monkeypatch):
    def out_of_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("out of memory")

    model = nn.Linear(6, 3)
    whole = copy.deepcopy(model)
    recipe = Recipe(optimizer=name, lr=0.1, momentum=0.9)
    step = TrainStep(model, create_optimizer(model, recipe), cross_entropy, CPU, 16)
    with monkeypatch.context() as patch:
        calls = []
        make = torch.zeros_like

        def once(*arguments, **options):
            calls.append(1)
            return out_of_memory() if len(calls) == 2 else make(*arguments, **options)

        patch.setattr(torch, "zeros_like", once)
        step(*batch)
    other = TrainStep(whole, create_optimizer(whole, recipe), cross_entropy, CPU, 16)
    other(*batch)
    assert step.part_size == (8 if name.startswith("adam") else 16)  # SGD needs no memory before it has momentum
    for again in range(2):
        step(*batch)
        other(*batch)
        assert torch.allclose(model.weight, whole.weight, atol=1e-5), again


def test_no_memory_for_two_images_is_told_in_one_line(batch):
    with pytest.raises(UserError, match="two images"):
        make_step(SmallMemory(limit=1), 16)(*batch)


def test_other_errors_are_not_taken_for_missing_memory(batch):
    with pytest.raises(RuntimeError, match="shapes"):
        make_step(nn.Linear(7, 3), 16)(*batch)


def test_clipping_bounds_the_step(batch):
    model = nn.Linear(6, 3)
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    make_step(model, 16, clip=1e-3)(*batch)
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert float((after - before).norm()) == pytest.approx(0.1 * 1e-3, rel=1e-2)


def test_losses_are_torchs_own():
    logits, target = torch.randn(8, 5), torch.randint(5, (8,))
    one_hot = nn.functional.one_hot(target, 5).float()
    assert float(bce_one_hot(logits, target)) == pytest.approx(float(nn.BCEWithLogitsLoss()(logits, one_hot)))
    own = nn.CrossEntropyLoss(label_smoothing=0.1)(logits, target)
    assert float(cross_entropy(logits, target, 0.1)) == pytest.approx(float(own))
    assert float(bce_one_hot(logits, one_hot)) == pytest.approx(float(bce_one_hot(logits, target)))
