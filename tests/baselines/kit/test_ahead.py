"""Batches made a step ahead: the same ones, in time, and only where that pays."""

import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
import torch
from torch import nn

from baselines.kit import trainer
from baselines.kit.ahead import ahead_pays, made_ahead
from baselines.kit.budget import Allowance, Clock, Reserve
from baselines.kit.data import ImageShape, load_images
from baselines.kit.device import Placement
from baselines.kit.recipe import parse_recipe
from competition.errors import UserError
from tests.baselines.glyphs import ROOT
from tests.baselines.runs import FAST, Notes, small_net

CPU = Placement(torch.device("cpu"))
PLAIN = parse_recipe(FAST, "test")
SMALL = ImageShape(3, 32, 32, 10)
SECONDS = 60  # that a thread is waited for at most


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "0")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_every_step_gets_its_own_whatever_order_they_are_asked_for_in():
    with made_ahead(lambda step: step * step, pays=True) as take:
        assert [take(step) for step in (0, 1, 2, 7, 8, 3, 3)] == [0, 1, 4, 49, 64, 9, 9]


def test_the_next_one_is_made_while_the_caller_works():
    made = {step: threading.Event() for step in range(4)}

    def make(step):
        made[step].set()
        return step

    with made_ahead(make, pays=True) as take:
        take(0)
        assert made[1].wait(SECONDS)
        assert not made[2].is_set()
        take(1)
        assert made[2].wait(SECONDS)


def test_what_goes_wrong_is_raised_where_its_batch_is_asked_for():
    def make(step):
        if step == 2:
            raise UserError("out of memory")
        return step

    with made_ahead(make, pays=True) as take:
        assert (take(0), take(1)) == (0, 1)
        with pytest.raises(UserError, match="out of memory"):
            take(2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each thread a niceness of its own")
def test_its_thread_computes_alone_and_lets_the_callers_go_first(two_threads):
    before = os.nice(0)
    with made_ahead(lambda step: (torch.get_num_threads(), os.nice(0)), pays=True) as take:
        assert take(0) == (1, min(19, before + 5))
        assert (torch.get_num_threads(), os.nice(0)) == (2, before)


def test_its_thread_ends_with_the_training():
    with made_ahead(lambda step: threading.current_thread(), pays=True) as take:
        thread = take(0)
        assert thread is not threading.current_thread()
    thread.join(SECONDS)
    assert not thread.is_alive()


def test_where_it_does_not_pay_the_caller_makes_each_batch_in_its_turn():
    with made_ahead(lambda step: threading.current_thread(), pays=False) as take:
        assert take(0) is threading.current_thread()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each thread a niceness of its own")
def test_it_pays_for_small_batches_on_several_cores_whose_idle_threads_sleep(two_threads, monkeypatch):
    assert ahead_pays(PLAIN, SMALL, CPU)
    assert not ahead_pays(PLAIN, ImageShape(3, 512, 512, 10), CPU)
    assert not ahead_pays(PLAIN, SMALL, replace(CPU, device=torch.device("cuda")))
    one_by_one = parse_recipe({**FAST, "torchvision": ["RandomHorizontalFlip"]}, "test")
    assert not ahead_pays(one_by_one, SMALL, CPU)
    monkeypatch.setenv("GOMP_SPINCOUNT", "300000")
    assert not ahead_pays(PLAIN, SMALL, CPU)
    monkeypatch.setenv("GOMP_SPINCOUNT", "0")
    torch.set_num_threads(1)
    assert not ahead_pays(PLAIN, SMALL, CPU)


def test_a_training_is_bit_for_bit_the_one_that_makes_each_batch_in_its_turn(bundle, two_threads, monkeypatch):
    data = load_images(bundle, CPU, seed=1)
    changes = {"augment": {"rotate": 5, "flip": 0.5, "noise": 0.1}, "mixup": 0.4, "label_smoothing": 0.1}
    recipe = parse_recipe({**FAST, "epochs": 3, **changes}, "test")

    def losses(pays):
        monkeypatch.setattr(trainer, "ahead_pays", lambda *_: pays)
        torch.manual_seed(1)
        clock = Clock.starting_now(120)
        net = nn.Sequential(nn.Dropout(0.2), small_net(None, data.shape))
        allowance = Allowance(clock, Reserve(), 15, clock.start)
        return trainer.Trainer(net, data, recipe, CPU, allowance, Notes(), 1).fit().losses

    assert len(losses(pays=True)) == 15
    assert losses(pays=True) == losses(pays=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each thread a niceness of its own")
def test_a_run_of_several_threads_makes_its_batches_ahead(glyphs, tmp_path):
    """From a process of its own: how idle threads wait is settled when torch is loaded."""
    settings = ["ladder=[]", "image_px=16", "model.widths=[8]", "model.pool_after=[1]", "epochs=1"]
    script = f"""
import threading
from baselines.fontchar_bottleneck.__main__ import KERNEL
from baselines.kit.notebook import train_here

started, start = [], threading.Thread.start
def noted(thread):
    started.append(thread.name)
    start(thread)
threading.Thread.start = noted
for threads in (1, 2):
    train_here(KERNEL, {str(glyphs)!r}, {str(tmp_path)!r}, "strong", {settings}, "60s", device="cpu", threads=threads)
    print("ahead:", any(name.startswith("batches") for name in started))
"""
    asked = {name: value for name, value in os.environ.items() if not name.startswith(("GOMP_", "OMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=asked, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("ahead:")] == ["ahead: False", "ahead: True"]
