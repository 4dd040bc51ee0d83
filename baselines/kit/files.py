"""Files of a run, written aside and renamed: a killed run leaves the whole old file or the whole new one."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from competition.errors import UserError
from competition.rules import Rules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUBMISSION = "submission.csv"
PROBABILITIES = "probabilities.csv"
RUN = "run.json"
HISTORY = "history.csv"
CURVES = "curves.png"
REPORT = "report.html"
MODEL_SUMMARY = "model_summary.txt"
WEIGHTS = "model.pt"
RESUME = "resume.pt"

SECONDS_A_CELL = 3e-6  # that writing a CSV takes: formatting a number costs a microsecond or two


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes the place of `path` when the block ends without an error.

    Raises:
        UserError: the file cannot be written (no space, no permission, a file-size limit).
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or use another --out"
        ) from error
    finally:
        with suppress(OSError):  # of a folder that became unreadable: the error above says it
            aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON whole or not at all."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")


def make_output_folder(folder: Path) -> Path:
    """Make the folder a run writes to.

    Raises:
        UserError: a file is in the way or the place is read-only.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot make the output folder ({error.strerror}); choose another --out") from error
    return folder


def clear_old_results(folder: Path, keep_checkpoint: bool = False) -> None:
    """Delete what an earlier run left, so that no old figure lies beside a new submission.

    Raises:
        UserError: the folder cannot be written to.
    """
    names = [RUN, HISTORY, CURVES, REPORT, MODEL_SUMMARY, WEIGHTS, PROBABILITIES]
    try:
        for name in names if keep_checkpoint else [*names, RESUME]:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder / name}: cannot be replaced ({error.strerror}); choose another --out") from error


def write_submission(
    folder: Path, rules: Rules, ids: Sequence[str], probabilities: "NDArray[np.floating[Any]]"
) -> Path:
    """Write `submission.csv` in the form the rules ask for.

    Args:
        folder: where the file is put.
        rules: form, column names and label set.
        ids: test ids, in the order of the rows of `probabilities`.
        probabilities: N x classes.
    """
    if rules.form == "probabilities":
        return write_probabilities(folder / SUBMISSION, rules, ids, probabilities)
    header = [rules.id_column, rules.target_column]
    best = probabilities.argmax(axis=1).tolist()
    rows = ([item, rules.labels[index]] for item, index in zip(ids, best, strict=True))
    return _write_csv(folder / SUBMISSION, header, rows)


def write_probabilities(
    path: Path, rules: Rules, ids: Sequence[str], probabilities: "NDArray[np.floating[Any]]"
) -> Path:
    """Write `id` and one probability column a class, whatever form the rules ask for: what ensembles are made of."""
    header = [rules.id_column, *rules.labels]
    exact = probabilities.astype("float64")
    exact /= exact.sum(axis=1, keepdims=True)  # a competition may be strict about sums, and single precision is not
    rows = ([item, *(f"{p:.9f}" for p in row)] for item, row in zip(ids, exact.tolist(), strict=True))
    return _write_csv(path, header, rows)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())
    return path
