"""Custom metrics: a Python file with Kaggle's contract, run in a process of its own under limits.

The file defines `score(solution, submission, row_id_column_name, **options) -> float` over two pandas DataFrames with
the same ids in the same order. Only the text of a ParticipantVisibleError reaches a participant; of everything else
they read one fixed line that depends on nothing, while `MetricError.detail` tells the instructor.
The limits contain mistakes, not malice: the file is the instructor's own code and may read what the grader may read.
"""

import csv
import io
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from competition.errors import UserError
from competition.rules import MetricRule, Rules
from grader.metrics.errors import BrokenMetricError, MetricError

WORKER = Path(__file__).with_name("custom_worker.py")
MARK = "GRADER_METRIC_RUN"  # an environment variable by which every process of a run is found again
BROKEN = "the metric of this competition could not score the submission; the organisers can see why"
TOLD_CHARS = 500
ANSWER_BYTES = 1 << 16

_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "VIRTUAL_ENV")
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run of a custom metric may use: wall clock, and address space of each of its processes."""

    seconds: float = 60.0
    memory_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True)
class Registration:
    """A metric file that may be used: its hash, the options it takes, and how many doctest examples passed."""

    file: Path
    sha256: str
    options: tuple[str, ...]
    examples: int


def register(file: Path, options: Mapping[str, Any] | None = None, limits: Limits | None = None) -> Registration:
    """See that a file is a metric that takes these options, and run its doctests.

    Raises:
        UserError: there is no such file, it does not import, breaks the contract, or a doctest fails; in words.
    """
    if not file.is_file():
        raise UserError(f"{file}: no such file; a custom metric lies beside the spec")
    job = {"task": "examine", "options": _own_options(options or {})}
    try:
        answer = _run(file, job, limits or Limits())
    except MetricError as error:
        raise UserError(f"{file}: cannot be used as a metric: {_last_line(error.detail)}") from None
    if "wrong" in answer:
        raise UserError(f"{file}: {answer['wrong']}")
    if answer["failures"]:
        raise UserError(
            f"{file}: {answer['failures']} of {answer['examples']} doctest examples fail: {_one_line(answer['report'])}"
        )
    return Registration(file, sha256(file.read_bytes()).hexdigest(), tuple(answer["options"]), answer["examples"])


def compute_custom(
    rule: MetricRule,
    folder: Path,
    rules: Rules,
    ids: Sequence[str],
    truth: Any,
    prediction: Any,
    limits: Limits | None = None,
) -> float:
    """The score of N aligned rows by the custom metric `rule.file` in `folder`: a finite float.

    `truth` and `prediction` are as for the built-in metrics, in the order of `ids`. The metric reads a solution of id
    and target column and a submission of id and target column, or id and one column a label for probabilities.

    Raises:
        MetricError: the metric raised ParticipantVisibleError; the message is its text on one line.
        BrokenMetricError: anything else went wrong; the message is fixed and `detail` says what.
    """
    if rule.file is None:
        raise ValueError(f"{rule.name} is a built-in metric: grader.metrics.compute runs it")
    if len(ids) == 0:
        raise BrokenMetricError("there is no row to score in this split of the solution")
    solution = {rules.id_column: ids, rules.target_column: _texts(truth, rules.labels)}
    submission = {rules.id_column: ids, **_submitted(rules, prediction)}
    return score_tables(
        folder / rule.file, solution, submission, rules.id_column, rule.options, _text_columns(rules), limits
    )


def score_tables(
    file: Path,
    solution: Columns,
    submission: Columns,
    row_id_column_name: str,
    options: Mapping[str, Any] | None = None,
    text_columns: Sequence[str] = (),
    limits: Limits | None = None,
) -> float:
    """The score that a metric file gives two tables of aligned columns.

    The ids and the `text_columns` arrive as text, other columns as what pandas reads from their text.
    Raises as `compute_custom`.
    """
    job = {
        "task": "score",
        "solution": _csv(solution),
        "submission": _csv(submission),
        "row_id_column_name": row_id_column_name,
        "options": _own_options(options or {}),
        "text_columns": [row_id_column_name, *text_columns],
    }
    return float(_run(file, job, limits or Limits())["score"])


def _own_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that `score` takes: `direction` is for the leaderboard."""
    return {name: value for name, value in options.items() if name != "direction"}


def _submitted(rules: Rules, prediction: Any) -> dict[str, Sequence[Any]]:
    if rules.form == "probabilities":
        return {label: prediction[:, code].tolist() for code, label in enumerate(rules.labels)}
    return {rules.target_column: _texts(prediction, rules.labels)}


def _texts(values: Any, labels: Sequence[str]) -> Sequence[Any]:
    """A column for the CSV: codes become labels, numbers and texts stay."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu" and labels:
        values = np.array(labels, dtype=object)[values]
    column: Sequence[Any] = values.tolist() if isinstance(values, np.ndarray) else values
    return column


def _text_columns(rules: Rules) -> list[str]:
    """The target column, unless it holds numbers: pandas must not read the labels `007` or `NA` its own way."""
    numbers = rules.form == "values" or (rules.labels and all(map(_PLAIN_NUMBER.fullmatch, rules.labels)))
    return [] if numbers else [rules.target_column]


def _csv(columns: Columns) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _run(file: Path, job: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Run the worker on a job, kill whatever it leaves behind, and read its answer."""
    token = secrets.token_hex(16)
    job |= {"file": str(file.resolve()), "seconds": limits.seconds, "memory_bytes": limits.memory_bytes}
    read_end, write_end = os.pipe()
    try:
        ending = _wait(_start(write_end, token), json.dumps(job).encode(), limits)
        _kill_marked(token)
        os.set_blocking(read_end, False)
        with suppress(BlockingIOError):  # ended before it could answer
            return _understood(os.read(read_end, ANSWER_BYTES), ending)
        return _understood(b"", ending)
    finally:
        os.close(read_end)
        os.close(write_end)


def _start(write_end: int, token: str) -> subprocess.Popen[bytes]:
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    # one thread: libraries reserve address space a thread; a fixed hash seed: the same score when it is replayed
    fixed = {"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return subprocess.Popen(
        [sys.executable, "-s", "-P", "-B", str(WORKER), str(write_end)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,  # a metric may print labels
        stderr=subprocess.DEVNULL,
        env=kept | fixed | {MARK: token},
        cwd="/",
        pass_fds=(write_end,),
        start_new_session=True,
    )


def _wait(worker: subprocess.Popen[bytes], job: bytes, limits: Limits) -> str:
    """Hand over the job and wait; say how the worker ended, for the instructor."""
    try:
        worker.communicate(job, timeout=limits.seconds)
    except subprocess.TimeoutExpired:
        return f"it ran past its limit of {limits.seconds:g} s"
    finally:
        if worker.poll() is None:  # only then is the number surely still its own
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
    if worker.returncode < 0:
        return f"it was ended by {signal.Signals(-worker.returncode).name} (limit: {limits.memory_bytes >> 20} MiB)"
    return f"it ended by itself with exit code {worker.returncode}"


def _kill_marked(token: str, seconds: float = 5.0) -> None:
    """Kill every process that carries the mark, also one that left the session of the worker."""
    import psutil

    until = time.monotonic() + seconds  # a metric may fork as fast as it is killed
    while (marked := _marked(token)) and time.monotonic() < until:
        for process in marked:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(marked, timeout=0.5)


def _marked(token: str) -> list[Any]:
    import psutil

    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == token:
                found.append(process)
    return found


def _understood(answer: bytes, ending: str) -> dict[str, Any]:
    """The worker's answer; an error it tells, or its silence, as the error to raise."""
    try:
        told: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise BrokenMetricError(BROKEN, detail=f"the metric gave no answer: {ending}") from None
    if "told" in told:
        raise MetricError(_one_line(told["told"]) or BROKEN)
    if "detail" in told:
        raise BrokenMetricError(BROKEN, detail=told["detail"])
    return told


def _one_line(text: str) -> str:
    """A text of the metric's as one printable line of bounded length."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return line if len(line) <= TOLD_CHARS else line[: TOLD_CHARS - 1] + "…"


def _last_line(detail: str) -> str:
    return _one_line(detail.strip().rpartition("\n")[2])
