"""The batch-size finder: it stops for the right reason, and real want of memory is one."""

import argparse
import json
import subprocess
import sys

import pytest

from baselines.tune.batch_size import Speed, _chosen, _stopped_growing, parse_bytes
from competition.errors import UserError
from tests.baselines.glyphs import ROOT, kernel_process
from tests.baselines.tune.small import options


def speeds(*figures):
    return [Speed(8 * 2**place, figure) for place, figure in enumerate(figures)]


def test_two_doublings_without_gain_end_the_search_and_one_does_not():
    assert not _stopped_growing(speeds(100, 101))
    assert not _stopped_growing(speeds(100, 101, 150))
    assert not _stopped_growing(speeds(100, 150, 151))
    assert _stopped_growing(speeds(100, 101, 99))
    assert _stopped_growing(speeds(50, 100, 101, 99))


def test_the_smallest_batch_that_is_nearly_as_fast_is_taken():
    assert _chosen(speeds(50, 98, 100, 99), "because").batch == 16
    assert _chosen(speeds(50, 90, 100, 99), "because").batch == 32
    with pytest.raises(UserError, match="smaller model"):
        _chosen([], "memory ended at 8 images")


@pytest.mark.parametrize(("text", "size"), [("800m", 800 * 2**20), ("1.5g", 3 * 2**29), ("12GiB", 3 * 2**32), ("7", 7)])
def test_sizes_are_read(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "0g", "-1g", "many", "1t"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        parse_bytes(text)


def find(glyphs, out, *more):
    done = kernel_process(
        "baselines.tune.batch_size", *options("--data", str(glyphs), "--out", str(out), "--budget", "60s", *more)
    )
    record = out / "batch_size.json"
    return done, json.loads(record.read_text()) if record.exists() else {}


@pytest.mark.slow
def test_the_finder_ends_with_the_images_where_memory_suffices(glyphs, tmp_path):
    done, record = find(glyphs, tmp_path)
    assert done.returncode == 0, done.stderr
    assert record["batch"] in [speed["batch"] for speed in record["speeds"]]
    assert all(speed["batch"] <= 160 for speed in record["speeds"])
    assert "an epoch has 160 images" in record["reason"] or "stopped growing" in record["reason"]


LIMITED = """
import sys, psutil
from pathlib import Path
from baselines.kit.budget import Clock
from baselines.tune.batch_size import find_batch_size
from baselines.tune.kernels import find_kernel
from baselines.tune.prepared import prepare
from competition.bundle import open_bundle
from tests.baselines.tune.small import KERNEL, recipe

wide = recipe("image_px=48", "model.widths=[32,32]", "deterministic=false")
clock = Clock.starting_now(60)
prepared = prepare(find_kernel(KERNEL), wide, open_bundle(Path(sys.argv[1])), clock, 1, "cpu", 1)
memory = psutil.Process().memory_info().rss + 100 * 2**20
found = find_batch_size(prepared, 16, clock, memory)
print(max(speed.batch for speed in found.speeds), found.reason)
next(prepared.batches(128)), bytearray(2**30)  # the limit is gone
"""


def test_a_real_limit_of_memory_ends_the_search_and_is_lifted_afterwards(glyphs):
    command = [sys.executable, "-c", LIMITED, str(glyphs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    largest, _, reason = done.stdout.partition(" ")
    assert int(largest) in (16, 32, 64)
    assert "memory ended at" in reason


def test_too_little_memory_for_anything_is_told_in_one_line(glyphs, tmp_path):
    done, _ = find(glyphs, tmp_path, "--memory", "10m")
    assert done.returncode == 2
    assert "less than what the imports" in done.stderr
    assert "Traceback" not in done.stderr
