"""The search: trials in worker processes, one pipe each, within one wall-clock budget.

Only this process draws values and writes the study; the workers only train. So SQLite has one writer, and a worker
that dies costs one trial.
"""

import multiprocessing
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from baselines.kit import files
from baselines.kit.budget import show_duration
from baselines.kit.recipe import Recipe
from baselines.tune.messages import Ended, Evaluated, Message, Ready, Setup, Task
from baselines.tune.space import Settings
from baselines.tune.study import Record, SearchStudy
from baselines.tune.worker import serve
from competition.errors import UserError

SHORTEST_TRIAL_SECONDS = 1.5
_FAILURES_TO_STOP = 3
_LATE_SECONDS = 1.0  # a trial that overruns is ended by force after so long, on top of a tenth of its time
_FEWEST_OF_ITS_TIME = 0.8  # a trial that would get less of it is not started


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a search may do."""

    trials: int  # in all, those of an earlier search that is resumed included
    parallel: int
    end: float  # the monotonic second at which trials that still run are interrupted


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    position: int
    ready: bool = False
    number: int | None = None  # of the running trial
    must_end: float = 0.0


class Search:
    """Runs trials until their number or the time is used up."""

    def __init__(
        self,
        study: SearchStudy,
        setup: Setup,
        recipe: Recipe,
        limits: Limits,
        out: Path,
        tell: Callable[[str], None],
        save: Callable[[], object],
    ) -> None:
        """`setup` is the first worker's; `recipe` is tried first; `tell` takes lines; `save` follows every trial."""
        self.study, self.limits, self.out = study, limits, out
        self._setup, self._tell, self._save = setup, tell, save
        self._own, self._holds_recipe = study.space.own_values(recipe), study.space.holds(recipe)
        self._workers: list[_Worker] = []
        self.trial_seconds = study.trial_seconds  # None: derived from what is left when the workers are ready
        self._done = study.records()
        self._best = best_of(self._done)
        counted = [record for record in self._done if record.state != "interrupted"]
        self._started = len(counted)
        self._measured_recipe = any(record.is_recipe for record in counted)
        self._drew = any(record.settings for record in self._done)
        self._failures = 0

    def run(self) -> list[Record]:
        """Run the search. Returns all trials, earlier ones included.

        Raises:
            UserError: the first trials all failed, or the time is too short for the trials or for any.
        """
        self._take_over_best()
        before = self._started
        if before < self.limits.trials and not self._has_time():
            raise UserError(self._too_short())
        try:
            missing = min(self.limits.parallel, self.limits.trials - before)
            self._workers = [self._start_worker(position) for position in range(missing)]
            while time.monotonic() < self.limits.end and self._assign():
                self._listen()
        finally:
            for worker in self._workers:
                worker.process.kill()
        self._interrupt_running()
        if self._started == before < self.limits.trials:
            raise UserError(self._too_short())
        return self.study.records()

    def _too_short(self) -> str:
        if self.trial_seconds is None:
            return "the budget ended before a worker was ready: give a longer --budget"
        return (
            f"no time was left for another trial: one of this search has {show_duration(self.trial_seconds)}, and "
            "imports and results take their time too; give a longer --budget"
        )

    def _start_worker(self, position: int) -> _Worker:
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, replace(self._setup, position=position)))
        process.start()
        theirs.close()
        return _Worker(process, ours, position)

    def _assign(self) -> bool:
        """Give work to idle workers. False when nothing runs any more and nothing can be started."""
        waiting = [worker for worker in self._workers if not worker.ready]
        if waiting and self.trial_seconds is None:
            return True  # the time they leave decides about a trial's
        for worker in self._workers:
            if worker.ready and worker.number is None and self._has_another():
                self._start_trial(worker)
        return bool(waiting and self._has_another()) or any(worker.number is not None for worker in self._workers)

    def _has_another(self) -> bool:
        if self.trial_seconds is None:
            self.trial_seconds = self.study.trial_seconds = self._share_time()
        return self._started < self.limits.trials and self._has_time()

    def _has_time(self) -> bool:
        """Whether another trial fits; yes where a trial's time is not decided yet."""
        needed = max(_FEWEST_OF_ITS_TIME * (self.trial_seconds or 0.0), SHORTEST_TRIAL_SECONDS)
        return self.trial_seconds is None or self.limits.end - time.monotonic() >= needed

    def _share_time(self) -> float:
        trials, left = self.limits.trials - self._started, self.limits.end - time.monotonic()
        seconds = left / -(-trials // self.limits.parallel)
        if seconds < SHORTEST_TRIAL_SECONDS:
            fit = max(1, int(left / SHORTEST_TRIAL_SECONDS) * self.limits.parallel)
            raise UserError(
                f"{trials} trials get {max(seconds, 0):.2f} s each, too little to learn anything: "
                f"give a longer --budget or at most --trials {fit}"
            )
        self._tell(f"{trials} trials of {show_duration(seconds)}, {self.limits.parallel} at a time")
        return seconds

    def _start_trial(self, worker: _Worker) -> None:
        assert self.trial_seconds is not None
        number, settings = self._next_values()
        now = time.monotonic()
        seconds = min(self.trial_seconds, self.limits.end - now)
        worker.number, worker.must_end = number, now + 1.1 * seconds + _LATE_SECONDS
        self._started += 1
        worker.connection.send(Task(number, settings, seconds, self.folder(number)))

    def _next_values(self) -> tuple[int, Settings]:
        """The recipe as it is comes first, then what of its values the space holds, then what the sampler draws."""
        if not self._measured_recipe and not self.study.is_retrying:
            self._measured_recipe = True
            return self.study.measure_recipe(self._own if self._holds_recipe else None)
        first = None if self._drew else self._own
        self._drew = True
        return self.study.suggest(first)

    def folder(self, number: int) -> Path:
        """Where a trial writes."""
        return self.out / "trials" / f"{number:04d}"

    def _listen(self) -> None:
        """Handle what the workers say, and end those that are late."""
        moments = [worker.must_end for worker in self._workers if worker.number is not None]
        patience = max(0.0, min([*moments, self.limits.end]) - time.monotonic())  # `run` ends at the limit
        spoken = wait([worker.connection for worker in self._workers], timeout=patience)
        for worker in [worker for worker in self._workers if worker.connection in spoken]:
            self._hear(worker)
        for worker in [worker for worker in self._workers if worker.number is not None]:
            if time.monotonic() >= worker.must_end:
                self._replace(worker, "did not end in its time")

    def _hear(self, worker: _Worker) -> None:
        try:
            message: Message = worker.connection.recv()
        except (EOFError, ConnectionError):
            worker.process.join(1)
            self._replace(worker, f"its process died (exit code {worker.process.exitcode}), perhaps for want of memory")
            return
        match message:
            case Ready():
                worker.ready = True
            case Evaluated():
                worker.connection.send(self.study.judge(message))
            case Ended():
                worker.number = None
                self._close(message)

    def _replace(self, worker: _Worker, reason: str) -> None:
        worker.process.kill()
        self._workers.remove(worker)
        if worker.number is None:
            raise UserError(f"a worker could not start ({reason})")
        self._close(Ended(worker.number, "failed", 0.0, None, {"reason": reason}))
        if time.monotonic() < self.limits.end:
            self._workers.append(self._start_worker(worker.position))

    def _close(self, ended: Ended) -> None:
        self.study.close(ended)
        record = next(record for record in self.study.records() if record.number == ended.number)
        improved = record.state == "finished" and (self._best is None or _merit(record) > _merit(self._best))
        if improved:
            self._drop_weights(self._best)
            self._best = record
            self._take_over_best()
        elif record.state == "finished":
            self._drop_weights(record)
        self._save()
        self._tell(describe(record) + ("  best" if improved else ""))
        self._stop_if_all_fail(record)

    def _take_over_best(self) -> None:
        """The best trial's submission becomes the search's."""
        source = self.folder(self._best.number) / files.SUBMISSION if self._best else None
        if source is not None and source.exists():
            with files.written_aside(self.out / files.SUBMISSION) as aside:
                shutil.copyfile(source, aside)

    def _drop_weights(self, record: Record | None) -> None:
        """A hundred trials of a large net would fill the disk."""
        if record is not None:
            (self.folder(record.number) / files.WEIGHTS).unlink(missing_ok=True)

    def _stop_if_all_fail(self, record: Record) -> None:
        self._failures += record.state == "failed"
        if self._failures >= _FAILURES_TO_STOP and self._failures == len(self.study.records()):
            raise UserError(f"the first {self._failures} trials all failed: {record.facts.get('reason')}")

    def _interrupt_running(self) -> None:
        for worker in self._workers:
            if worker.number is not None:
                self._tell(f"trial {worker.number} was interrupted: the time for trials is over")
                self.study.close(Ended(worker.number, "interrupted", 0.0))


def best_of(records: list[Record]) -> Record | None:
    """The finished trial with the highest validation accuracy; of equal ones that with the lower loss.

    One whose evaluation the clock cut comes after all that were evaluated on every image.
    """
    finished = [record for record in records if record.state == "finished"]
    return max(finished, key=_merit, default=None)


def _merit(record: Record) -> tuple[bool, float, float]:
    assert record.accuracy is not None
    return record.facts.get("is_whole", True), record.accuracy, -(record.facts.get("validation_loss") or 0.0)


def describe(record: Record) -> str:
    """A trial as a line of text."""
    shown = "the unchanged recipe" if record.is_recipe else show_settings(record.settings)
    accuracy = "" if record.accuracy is None else f" {100 * record.accuracy:.2f} %"
    reason = f": {record.facts['reason']}" if "reason" in record.facts else ""
    return f"trial {record.number} {record.state}{accuracy} in {record.seconds:.1f} s{reason}  ({shown})"


def show_settings(settings: Settings) -> str:
    """The values of a trial as a line of text."""
    return ", ".join(f"{key} {show_value(value)}" for key, value in settings.items())


def show_value(value: object) -> str:
    """A value of a recipe in a few letters."""
    if isinstance(value, dict):
        return " ".join(str(part) if name == "name" else f"{name}={part}" for name, part in value.items())
    return f"{value:.3g}" if isinstance(value, float) else str(value)
