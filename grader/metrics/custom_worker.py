"""The process in which a custom metric runs: a job as JSON on standard input, the answer as JSON on a pipe.

`python custom_worker.py PIPE` is started by grader.metrics.custom. It imports nothing of the grader, keeps what the
metric prints to itself (standard output and error are closed to it), and leaves by `os._exit`, so that no thread or
exit hook of the metric can hold it.
"""

import doctest
import importlib.util
import inspect
import io
import json
import math
import numbers
import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

DETAIL_CHARS = 8000  # at most 32,000 bytes: an answer always fits into the buffer of the pipe
PARAMETERS = ("solution", "submission", "row_id_column_name")


def main() -> None:
    """Do the job and answer."""
    pipe, worker = int(sys.argv[1]), os.getpid()
    job = json.load(sys.stdin.buffer)
    limit(job["seconds"], job["memory_bytes"])
    try:
        metric = load(Path(job["file"]))
        answer = examine(metric, job["options"]) if job["task"] == "examine" else score(metric, job)
    except BaseException as error:  # a metric may raise anything, SystemExit included
        answer = describe(error)
    if os.getpid() == worker:  # a child that the metric forked comes by here too, and has no say
        os.write(pipe, json.dumps(answer, ensure_ascii=False).encode(errors="replace"))
    os._exit(0)


def limit(seconds: float, memory_bytes: int) -> None:
    """Bound this process for good, also if the one that waits for it is killed."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(seconds) + 5)
    _lower(resource.RLIMIT_CPU, math.ceil(seconds) + 1)
    _lower(resource.RLIMIT_CORE, 0)
    with suppress(ValueError, OSError):  # macOS does not let the address space be bounded
        _lower(resource.RLIMIT_AS, memory_bytes)


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def load(file: Path) -> ModuleType:
    """Import the metric's file, with kaggle_metric_utilities at hand as a top-level module."""
    _import("kaggle_metric_utilities", Path(__file__).with_name("kaggle_metric_utilities.py"))
    return _import(file.stem, file)


def _import(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def score(metric: ModuleType, job: dict[str, Any]) -> dict[str, Any]:
    """Call the metric as Kaggle does and see that what it returns is a finite number."""
    solution, submission = (_read_table(job[name], job["text_columns"]) for name in ("solution", "submission"))
    value = metric.score(solution, submission, job["row_id_column_name"], **job["options"])
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return {"detail": f"score() returned {value!r:.200} ({type(value).__name__}) instead of a float"}
    if not math.isfinite(value):
        return {"detail": f"score() returned {float(value)}, which is not finite"}
    return {"score": float(value)}


def _read_table(text: str, text_columns: list[str]) -> Any:
    """A CSV as a DataFrame whose ids and labels keep their text (`007`, `NA`) and whose floats are exact."""
    import pandas as pd

    columns = dict.fromkeys(text_columns, str)
    # round_trip: pandas 2 would otherwise miss the last bit; pandas 3.1 is exact anyway
    return pd.read_csv(io.StringIO(text), dtype=columns, keep_default_na=False, float_precision="round_trip")


def examine(metric: ModuleType, options: dict[str, Any]) -> dict[str, Any]:
    """What a metric file is worth: its contract, the options it takes, and the result of its doctests."""
    function = getattr(metric, "score", None)
    if not inspect.isfunction(function):
        return {"wrong": "it defines no function score(solution, submission, row_id_column_name, **options)"}
    parameters = list(inspect.signature(function).parameters.values())
    if tuple(parameter.name for parameter in parameters[:3]) != PARAMETERS:
        return {"wrong": f"the first parameters of score must be {', '.join(PARAMETERS)}"}
    if problem := _option_problem(parameters[3:], options):
        return {"wrong": problem}
    return {"options": [parameter.name for parameter in parameters[3:]], **_run_doctests(metric)}


def _option_problem(parameters: list[inspect.Parameter], options: dict[str, Any]) -> str | None:
    """Why these options cannot be given to score, in words; None where they can."""
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    names = [parameter.name for parameter in parameters]
    listing = f"its options are: {', '.join(names)}" if names else "it has no options"
    if unknown := [name for name in options if name not in names]:
        return f"score takes no option {unknown[0]!r}; {listing}"
    needed = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    missing = [name for name in needed if name not in options]
    return f"the option {missing[0]!r} of score is missing; {listing}" if missing else None


def _run_doctests(metric: ModuleType) -> dict[str, Any]:
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder().find(metric):
        runner.run(test, out=report.write)
    return {"examples": runner.tries, "failures": runner.failures, "report": report.getvalue()[:DETAIL_CHARS]}


def describe(error: BaseException) -> dict[str, Any]:
    """An error as the answer: ParticipantVisibleError, known by its name, speaks to the participant."""
    if any(kind.__name__ == "ParticipantVisibleError" for kind in type(error).__mro__):
        return {"told": str(error)[:DETAIL_CHARS]}
    lines = traceback.format_exception(error.with_traceback(_below_this_file(error)))
    return {"detail": "".join(lines)[-DETAIL_CHARS:]}


def _below_this_file(error: BaseException) -> Any:
    """The traceback from the first line of the metric on; without one, as it is."""
    step = error.__traceback__
    while step and (step.tb_frame.f_code.co_filename == __file__ or "importlib" in step.tb_frame.f_code.co_filename):
        step = step.tb_next
    return step or error.__traceback__


if __name__ == "__main__":
    main()
