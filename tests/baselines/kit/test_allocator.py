"""Freed memory stays with a training and goes back to the system after it."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from baselines.kit import allocator

ROOT = Path(__file__).resolve().parents[3]
LARGE = 64 * 2**20  # bytes: more than glibc ever keeps by itself

# In a process of its own: holes that others left in the heap would be filled first.
PROBE = f"""
import contextlib, json
from pathlib import Path
import numpy as np
from baselines.kit.allocator import freed_memory_kept

def resident():
    return next(1024 * int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines()
                if line.startswith("VmRSS"))

def fill_and_free():
    blocks = [np.ones({LARGE}, np.uint8) for _ in range(3)]
    del blocks
    return resident()

before = resident()
with contextlib.suppress(KeyError), freed_memory_kept():
    inside = [fill_and_free(), fill_and_free()]
    raise KeyError
print(json.dumps({{"before": before, "inside": inside, "after": resident(), "later": fill_and_free()}}))
"""


@pytest.fixture(scope="module")
def resident():
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("no glibc: its allocator is what is set")
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_freed_inside_stays_and_serves_again(resident):
    first, second = resident["inside"]
    assert first - resident["before"] > 2.5 * LARGE
    assert abs(second - first) < LARGE / 4


def test_it_goes_back_at_the_end_also_after_an_error(resident):
    assert resident["after"] - resident["before"] < LARGE / 2


def test_what_is_freed_later_goes_back_at_once(resident):
    assert resident["later"] - resident["before"] < LARGE / 2


def test_where_there_is_no_glibc_nothing_changes(monkeypatch):
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: object())
    with allocator.freed_memory_kept():
        pass
