import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from baselines.kit.schedules import SHAPES, create_schedule
from competition.errors import UserError

STEPS_AN_EPOCH = 10


def torch_rates(scheduler_of, epochs):
    """The rate of every step under one of torch's own schedulers, moved once an epoch."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = scheduler_of(optimizer)
    rates = []
    for _ in range(epochs):
        rates += [optimizer.param_groups[0]["lr"]] * STEPS_AN_EPOCH
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("wish", "scheduler_of"),
    [
        ({"name": "step", "step_size": 3, "gamma": 0.5}, lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5)),
        ({"name": "exponential", "gamma": 0.8}, lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.8)),
    ],
)
@pytest.mark.parametrize("epochs", [1, 3, 6, 7, 10])
def test_epoch_schedules_give_the_rates_of_torchs_own(wish, scheduler_of, epochs):
    schedule = create_schedule(wish, epochs)
    total = epochs * STEPS_AN_EPOCH
    ours = [schedule.factor(step / total) for step in range(total)]
    assert ours == pytest.approx(torch_rates(scheduler_of, epochs))


def test_cosine_gives_the_rates_of_torchs_own():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)
    schedule = create_schedule({"name": "cosine"}, 5)
    for step in range(50):
        assert schedule.factor(step / 50) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        scheduler.step()


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=40))
def test_plateau_falls_when_torchs_own_does(losses):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    own = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, threshold=0.0, eps=0.0)
    schedule = create_schedule({"name": "plateau", "factor": 0.5, "patience": 2}, 10)
    for loss in losses:
        own.step(loss)
        schedule.observe(loss)
        assert schedule.factor(0.5) == pytest.approx(optimizer.param_groups[0]["lr"])


@given(st.sampled_from(sorted(SHAPES)), st.floats(0, 1), st.floats(0, 0.9))
def test_every_factor_lies_between_zero_and_one(name, progress, warmup):
    assert 0.0 <= create_schedule({"name": name, "warmup": warmup}, 7).factor(progress) <= 1.0


@pytest.mark.parametrize("name", ["linear", "cosine", "onecycle"])
def test_runs_end_annealed_to_zero(name):
    assert create_schedule({"name": name}, 7).factor(1.0) == pytest.approx(0.0, abs=1e-12)


def test_a_shortened_run_still_passes_every_step_of_its_schedule():
    """Half of the time for seven epochs: progress is driven by time, the rate halves twice all the same."""
    schedule = create_schedule({"name": "step", "step_size": 3, "gamma": 0.5}, 7)
    assert [schedule.factor(p) for p in (0.0, 0.42, 0.43, 0.85, 0.86, 1.0)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_warm_up_rises_from_nearly_zero():
    schedule = create_schedule({"name": "constant", "warmup": 0.2}, 5)
    rates = [schedule.factor(p) for p in (0.0, 0.1, 0.2)]
    assert rates == [pytest.approx(1e-3), pytest.approx(0.5), 1.0]
    assert math.isclose(schedule.factor(1.0), 1.0)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"name": "cosin"}, "did you mean cosine"),
        ({"name": "step", "gama": 1}, "gama"),
        ({"name": "plateau", "foo": 1}, "foo"),
        ({"name": "linear", "warmup": 1.5}, "warmup"),
    ],
)
def test_a_wrong_schedule_is_told_in_one_line(wish, told):
    with pytest.raises(UserError, match=told):
        create_schedule(wish, 5)


def test_the_momentum_of_one_cycle_goes_as_torchs_own_does():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=400, base_momentum=0.85, max_momentum=0.95
    )
    schedule = create_schedule({"name": "onecycle", "momentum": [0.85, 0.95]}, 4)
    for step in range(399):
        # torch starts from the highest momentum, not from that of the first rate: 0.004 apart at most.
        assert schedule.momentum(step / 400) == pytest.approx(optimizer.param_groups[0]["momentum"], abs=0.006)
        optimizer.step()
        scheduler.step()


def test_without_the_wish_the_momentum_is_left_alone():
    assert create_schedule({"name": "onecycle"}, 4).momentum(0.5) is None


@pytest.mark.parametrize("wish", [0.9, [0.9], [0.85, 1.0], ["a", "b"], [-0.1, 0.9]])
def test_a_momentum_that_is_none_is_told(wish):
    with pytest.raises(UserError, match="give two numbers"):
        create_schedule({"name": "onecycle", "momentum": wish}, 4)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"name": "plateau", "factor": "x"}, "factor = 'x' is no number"),
        ({"name": "onecycle", "peak_at": 1}, "by zero"),
        ({"name": "linear", "end": -3}, "leaves the numbers from 0 up"),
        ({"name": "exponential", "gamma": True}, "gamma = True is no number"),
    ],
)
def test_values_that_make_no_schedule_are_told_before_training(wish, told):
    with pytest.raises(UserError, match=told):
        create_schedule(wish, 10)
