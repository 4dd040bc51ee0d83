"""Freed memory stays with a training and goes back to the system after it."""

import platform
from pathlib import Path

import numpy as np
import pytest

from baselines.kit.allocator import freed_memory_kept

LARGE = 64 * 2**20  # bytes: more than glibc ever keeps by itself

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no glibc: its allocator is what is set")


def resident_bytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def fill_and_free(count=1):
    blocks = [np.ones(LARGE, np.uint8) for _ in range(count)]
    assert all(block[-1] for block in blocks)


def test_what_is_freed_inside_stays_and_goes_at_the_end():
    before = resident_bytes()
    with freed_memory_kept():
        fill_and_free(3)
        kept = resident_bytes()
        fill_and_free(3)
        assert resident_bytes() - kept < LARGE / 4  # the second time nothing more was needed
    after = resident_bytes()
    assert kept - before > 2.5 * LARGE
    assert after - before < LARGE / 2


def test_an_error_inside_gives_it_back_too():
    before = resident_bytes()
    with pytest.raises(KeyError), freed_memory_kept():
        fill_and_free()
        raise KeyError
    fill_and_free()
    assert resident_bytes() - before < LARGE / 2
