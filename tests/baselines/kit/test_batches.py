"""The batches of a run: the same for the same seed and step, whatever was drawn before."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.kit.batches import Batches
from baselines.kit.data import ImageData, load_images
from baselines.kit.device import Placement
from baselines.kit.recipe import parse_recipe
from competition.errors import UserError
from tests.baselines.runs import FAST

CPU = Placement(torch.device("cpu"))
EVERYTHING = {"augment": {"rotate": 5, "crop": 1, "noise": 0.1}, "alternating_flip": True, "mixup": 0.4, "cutmix": 1.0}


@pytest.fixture
def data(bundle):
    return load_images(bundle, CPU, seed=1)


def batches_of(data, placement=CPU, **changes):
    return Batches(data, parse_recipe({**FAST, **changes}, "test"), placement, 7)


def test_a_step_gives_the_same_batch_whatever_came_before(data):
    one, other = batches_of(data, **EVERYTHING), batches_of(data, **EVERYTHING)
    np.random.seed(1)
    for step in range(12):
        one.make(step, one.rows(step))
    np.random.seed(2)
    for first, second in zip(one.make(12, one.rows(12)), other.make(12, other.rows(12)), strict=True):
        assert torch.equal(first, second)


def test_an_odd_batch_is_smoothed_though_it_cannot_be_mixed(data):
    batches = batches_of(data, mixup=0.4, label_smoothing=0.2)
    _, target = batches.make(0, torch.arange(3))
    labels = data.train.labels[:3]
    assert target.gather(1, labels.view(-1, 1)).flatten().tolist() == pytest.approx([0.85] * 3)
    assert target.sum(1).tolist() == pytest.approx([1.0] * 3)


def test_images_come_in_the_memory_format_of_the_placement(data):
    batches = batches_of(data, replace(CPU, channels_last=True), augment={"crop": 1, "rotate": 3})
    images, _ = batches.make(0, batches.rows(0))
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_a_share_of_a_batch_is_made_and_all_of_it_counted(data):
    batches = batches_of(data)
    whole = batches.of_step(3)
    batches.share = lambda rows: rows[1::2]
    share = batches.of_step(3)
    assert torch.equal(share.images, whole.images[1::2])
    assert torch.equal(share.target, whole.target[1::2])
    assert share.count == whole.count == len(whole.images) == FAST["batch"]


def test_memory_that_runs_out_is_told_with_what_to_do(data, monkeypatch):
    def too_much(*_):
        raise MemoryError

    monkeypatch.setattr(ImageData, "batch", too_much)
    with pytest.raises(UserError, match=r"a batch of 16 images is made: use a smaller one \(--set batch="):
        batches_of(data).of_step(0)
