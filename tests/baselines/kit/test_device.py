import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from torch import nn

from baselines.kit.device import (
    Placement,
    choose_device,
    choose_precision,
    forget_trials,
    laid_out_for,
    peak_memory,
    precision_candidates,
    use_threads,
)
from baselines.kit.load import CpuReading
from competition.errors import UserError

CPU = Placement(torch.device("cpu"))


def test_the_faster_precision_wins_and_the_reason_has_both_figures():
    pause = {"fp32": 0.02, "bf16": 0.005}
    chosen, speed = choose_precision(
        precision_candidates(CPU, "auto"), lambda candidate: lambda: time.sleep(pause[candidate.precision]), 10
    )
    assert chosen.precision == "bf16"
    assert chosen.channels_last
    assert "bf16" in chosen.precision_reason
    assert "fp32" in chosen.precision_reason
    assert 200 < speed <= 2000


def test_a_slow_machine_is_not_measured_longer_than_allowed():
    steps = []

    def slow_step():
        steps.append(1)
        time.sleep(0.2)

    chosen, _ = choose_precision(precision_candidates(CPU, "auto"), lambda candidate: slow_step, 1, 0.1)
    assert len(steps) == 1
    assert "no time for others" in chosen.precision_reason


def test_a_precision_that_is_asked_for_is_taken():
    for wish in ("fp32", "bf16", "fp16"):
        assert [candidate.precision for candidate in precision_candidates(CPU, wish)] == [wish]


@pytest.mark.parametrize("wish", ["cuda:99", "tpu", "gpu"])
def test_a_device_that_is_not_there_is_told_in_one_line(wish):
    with pytest.raises(UserError, match="--device auto") as told:
        choose_device(wish)
    assert "\n" not in str(told.value)


def test_cores_that_others_use_are_left_to_them(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert use_threads(None)[0] == 4
    threads, reason = use_threads(None, others_busy=2.8)
    assert (threads, "others use 2.8" in reason) == (1, True)
    assert use_threads(None, others_busy=99)[0] == 1
    assert use_threads(3, others_busy=99) == (3, "asked for")


def test_another_process_at_work_is_seen_and_ones_own_is_not():
    before = CpuReading.take()
    worker = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    seen = 0.0
    for _ in range(20):
        time.sleep(0.5)
        seen = max(seen, CpuReading.take().others_since(before))
        if seen > 0.3:
            break
    worker.kill()
    worker.wait()
    assert seen > 0.3


def test_a_moment_is_too_short_to_judge_by():
    reading = CpuReading.take()
    assert CpuReading.take().others_since(reading) == 0.0


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the peak cannot be reset here")
def test_a_run_does_not_inherit_the_peak_of_the_run_before_it():
    forget_trials(CPU)
    block = b"\1" * (200 * 2**20)
    before = peak_memory(CPU)
    assert len(block)
    del block
    forget_trials(CPU)
    assert peak_memory(CPU).of == "run"
    assert peak_memory(CPU).mib < before.mib - 100


def test_where_the_peak_cannot_be_reset_it_is_called_the_processs(monkeypatch, tmp_path):
    monkeypatch.setattr("baselines.kit.device._CLEAR_REFS", tmp_path / "missing" / "clear_refs")
    forget_trials(CPU)
    assert peak_memory(CPU).of == "process"
    assert peak_memory(CPU).mib > 50


def test_only_nets_with_convolutions_take_their_images_channels_last():
    half = replace(CPU, precision="bf16", channels_last=True)
    assert laid_out_for(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten()), half).channels_last
    assert laid_out_for(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), half) == replace(half, channels_last=False)
    assert not laid_out_for(nn.Conv2d(3, 8, 3), CPU).channels_last
