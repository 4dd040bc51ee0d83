"""`grader score` as people run it: whole processes, medians, against what they would write themselves.

    python -m bench.scoring.score cold          # 10,000 rows against pandas + scikit-learn; and warm, in process
    python -m bench.scoring.score million       # 1,000,000 rows in any order against polars reading the two files
    python -m bench.scoring.score ten-million   # peak of memory
    python -m bench.scoring.score folder        # 500 files of 10,000 rows
    python -m bench.scoring.score blind         # does the time tell a file that is right from one that is not?

Each prints a line of JSON. Every run hands the file in for a new team.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

from bench.scoring.submissions import CLASSES, make_pair
from competition.rules import MetricRule, Rules

GRADER = Path(sys.executable).with_name("grader")
FILES = 500

PANDAS = """
import sys
import pandas
from sklearn.metrics import accuracy_score
solution, submission = (pandas.read_csv(path, dtype=str) for path in sys.argv[1:])
merged = solution.merge(submission, on="id", suffixes=("_true", "_predicted"))
print(accuracy_score(merged.label_true, merged.label_predicted))
"""

POLARS = """
import sys
import polars
for path in sys.argv[1:]:
    polars.read_csv(path)
"""


def make_home(folder: Path, solution: Path) -> Path:
    """A state folder with the vault of the competition `bench` and a store that is there already."""
    vault = folder / ".grader" / "vault" / "bench"
    shutil.rmtree(folder / ".grader", ignore_errors=True)
    vault.mkdir(parents=True, mode=0o700)
    rules = Rules(
        competition="bench",
        title="Bench",
        task="classification",
        form="labels",
        metric=MetricRule("accuracy"),
        labels=tuple(map(str, range(CLASSES))),
        max_bytes=1 << 40,
    )
    (vault / "rules.json").write_text(rules.to_json())
    shutil.copy(solution, vault / "solution.csv")
    for file in vault.iterdir():
        file.chmod(0o600)
    subprocess.run([GRADER, "verify", "--home", folder / ".grader"], check=True, capture_output=True)
    return folder / ".grader"


def measured(command: list[str | Path]) -> tuple[float, float]:
    """Run a process: seconds on the wall, and the peak of its memory in MB."""
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def against(rows: int, runs: int, other: str, folder: Path) -> dict[str, float]:
    """Score a file in turn with another program reading the same two files; medians and their ratio."""
    with ProcessPoolExecutor(1) as pool:  # a child's peak of memory begins with its parent's: keep this one small
        solution, submission = pool.submit(make_pair, folder, rows).result()
    home = make_home(folder, solution)
    ours, theirs = [], []
    for run in range(runs + 1):  # the first of each warms the caches and does not count
        score = [GRADER, "score", submission, "--home", home, "-c", "bench", "--team", f"team{run}"]
        ours.append(measured(score))
        theirs.append(measured([sys.executable, "-c", other, solution, submission]))
    seconds, other_seconds = (median(second for second, _ in side[1:]) for side in (ours, theirs))
    peak = max(megabytes for _, megabytes in ours)
    return {"score_s": seconds, "other_s": other_seconds, "other_by_score": other_seconds / seconds, "peak_mb": peak}


def warm(folder: Path) -> dict[str, float]:
    """Milliseconds of judging 10,000 rows again and again in one process."""
    from grader.scoring.judge import open_judge

    solution, submission = make_pair(folder, 10_000)
    judge = open_judge(make_home(folder, solution), "bench")
    seconds = []
    for _ in range(101):
        begun = time.perf_counter()
        judge.judge(submission)
        seconds.append(time.perf_counter() - begun)
    return {"warm_ms": median(seconds) * 1000}


def cold(folder: Path, runs: int) -> dict[str, float]:
    """10,000 rows, against pandas and scikit-learn."""
    return against(10_000, runs, PANDAS, folder) | warm(folder)


def million(folder: Path, runs: int) -> dict[str, float]:
    """1,000,000 rows in any order, against polars reading the two files alone."""
    return against(1_000_000, runs, POLARS, folder)


def ten_million(folder: Path, runs: int) -> dict[str, float]:
    """10,000,000 rows: what matters is the peak of memory."""
    return against(10_000_000, min(runs, 1), POLARS, folder)


def folder_of_files(folder: Path, runs: int) -> dict[str, float]:
    """500 files of 10,000 rows by one call."""
    solution, submission = make_pair(folder, 10_000)
    handed = folder / "handed"
    shutil.rmtree(handed, ignore_errors=True)
    handed.mkdir()
    lines = submission.read_bytes().splitlines(keepends=True)
    for number in range(FILES):  # each file differs by the order of its rows
        (handed / f"team{number:03d}.csv").write_bytes(
            b"".join([lines[0], *lines[number + 1 :], *lines[1 : number + 1]])
        )
    seconds = [
        measured([GRADER, "score", handed, "--home", make_home(folder, solution), "-c", "bench"])[0]
        for _ in range(runs)
    ]
    return {"files": FILES, "seconds": median(seconds), "files_a_second": FILES / median(seconds)}


def blind(folder: Path, runs: int) -> dict[str, float]:
    """One file judged against labels that it has all right and against the same labels dealt out anew, in turn.

    `auc` is the chance that judging the right file takes longer than judging the wrong one: 0.5 if time tells nothing.
    """
    import polars as pl
    from scipy.stats import mannwhitneyu

    from grader.scoring.judge import open_judge

    solution, submission = make_pair(folder, 10_000)
    truth = pl.read_csv(solution, infer_schema=False)
    truth.select("id", "label").write_csv(submission)
    dealt_anew = folder / "dealt_anew.csv"
    truth.with_columns(pl.col("label").shuffle(seed=1)).write_csv(dealt_anew)
    solutions = {"right": solution, "wrong": dealt_anew}
    judges = [open_judge(make_home(folder / name, file), "bench") for name, file in solutions.items()]
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(100 * runs + 10):
        for side in (0, 1) if turn % 2 else (1, 0):
            begun = time.perf_counter()
            judges[side].judge(submission)
            if turn >= 10:
                seconds[side].append(time.perf_counter() - begun)
    found = mannwhitneyu(*seconds)
    ratio = median(seconds[0]) / median(seconds[1])
    return {"right_by_wrong": ratio, "auc": found.statistic / len(seconds[0]) ** 2, "p": found.pvalue}


BENCHES: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "cold": cold,
    "million": million,
    "ten-million": ten_million,
    "folder": folder_of_files,
    "blind": blind,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", choices=BENCHES)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = BENCHES[options.bench](Path(folder), options.runs)
    print(json.dumps({"bench": options.bench} | {name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
