"""Makes solutions and submissions of any size to measure with: random ids of 12 hex characters, ten classes."""

from pathlib import Path

import numpy as np

CLASSES = 10


def make_pair(folder: Path, rows: int, seed: int = 0) -> tuple[Path, Path]:
    """A solution (`id,label,Usage`) and a submission (`id,label`) in another order; made once a size, then reused."""
    solution, submission = folder / f"solution-{rows}.csv", folder / f"submission-{rows}.csv"
    if not submission.exists():
        rng = np.random.default_rng(seed)
        digits = rng.bytes(6 * rows).hex()
        ids = [digits[start : start + 12] for start in range(0, 12 * rows, 12)]
        labels = rng.integers(CLASSES, size=rows)
        usages = np.where(rng.random(rows) < 0.5, "Public", "Private").tolist()
        _write(solution, "id,label,Usage", zip(ids, labels.tolist(), usages, strict=True))
        right = rng.random(rows) < 0.8
        predicted = np.where(right, labels, rng.integers(CLASSES, size=rows)).tolist()
        order = rng.permutation(rows).tolist()
        _write(submission, "id,label", ((ids[row], predicted[row]) for row in order))
    return solution, submission


def make_probabilities(folder: Path, solution: Path, rows: int, seed: int = 0) -> Path:
    """A submission of one probability column a class (numbers of 17 digits) for a solution, in its order."""
    submission = folder / f"probabilities-{rows}.csv"
    if not submission.exists():
        rng = np.random.default_rng(seed)
        with solution.open() as file, submission.open("w") as out:
            out.write("id," + ",".join(map(str, range(CLASSES))) + "\n")
            next(file)
            for line in file:
                weights = rng.random(CLASSES)
                out.write(line.split(",", 1)[0] + "," + ",".join(map(repr, (weights / weights.sum()).tolist())) + "\n")
    return submission


def _write(path: Path, header: str, rows) -> None:
    with path.open("w") as file:
        file.write(header + "\n")
        file.writelines(",".join(map(str, row)) + "\n" for row in rows)
