import time

import pytest
import torch
from torch import nn

from baselines.kit.augment import flip_alternating
from baselines.kit.data import load_images
from baselines.kit.device import Placement
from baselines.kit.features import FeatureData, LooksAtImages, Probe, cache_features
from baselines.kit.predict import predict_logits
from competition.errors import UserError
from tests.baselines.runs import Notes, run

CPU = Placement(torch.device("cpu"))


def small_body(channels: int = 1) -> nn.Module:
    torch.manual_seed(1)
    conv = nn.Conv2d(channels, 6, 3, padding=1)
    return nn.Sequential(conv, nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten())


def probe(recipe, shape) -> Probe:
    features = 6 * 16
    head = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(features, affine=False), nn.Linear(features, shape.classes))
    return Probe(small_body(shape.channels), head)


def test_cached_features_give_the_logits_of_the_whole_net(bundle):
    data = load_images(bundle, CPU, 3)
    model = probe(None, data.shape).eval()
    cached = cache_features(model, data, CPU, 60, 3, lambda text: None)
    assert isinstance(cached, FeatureData)
    whole = predict_logits(model, data, data.test, CPU, 64)
    torch.testing.assert_close(predict_logits(model.head, cached, cached.test, CPU, 64), whole)
    assert (len(cached.train), len(cached.validation)) == (len(data.train), len(data.validation))
    assert sorted(cached.train.labels.tolist()) == sorted(data.train.labels.tolist())


def test_features_keep_their_own_labels(bundle):
    data = load_images(bundle, CPU, 3)
    cached = cache_features(probe(None, data.shape), data, CPU, 60, 3, lambda text: None)
    body = small_body().eval()
    with torch.no_grad():
        every = body(data.batch(data.train, torch.arange(len(data.train)), CPU))
    rows = cached.train.images.flatten(1)
    nearest = torch.cdist(rows, every).argmin(1)
    assert torch.equal(cached.train.labels, data.train.labels[nearest])


def test_where_time_is_short_a_part_is_taken_and_said(bundle):
    data, notes = load_images(bundle, CPU, 3), Notes()

    class Slow(nn.Module):
        def forward(self, images):
            time.sleep(0.004 * len(images))
            return images.flatten(1)

    model = Probe(Slow(), nn.Linear(256, 4))
    cached = cache_features(model, data, CPU, 1.2, 3, notes.note)
    assert 2 <= len(cached.train) < len(data.train)
    assert "a part of 160" in notes.texts[0]


def test_a_run_on_cached_features_learns_and_keeps_the_whole_net(bundle, tmp_path):
    outcome = run(bundle, tmp_path, build=probe, cache_features=True, epochs=30, batch=32)
    assert outcome.fit.best.validation_accuracy > 0.6
    assert isinstance(outcome.model, Probe)
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    outcome.model.load_state_dict(state)
    data = load_images(bundle, CPU, 3)
    logits = predict_logits(outcome.model, data, data.validation, CPU, 64)
    accuracy = (logits.argmax(1) == data.validation.labels).float().mean()
    assert float(accuracy) == pytest.approx(outcome.fit.best.validation_accuracy)


def test_features_are_neither_augmented_nor_predicted_from_several_views(bundle, tmp_path):
    changed = {"augment": {"contrast": 0.9, "noise": 5.0}, "alternating_flip": True, "tta": ["flip", "shift"]}
    plain = run(bundle, tmp_path / "plain", build=probe, cache_features=True, epochs=2)
    other = run(bundle, tmp_path / "other", build=probe, cache_features=True, epochs=2, **changed)
    assert torch.equal(plain.model.head[-1].weight, other.model.head[-1].weight)
    files = [(tmp_path / name / "submission.csv").read_bytes() for name in ("plain", "other")]
    assert files[0] == files[1]


def test_the_body_of_a_probe_stays_as_it_is(bundle, tmp_path):
    before = small_body().state_dict()
    outcome = run(bundle, tmp_path, build=probe, epochs=2)
    for name, value in outcome.model.body.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_net_that_is_not_frozen_is_told(bundle, tmp_path):
    with pytest.raises(UserError, match="frozen body"):
        run(bundle, tmp_path, cache_features=True)


def test_a_model_that_asks_for_it_is_shown_normalised_training_images_once(bundle, tmp_path):
    seen = []

    class Looking(nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.layer = nn.Linear(shape.height * shape.width, shape.classes)

        def look_at(self, images):
            seen.append(images)

        def forward(self, images):
            return self.layer(images.flatten(1))

    run(bundle, tmp_path, build=lambda recipe, shape: Looking(shape), epochs=1)
    assert isinstance(Looking(load_images(bundle, CPU, 3).shape), LooksAtImages)
    assert len(seen) == 1
    assert seen[0].shape == (160, 1, 16, 16)
    assert abs(float(seen[0].mean())) < 1e-3
    assert float(seen[0].std()) == pytest.approx(1, abs=1e-2)


def test_alternating_flips_show_every_image_both_ways_in_two_epochs():
    images = torch.randn(9, 2, 3, 4)
    sides = torch.rand(9) < 0.5
    first, second, third = (flip_alternating(images, sides, epoch) for epoch in range(3))
    assert torch.equal(first, second.flip(3))
    assert torch.equal(first, third)
    assert torch.equal(first[sides], images[sides].flip(3))
    assert torch.equal(first[~sides], images[~sides])


def test_a_run_with_alternating_flips_mirrors_each_image_in_every_other_epoch(bundle, tmp_path):
    shown: dict[int, list[torch.Tensor]] = {}

    class Watching(nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.layer = nn.Linear(shape.height * shape.width, shape.classes)

        def forward(self, images):
            if self.training:
                for image in images:
                    key = round(float(image.sum()), 2)  # a mirrored image has the same sum
                    shown.setdefault(key, []).append(image)
            return self.layer(images.flatten(1))

    run(bundle, tmp_path, build=lambda recipe, shape: Watching(shape), epochs=2, alternating_flip=True)
    pairs = [views for views in shown.values() if len(views) == 2]
    assert len(pairs) > 100
    assert all(torch.allclose(a, b.flip(2), atol=1e-5) for a, b in pairs)
