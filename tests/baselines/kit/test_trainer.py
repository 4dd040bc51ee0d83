"""The training loop by itself: evaluations that are cut, the state that is kept, its speed, and going on later."""

import math
import time
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from baselines.kit.budget import Allowance, Clock, Reserve
from baselines.kit.data import Part, draw_sample, load_images
from baselines.kit.device import Placement
from baselines.kit.recipe import parse_recipe
from baselines.kit.trainer import Trainer
from competition.bundle import open_bundle
from tests.baselines.glyphs import write_bundle
from tests.baselines.runs import FAST, Notes, small_net

CPU = Placement(torch.device("cpu"))


@dataclass(slots=True)
class Hurried(Allowance):
    """Leaves every evaluation a moment, and none at all to those after the first few."""

    moment: float = 60.0
    evaluations: int = 1000

    def evaluation_end(self) -> float:
        self.evaluations -= 1
        return time.monotonic() + self.moment if self.evaluations >= 0 else 0.0


class Paced(nn.Module):
    """A net that sleeps before it answers, while training, while it is evaluated, or both."""

    def __init__(self, net, training=0.0, evaluated=0.0):
        super().__init__()
        self.net, self.seconds = net, {True: training, False: evaluated}
        self.slept = {True: 0.0, False: 0.0}

    def forward(self, images):
        time.sleep(self.seconds[self.training])
        self.slept[self.training] += self.seconds[self.training]
        return self.net(images)


@pytest.fixture
def data(bundle):
    return load_images(bundle, CPU, seed=1)


def make_trainer(data, steps=40, reporter=None, allowance=None, model=None, **changes):
    recipe = parse_recipe({**FAST, "epochs": 4, **changes}, "test")
    torch.manual_seed(1)
    clock = Clock.starting_now(120)
    allowance = allowance or Hurried(clock, Reserve(), steps, clock.start)
    return Trainer(model or small_net(None, data.shape), data, recipe, CPU, allowance, reporter or Notes(), 1)


def hurried(steps=40, **changes):
    clock = Clock.starting_now(120)
    return Hurried(clock, Reserve(), steps, clock.start, **changes)


def test_an_evaluation_that_is_cut_says_so_and_copies_no_figures(tmp_path):
    data = load_images(open_bundle(write_bundle(tmp_path, px=8, train=20, validation=100)), CPU, seed=1)
    notes, model = Notes(), Paced(small_net(None, data.shape), evaluated=1.0)
    trainer = make_trainer(
        data, 5, notes, hurried(5, moment=0.9), model, epochs=1, evaluations=1
    )  # the first batch, a small one, takes longer than the moment
    (row,) = trainer.fit().rows
    assert row.validation_images == 32
    assert row.sample_images == 0
    assert not row.has_sample
    assert math.isnan(row.sample_loss)
    assert any("32 of 400 validation images, none of the training sample" in text for text in notes.texts)


def test_a_whole_evaluation_counts_all_images(data):
    notes = Notes()
    rows = make_trainer(data, reporter=notes).fit().rows
    assert {(row.validation_images, row.sample_images) for row in rows} == {(len(data.validation), len(data.train))}
    assert not any("time ran out" in text for text in notes.texts)


def weights_of(model):
    return torch.cat([value.flatten().float() for value in model.state_dict().values()])


def test_the_last_state_is_kept_also_where_no_time_was_left_to_evaluate_it(data):
    notes = Notes()
    trainer = make_trainer(data, reporter=notes, allowance=hurried(evaluations=2), keep="last")
    fit = trainer.fit()
    assert fit.best.step < fit.steps
    before = weights_of(trainer.model)
    assert trainer.best.restore(trainer.model)
    assert torch.equal(weights_of(trainer.model), before)
    assert any("was not evaluated" in text for text in notes.texts)


def test_patience_ends_a_run_whose_last_state_is_kept(data):
    trainer = make_trainer(data, 5000, epochs=500, patience=2, keep="last", schedule={"name": "constant"})
    fit = trainer.fit()
    assert "early stopping" in fit.ending
    assert fit.best == fit.rows[-1]
    assert not fit.extent.was_cut


def test_the_speed_is_the_mean_over_the_time_spent_on_steps(data):
    class SlowLater(Paced):
        """Sleeps from its first evaluation on."""

        def forward(self, images):
            if self.training and not self.slept[False]:
                return self.net(images)
            return super().forward(images)

    model = SlowLater(small_net(None, data.shape), training=0.02, evaluated=0.05)
    fit = make_trainer(data, model=model).fit()
    seconds_of_steps = fit.steps * FAST["batch"] / fit.images_per_second
    assert model.slept[True] > 0.3
    assert model.slept[True] <= seconds_of_steps <= fit.seconds - model.slept[False]
    slowest_epoch = min(row.images_per_second for row in fit.rows)
    assert slowest_epoch <= fit.images_per_second <= max(row.images_per_second for row in fit.rows)


def test_the_speed_of_an_epoch_leaves_its_evaluation_out(data):
    paced = Paced(small_net(None, data.shape), evaluated=2.0)
    row, *_ = make_trainer(data, model=paced, steps=10, epochs=1, evaluations=1).fit().rows
    assert row.images_per_second > row.step * FAST["batch"] / paced.slept[False]


def test_a_divergence_is_told_the_same_way_everywhere(data):
    class Broken(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, images):
            return self.net(images) * (float("nan") if self.training else 1.0)

    fit = make_trainer(data, model=Broken(small_net(None, data.shape))).fit()
    assert fit.diverged
    assert fit.divergence.illness == "no number from the start"
    assert fit.ending == f"{fit.divergence.evidence}: {fit.divergence.illness}"


def test_a_resumed_run_counts_its_seconds_on(data, tmp_path):
    now = time.monotonic()
    first = make_trainer(data, allowance=Hurried(Clock(now - 1000, now + 100), Reserve(), 20, now))
    first.fit()
    torch.save(first.state(), tmp_path / "resume.pt")
    second = make_trainer(data)
    second.resume(tmp_path / "resume.pt")
    seconds = [row.seconds for row in second.fit().rows]
    assert len(seconds) > len(first.rows)
    assert seconds == sorted(seconds)


def test_training_figures_are_of_images_by_chance_where_the_source_lists_them_by_class(data):
    order = data.train.labels.argsort()
    listed = replace(data, train=Part(data.train.images[order], data.train.labels[order]))
    sample = draw_sample(listed.train, 40, seed=3)
    assert len(sample) == 40
    assert set(sample.labels.tolist()) == set(data.train.labels.tolist())
    assert torch.equal(sample.images, draw_sample(listed.train, 40, seed=3).images)
