"""The checker against a naive judge on random and mutated files: never a traceback, never another answer."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.fuzz_submissions import difference, random_file, random_ids, random_rules, run_case, valid_table, written

ROOT = Path(__file__).resolve().parents[3]


def differences(seeds):
    return [told for told, _ in map(run_case, seeds) if told is not None]


def test_three_thousand_mutated_files_are_judged_as_the_naive_judge_does():
    assert differences(range(3_000)) == []


def test_the_mutated_files_are_of_both_kinds():
    acceptable = sum(fine for _, fine in map(run_case, range(500)))
    assert 50 < acceptable < 450


@pytest.mark.slow
def test_a_hundred_thousand_mutated_files_are_judged_as_the_naive_judge_does():
    assert differences(range(10_000, 110_000)) == []


@pytest.mark.slow
def test_what_atheris_makes_of_valid_files_is_judged_as_the_naive_judge_does(tmp_path):
    command = [sys.executable, "-m", "tools.fuzz_submissions", "--atheris", "-runs=30000", "-seed=1"]
    command.append("-rss_limit_mb=0")  # a child's peak begins with that of its parent, the whole test run
    ended = subprocess.run([*command, f"-artifact_prefix={tmp_path}/"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "Done 30" in ended.stderr


@given(st.integers(0, 2**32), st.binary(max_size=300))
def test_arbitrary_bytes_are_judged_as_the_naive_judge_does(seed, data):
    draw = random.Random(seed)
    rules, ids = random_rules(draw), random_ids(draw)
    assert difference(data, rules, ids) is None


@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=5)), max_size=4))
def test_files_with_bytes_overwritten_are_judged_as_the_naive_judge_does(seed, edits):
    draw = random.Random(seed)
    rules, ids = random_rules(draw), random_ids(draw)
    data = bytearray(written(draw, valid_table(draw, rules, ids)))
    for at, new in edits:
        data[at : at + len(new)] = new
    assert difference(bytes(data), rules, ids) is None


def test_a_case_is_reproducible():
    made = []
    for _ in range(2):
        draw = random.Random(11)
        rules, ids = random_rules(draw), random_ids(draw)
        made.append((rules, ids, random_file(draw, rules, ids)))
    assert made[0] == made[1]
