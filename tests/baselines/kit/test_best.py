"""Which state of a run is kept."""

import math

import pytest
import torch
from torch import nn

from baselines.kit.best import BestState
from baselines.kit.history import Row


def row(step, accuracy=0.5, loss=1.0, images=100):
    return Row(step, step / 10, step, 0.1, 1.0, 0.5, 1.0, 0.5, loss, accuracy, 0.0, 100.0, images, 50)


def offered(keep, rows):
    """The best state after these evaluations of a model whose weight is the step; what was said to each of them."""
    best, model = BestState(keep, 100), nn.Linear(1, 1, bias=False)
    answers = []
    for each in rows:
        nn.init.constant_(model.weight, each.step)
        answers.append(best.offer(model, each))
    return best, answers


def weight(best):
    return float(best.state["weight"])


@pytest.mark.parametrize(("keep", "kept", "told"), [
    ("accuracy", 2, [True, True, False]), ("loss", 1, [True, False, False]), ("last", 3, [False, False, False]),
])  # fmt: skip
def test_the_recipes_word_decides(keep, kept, told):
    best, answers = offered(keep, [row(1, 0.5, 0.7), row(2, 0.9, 0.8), row(3, 0.6, 0.9)])
    assert (best.row.step, weight(best), answers) == (kept, kept, told)


@pytest.mark.parametrize("keep", ["accuracy", "loss"])
def test_a_part_of_the_images_never_displaces_all_of_them(keep):
    cut, whole, later = row(1, 0.99, 0.1, images=60), row(2, 0.8, 0.5), row(3, 0.99, 0.1, images=60)
    best, answers = offered(keep, [cut, whole, later])
    assert (weight(best), answers) == (2, [True, True, False])


def test_patience_waits_for_a_lower_loss_where_the_last_state_is_kept():
    best, _ = offered("last", [row(1, loss=1.0), row(2, loss=0.5), row(3, loss=0.6), row(4, loss=0.7)])
    assert (weight(best), best.waited) == (4, 2)


def test_a_loss_that_is_no_number_is_never_kept():
    for keep in ("accuracy", "loss", "last"):
        best, answers = offered(keep, [row(1, loss=1.0), row(2, accuracy=0.9, loss=math.nan)])
        assert (weight(best), answers[1]) == (1, False)


def test_an_interrupted_run_still_waits_for_the_loss_it_had():
    rows = [row(1, loss=0.5), row(2, loss=0.9)]
    first, _ = offered("last", rows)
    second = BestState("last", 100)
    second.resume(first.row, first.state, first.waited, rows)
    second.offer(nn.Linear(1, 1, bias=False), row(3, loss=0.7))
    assert second.waited == 2


def test_weights_are_copied_and_put_back():
    best, _ = offered("accuracy", [row(7)])
    model = nn.Linear(1, 1, bias=False)
    assert best.restore(model)
    assert torch.equal(model.weight, torch.full((1, 1), 7.0))
    assert not BestState("accuracy", 100).restore(model)
