"""Accuracy within a budget: runs a kernel with three seeds and prints a table with machine, budget and medians.

    python bench/training/accuracy_in_budget.py --data data/fontchar --budgets 45s 10m --recipes strong reference

Run it on a quiet machine: it refuses to begin while other processes use more than a tenth of a core.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from baselines.kit.budget import parse_duration
from baselines.kit.load import CpuReading
from baselines.kit.machine import processor

_ROOT = Path(__file__).resolve().parents[2]
_QUIET_CORES = 0.1


def main() -> None:
    options = _options()
    _wait_until_quiet(options.busy)
    print(describe_machine())
    print("| kernel | recipe | budget | validation, median (all seeds) | test | wall | epochs | images/s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for budget in options.budgets:
        for recipe in options.recipes:
            records = [_run(options, recipe, budget, seed) for seed in options.seeds]
            print(_row(options.kernel, recipe, budget, records), flush=True)


def describe_machine() -> str:
    """Processor, cores and versions, for the head of a table."""
    import torch

    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    return f"{processor()}, {os.cpu_count()} cores, {versions}, {time.strftime('%Y-%m-%d')}"


def _wait_until_quiet(accept_busy: bool) -> None:
    before = CpuReading.take()
    time.sleep(3)
    others = CpuReading.take().others_since(before)
    if others > _QUIET_CORES and not accept_busy:
        sys.exit(f"other processes use {others:.1f} cores: timings would not be true (--busy measures all the same)")


def _run(options: argparse.Namespace, recipe: str, budget: str, seed: int) -> dict[str, Any]:
    out = options.out / f"{recipe}-{budget}-{seed}"
    command = [sys.executable, "-m", options.kernel, "--data", str(options.data), "--out", str(out)]
    command += ["--budget", budget, "--seed", str(seed)]
    command += ["--recipe", recipe] if recipe != "-" else []
    command += options.more
    start = time.monotonic()
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    wall = time.monotonic() - start
    if done.returncode or wall > parse_duration(budget):
        sys.exit(f"{' '.join(command)}: exit code {done.returncode} after {wall:.1f} s\n{done.stderr[-2000:]}")
    record: dict[str, Any] = json.loads((out / "run.json").read_text())
    return record | {"wall": wall, "test_accuracy": _test_accuracy(options.solution, out)}


def _test_accuracy(solution: Path | None, out: Path) -> float | None:
    """Accuracy on the hidden labels, where the one who measures has them."""
    if solution is None:
        return None
    import pandas

    truth = pandas.read_csv(solution, dtype=str, keep_default_na=False)
    answers = pandas.read_csv(out / "submission.csv", dtype=str, keep_default_na=False)
    both = truth.merge(answers, on="id", validate="one_to_one", suffixes=("_true", ""))
    return float((both["label"] == both["label_true"]).mean())


def _row(kernel: str, recipe: str, budget: str, records: list[dict[str, Any]]) -> str:
    def median(key: str) -> float:
        return statistics.median(record.get(key) or 0.0 for record in records)

    seeds = ", ".join(f"{100 * record['validation_accuracy']:.2f}" for record in records)
    test = f"{100 * median('test_accuracy'):.2f} %" if records[0]["test_accuracy"] is not None else ""
    figures = f"**{100 * median('validation_accuracy'):.2f} %** ({seeds}) | {test} | {median('wall'):.1f} s"
    speed = f"{median('epochs'):.1f} | {median('images_per_second'):,.0f}"
    return f"| {kernel.split('.')[-1]} | {recipe} | {budget} | {figures} | {speed} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="bundle")
    parser.add_argument("--solution", type=Path, help="id,label CSV of the test part, to measure test accuracy too")
    parser.add_argument("--kernel", default="baselines.fontchar_bottleneck")
    parser.add_argument("--recipes", nargs="+", default=["strong"], help="recipe names; - for a kernel without recipes")
    parser.add_argument("--budgets", nargs="+", default=["45s"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44])
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    parser.add_argument("--busy", action="store_true", help="measure although the machine is not quiet")
    parser.add_argument("more", nargs="*", help="further options of the kernel, after --")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    main()
