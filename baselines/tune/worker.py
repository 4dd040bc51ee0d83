"""A worker process of the search: imports torch once, then runs one trial after another."""

import os
import shutil
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from baselines.tune.messages import SHARES, Ended, Evaluated, Ready, Setup, Task
from competition.errors import UserError

if TYPE_CHECKING:
    from baselines.kit.history import Row
    from baselines.kit.kernel import Kernel
    from baselines.kit.recipe import Recipe
    from baselines.kit.request import Outcome
    from competition.bundle import Bundle


# The seconds these take must not be a trial's: the first one is the recipe that all others are compared with.
_IMPORTED_LATE = ("baselines.kit.session", "timm.optim", "torchinfo", "matplotlib.figure")


class _PrunedError(Exception):
    """The search asked this trial to stop."""


@dataclass(frozen=True, slots=True)
class _Bench:
    """What all trials of a worker share."""

    kernel: "Kernel"
    recipe: "Recipe"
    bundle: "Bundle"
    setup: Setup
    connection: Connection


class _Reporter:
    """Tells the search about every evaluation, and stops the run when it says so."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection, self._number = connection, number
        self._progress = 0.0

    def note(self, text: str) -> None:
        """Nothing: the notes of parallel trials would be mixed up."""

    def step(self, step: int, epoch: float, progress: float, rate: float, loss: float) -> None:
        """Remember how far the run is."""
        self._progress = progress

    def evaluation(self, row: "Row", improved: bool) -> None:
        """Tell the accuracy and wait for the word to go on."""
        tenth = int(self._progress * SHARES + 1e-9)
        self._connection.send(Evaluated(self._number, tenth, row.validation_accuracy))
        if self._connection.recv():
            raise _PrunedError

    def close(self) -> None:
        """Nothing."""


def serve(connection: Connection, setup: Setup) -> None:
    """Run the trials that come through the connection until it is closed or the search is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the search, which then ends its workers
    threading.Thread(target=_end_with_the_search, daemon=True).start()
    bench = _set_up(connection, setup)
    connection.send(Ready())
    try:
        while True:
            task: Task = connection.recv()
            connection.send(_run(bench, task))
    except (EOFError, BrokenPipeError):
        return


def _end_with_the_search() -> None:
    """A search that was killed cannot end its workers; the pipe to it tells them, even inside a native call."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _set_up(connection: Connection, setup: Setup) -> _Bench:
    for name in _IMPORTED_LATE:
        import_module(name)
    from baselines.kit.recipe import Recipe
    from baselines.tune.kernels import find_kernel
    from competition.bundle import open_bundle

    return _Bench(
        find_kernel(setup.kernel), Recipe(**setup.recipe), open_bundle(setup.data), setup, connection
    )  # fmt: skip


def _run(bench: _Bench, task: Task) -> Ended:
    start = time.monotonic()
    task.out.mkdir(parents=True, exist_ok=True)
    try:
        state, accuracy, facts = _facts(_train(bench, task))
    except _PrunedError:
        state, accuracy, facts = "pruned", None, {}
        shutil.rmtree(task.out, ignore_errors=True)
    except UserError as error:
        state, accuracy, facts = "failed", None, {"reason": str(error)}
    except Exception as error:  # one impossible combination of values must not end a whole search
        state, accuracy, facts = "failed", None, {"reason": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        (task.out / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
    return Ended(task.number, state, time.monotonic() - start, accuracy, facts)


def _train(bench: _Bench, task: Task) -> "Outcome":
    from baselines.kit.budget import Clock
    from baselines.kit.request import Request
    from baselines.kit.session import train_and_predict
    from baselines.tune.space import apply_settings

    request = Request(
        kernel=bench.kernel.name,
        recipe_name=f"trial {task.number}",
        recipe=apply_settings(bench.recipe, task.settings, f"of trial {task.number}"),
        bundle=bench.bundle,
        out=task.out,
        clock=Clock.starting_now(task.seconds),
        seed=bench.setup.seed,
        device=_device(bench.setup),
        threads=bench.setup.threads,
        probabilities=True,
    )
    return train_and_predict(bench.kernel.build, request, _Reporter(bench.connection, task.number))


def _device(setup: Setup) -> str:
    """Workers take turns on the GPUs where there are several."""
    import torch

    count = torch.cuda.device_count()
    return f"cuda:{setup.position % count}" if setup.device == "auto" and count > 1 else setup.device


def _facts(outcome: "Outcome") -> tuple[str, float | None, dict[str, Any]]:
    fit = outcome.fit
    facts = {
        "validation_loss": fit.best.validation_loss if fit.best else None,
        "epochs": round(fit.epochs, 3),
        "images_per_second": round(fit.images_per_second, 1),
        "validation_images": fit.best.validation_images if fit.best else 0,
        "is_whole": fit.best is not None and fit.best.validation_images >= len(outcome.data.validation),
        "plan": outcome.plan.reason,
        "ending": fit.ending,
        "diagnosis": outcome.findings[0].illness if outcome.findings else "",
    }
    if fit.best is not None:
        return "finished", fit.best.validation_accuracy, facts
    if fit.diverged:
        return "diverged", None, {**facts, "reason": fit.ending}
    return "failed", None, {**facts, "reason": f"no time was left to evaluate ({fit.ending})"}
