"""Checking and aligning against polars reading the same two files: whole processes, alternating, medians.

    python -m bench.scoring.check --rows 1000000 --runs 7
    python -m bench.scoring.check --rows 10000000 --runs 1      # for the peak of memory

Prints a line of JSON: seconds on the wall and of the processor, the ratio of the medians, and the peak of memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.scoring.submissions import CLASSES, make_pair, make_probabilities

CHECK = f"""
import sys
from pathlib import Path
from competition.rules import MetricRule, Rules
from grader.submission.check import check_submission
from grader.submission.solution import read_solution
rules = Rules(competition="bench", title="Bench", task="classification", form=sys.argv[3], max_bytes=1 << 40,
              metric=MetricRule("accuracy"), labels=tuple(map(str, range({CLASSES}))))
solution = read_solution(Path(sys.argv[1]).read_bytes(), rules)
checked = check_submission(Path(sys.argv[2]), rules, solution.index)
assert not checked.problems, checked.problems
"""

POLARS = """
import sys
import polars
polars.read_csv(sys.argv[1])
polars.read_csv(sys.argv[2])
"""

WARM = """
import sys, time
from pathlib import Path
from statistics import median
exec(sys.stdin.read())
seconds = []
for _ in range(51):
    begun = time.perf_counter()
    check_submission(Path(sys.argv[2]), rules, solution.index)
    seconds.append(time.perf_counter() - begun)
print(median(seconds))
"""


def measure(program: str, *arguments: str) -> tuple[float, float, float]:
    """Run a program of its own: seconds on the wall, of the processor, and the peak of its memory in MB."""
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", program, *arguments])
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"it failed: {arguments}")
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--form", choices=("labels", "probabilities"), default="labels")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "bench-scoring")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    solution, submission = make_pair(options.folder, options.rows)
    if options.form == "probabilities":
        submission = make_probabilities(options.folder, solution, options.rows)
    arguments = (str(solution), str(submission), options.form)
    runs = [(measure(CHECK, *arguments), measure(POLARS, *arguments)) for _ in range(options.runs)]
    ours, theirs = ([median(column) for column in zip(*side, strict=True)] for side in zip(*runs, strict=True))
    warm = (
        subprocess.run(
            [sys.executable, "-c", WARM, *arguments], input=CHECK, text=True, capture_output=True, check=True
        ).stdout
        if options.rows <= 100_000
        else None
    )
    report = {
        "rows": options.rows,
        "form": options.form,
        "check_seconds": ours[0],
        "polars_read_seconds": theirs[0],
        "ratio": ours[0] / theirs[0],
        "check_cpu_seconds": ours[1],
        "polars_cpu_seconds": theirs[1],
        "check_peak_mb": ours[2],
        "warm_ms": float(warm) * 1000 if warm else None,
    }
    print(json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in report.items()}))


if __name__ == "__main__":
    main()
