import time

import pytest
import torch
from torch import nn

from baselines.kit.data import Part, load_images
from baselines.kit.device import Placement
from baselines.kit.losses import cross_entropy
from baselines.kit.predict import create_views, evaluate, predict_logits
from competition.errors import UserError

CPU = Placement(torch.device("cpu"))


@pytest.fixture
def data(bundle):
    return load_images(bundle, CPU, seed=1)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 4))


def test_batches_give_what_the_whole_part_gives(data, model):
    images = data.batch(data.test, torch.arange(len(data.test)), CPU)
    assert torch.allclose(predict_logits(model, data, data.test, CPU, 7), model(images), atol=1e-5)


def test_views_are_averaged_as_probabilities(data, model):
    images = data.batch(data.test, torch.arange(len(data.test)), CPU)
    mean = (model(images).softmax(1) + model(images.flip(3)).softmax(1)) / 2
    logits = predict_logits(model, data, data.test, CPU, 16, create_views(["flip"]))
    assert torch.allclose(logits.softmax(1), mean, atol=1e-5)


def test_shifted_views_move_the_picture_by_one_pixel(data):
    images = data.batch(data.test, torch.arange(4), CPU)
    _, one, other = create_views(["shift"])
    assert torch.equal(one(images)[..., 1:, 1:], images[..., :-1, :-1])
    assert torch.equal(other(images)[..., :-1, :-1], images[..., 1:, 1:])


def test_predictions_stop_when_the_time_has_come(data, model):
    assert len(predict_logits(model, data, data.test, CPU, 8, stop_at=time.monotonic() - 1)) == 0

    class Slow(nn.Module):
        def forward(self, images):
            time.sleep(0.05)
            return images.flatten(1)[:, :4]

    done = predict_logits(Slow(), data, data.test, CPU, 4, stop_at=time.monotonic() + 0.12)
    assert 4 <= len(done) < len(data.test)


def test_no_batch_is_begun_that_would_end_after_the_time(bundle):
    data = load_images(bundle, CPU, seed=1)
    many = Part(data.train.images.repeat(5, 1, 1, 1), data.train.labels.repeat(5))

    class Slow(nn.Module):
        def forward(self, images):
            time.sleep(0.004 * len(images))
            return images.flatten(1)[:, :4]

    stop_at = time.monotonic() + 1.0
    done = predict_logits(Slow(), data, many, CPU, 256, stop_at=stop_at)  # 800 images, of which a batch takes a second
    assert time.monotonic() < stop_at + 0.1
    assert 100 < len(done) < 300


def test_evaluation_counts_right_answers_and_sure_contradictions(data):
    part = data.validation

    class Knows(nn.Module):
        """Answers the labels, except that the first six images get another class for certain."""

        def forward(self, images):
            answers = part.labels.clone()
            answers[:6] = (answers[:6] + 1) % 4
            return 12.0 * nn.functional.one_hot(answers, 4).float()

    result = evaluate(Knows(), data, part, CPU, len(part), cross_entropy)
    assert result.accuracy == pytest.approx(1 - 6 / len(part))
    assert result.contradicted == pytest.approx(6 / len(part))
    assert result.loss == pytest.approx(12 * 6 / len(part), rel=1e-3)


def test_an_unknown_view_is_told():
    with pytest.raises(UserError, match="one of flip, shift"):
        create_views(["rotate"])
