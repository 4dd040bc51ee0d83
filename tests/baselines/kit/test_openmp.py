"""Idle threads of OpenMP are told to sleep early, in time and only where nothing else was asked for."""

import sys

import pytest

from baselines.kit.openmp import idle_threads_sleep, let_idle_threads_sleep


@pytest.fixture(autouse=True)
def no_wishes(monkeypatch):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that what a test leaves behind is undone
        monkeypatch.delenv(name)


@pytest.fixture
def before_torch(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")


def test_before_torch_is_loaded_they_are_told_to(before_torch):
    assert not idle_threads_sleep()
    let_idle_threads_sleep()
    assert idle_threads_sleep()


def test_afterwards_it_would_be_in_vain(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", sys)
    let_idle_threads_sleep()
    assert not idle_threads_sleep()


@pytest.mark.parametrize(
    ("name", "value", "sleep"),
    [
        ("GOMP_SPINCOUNT", "0", True),
        ("GOMP_SPINCOUNT", "300000", False),
        ("GOMP_SPINCOUNT", "30m", False),
        ("GOMP_SPINCOUNT", "infinite", False),
        ("OMP_WAIT_POLICY", "PASSIVE", True),
        ("OMP_WAIT_POLICY", "active", False),
    ],
)
def test_a_wish_of_the_environment_stands(before_torch, monkeypatch, name, value, sleep):
    monkeypatch.setenv(name, value)
    let_idle_threads_sleep()
    assert idle_threads_sleep() is sleep


def test_a_count_of_looks_outweighs_the_policy(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("GOMP_SPINCOUNT", "300000")
    assert not idle_threads_sleep()
