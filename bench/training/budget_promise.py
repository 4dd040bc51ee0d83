"""Run a kernel many times with short budgets while the machine is kept busy; count budgets kept and valid CSVs.

python bench/training/budget_promise.py --data data/fontchar --runs 100 --load 4
"""

import argparse
import csv
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="bundle")
    parser.add_argument("--kernel", default="baselines.fontchar_bottleneck")
    parser.add_argument("--recipe", default="strong", help="- for a kernel without recipes")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--load", type=int, default=2, help="processes that keep a core busy meanwhile")
    parser.add_argument("--longest", type=float, default=20.0, help="budgets are drawn from 5 s up to this")
    options = parser.parse_args()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.load)]
    try:
        kept = sum(_keeps_its_promise(options, number) for number in range(options.runs))
    finally:
        for process in busy:
            process.kill()
    print(f"{kept} of {options.runs} runs ended within their budget with a valid CSV ({options.load} busy processes)")
    sys.exit(kept != options.runs)


def _keeps_its_promise(options: argparse.Namespace, number: int) -> bool:
    budget = random.Random(number).uniform(5, options.longest)
    with (options.data / "test.csv").open(newline="", encoding="utf-8") as file:
        wanted = [row["id"] for row in csv.DictReader(file)]
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", options.kernel, "--data", str(options.data), "--out", out]
        command += ["--budget", f"{budget:.1f}s", "--seed", str(number)]
        command += [] if options.recipe == "-" else ["--recipe", options.recipe]
        start = time.monotonic()
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        wall = time.monotonic() - start
        path = Path(out) / "submission.csv"
        found = path.exists() and [row["id"] for row in csv.DictReader(path.open(newline="", encoding="utf-8"))]
    kept = wall <= budget and found == wanted and done.returncode == 0
    print(
        f"run {number}: budget {budget:.1f} s, took {wall:.1f} s{'' if kept else ', NOT KEPT: ' + done.stderr[-300:]}"
    )
    return kept


if __name__ == "__main__":
    main()
