"""The wall clock of a run: what a budget is, how much of it is left, and the last resort when it ends.

The clock counts from the start of the process (or from the start the runner gave), so imports are part of the budget.
"""

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from competition.errors import UserError

_UNIT_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 7 * 24 * 3600.0  # seconds; the system's own timers end at some 24 days
_SHOW_CURSOR = "\x1b[?25h"
_PART = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `45`, `45s`, `10m`, `1.5h` or `1h30m`.

    Raises:
        UserError: the text is no duration or the duration is zero.
    """
    compact = text.strip().lower()
    parts = _PART.findall(compact)
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != compact or seconds <= 0:
        raise UserError(f"budget {text!r} is no duration: write 45s, 10m, 1.5h or 1h30m")
    if seconds > _LONGEST:
        raise UserError(f"budget {text!r} is longer than a week")
    return seconds


def show_duration(seconds: float) -> str:
    """A duration for people: `8.2 s`, `2 min 05 s`, `1 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass(frozen=True, slots=True)
class Clock:
    """A budget that runs: `start` and `deadline` are `time.monotonic()` seconds."""

    start: float
    deadline: float

    @classmethod
    def starting_now(cls, budget_seconds: float) -> "Clock":
        """A budget that begins at this moment (grids, tests)."""
        now = time.monotonic()
        return cls(now, now + budget_seconds)

    def ended_by(self, environment: Mapping[str, str] = os.environ) -> "Clock":
        """This budget, or as much of it as the runner's `GRADER_DEADLINE` (unix time) leaves.

        Raises:
            UserError: `GRADER_DEADLINE` is no number.
        """
        given = environment.get("GRADER_DEADLINE")
        left = _unix_time(given) - time.time() if given else float("inf")
        return Clock(self.start, min(self.deadline, time.monotonic() + left))

    @classmethod
    def of_process(cls, budget_seconds: float, environment: Mapping[str, str] = os.environ) -> "Clock":
        """A budget that began with this process; `GRADER_DEADLINE` (unix time) ends it earlier.

        Raises:
            UserError: `GRADER_DEADLINE` is no number.
        """
        unix_now, now = time.time(), time.monotonic()
        start = now - (unix_now - _process_started(unix_now))
        return cls(start, start + budget_seconds).ended_by(environment)

    @property
    def budget_seconds(self) -> float:
        """Length of the whole budget."""
        return self.deadline - self.start

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    @property
    def last_call(self) -> float:
        """The monotonic second at which the process ends itself, a little before somebody else would."""
        return self.deadline - min(1.0, max(0.3, 0.03 * self.budget_seconds))

    @property
    def remaining(self) -> float:
        """Seconds to the last call; negative after it."""
        return self.last_call - time.monotonic()


def _process_started(unix_now: float) -> float:
    import psutil

    return min(psutil.Process().create_time(), unix_now)


def _unix_time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"GRADER_DEADLINE={text!r} is no unix time: give seconds since 1970") from None


@dataclass(slots=True)
class Reserve:
    """The part of a budget that training must leave: measured seconds of what follows it.

    `finish_seconds` covers files, curves and the end of the interpreter. It is scaled from the measured time of the
    imports, which slows down with the machine just as drawing and writing do.
    """

    predict_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    finish_seconds: float = 1.0
    predicted_images: int = 0  # test images times views
    evaluated_images: int = 0
    processes: int = 1  # that train and evaluate together; the first one predicts alone
    # Another process may take half of the machine at the very end; two cores shared by two runs lose a factor of two.
    safety: float = 1.35

    @property
    def seconds(self) -> float:
        """Seconds before the deadline at which training stops."""
        return self.safety * (self.predict_seconds + self.evaluate_seconds) + self.finish_seconds

    def learn_from_training(self, seconds_an_image: float) -> None:
        """Lower the estimates to what training shows: no image takes longer to predict than to train on."""
        self.predict_seconds = min(self.predict_seconds, self._alone(seconds_an_image))
        self.evaluate_seconds = min(self.evaluate_seconds, seconds_an_image * self.evaluated_images)

    def learn_from_evaluation(self, seconds_an_image: float) -> None:
        """Set the estimates to the speed an evaluation had, of all processes together."""
        self.predict_seconds = self._alone(seconds_an_image)
        self.evaluate_seconds = seconds_an_image * self.evaluated_images

    def _alone(self, seconds_an_image: float) -> float:
        """Seconds for all predictions at the speed of one process."""
        return seconds_an_image * self.processes * self.predicted_images


@dataclass(slots=True)
class Allowance:
    """How far training has come: a function of steps and of time, so that a run ends annealed on any machine.

    After Li, Yumer and Ramanan, Budgeted Training (ICLR 2020): the learning rate follows
    `progress = max(step / total_steps, elapsed / allowance)`.
    """

    clock: Clock
    reserve: Reserve
    total_steps: int
    start: float
    already: float = 0.0  # progress of the run that this one resumes
    slowest_step: float = 0.0

    @property
    def end(self) -> float:
        """The monotonic second at which training must stop.

        However slow the predictions look, half of the time is for training: predictions of a net that has learnt
        nothing are worth nothing, and those that do not fit are left out.
        """
        return max(self.clock.last_call - self.reserve.seconds, (self.start + self.clock.last_call) / 2)

    def evaluation_end(self) -> float:
        """The monotonic second at which an evaluation that begins now must stop.

        If the machine has become slower than anything measured before, evaluation and predictions share what is left
        by their numbers of images: a few validation images fewer cost nothing, test images without a prediction do.
        """
        reserve, now = self.reserve, time.monotonic()
        left = self.clock.last_call - reserve.finish_seconds - now
        images = reserve.evaluated_images + reserve.safety * reserve.processes * reserve.predicted_images
        return now + left * reserve.evaluated_images / max(images, 1)

    def progress(self, step: int) -> float:
        """Progress in 0..1 before step number `step` (0-based)."""
        return min(1.0, self._by_time() if self.is_short(step) else step / self.total_steps)

    def is_short(self, step: int) -> bool:
        """Whether time runs ahead of the steps by more than one, so that not all of them will be made.

        Below one step the clock must not have a say: the same seed would give other rates at every run.
        """
        return self._by_time() > (step + 1) / self.total_steps

    def _by_time(self) -> float:
        span = self.end - self.start
        passed = (time.monotonic() - self.start) / span if span > 0 else 1.0
        return self.already + (1 - self.already) * passed

    def fits_another_step(self, step: int) -> bool:
        """Whether one more step ends both within the steps wished for and before the reserve begins."""
        return step < self.total_steps and time.monotonic() + self.slowest_step < self.end

    def note_step(self, seconds: float) -> None:
        """Remember how long a step took; old slow steps fade, so that one hiccup does not end a run."""
        self.slowest_step = max(seconds, 0.98 * self.slowest_step)


@dataclass(slots=True)
class SteadyAllowance(Allowance):
    """An allowance whose clock only ends a run and has no other say in it: the same steps have the same rates."""

    def is_short(self, step: int) -> bool:
        """Never, as far as the rate and the evaluations are concerned."""
        return False


def hold_to_budget(clock: Clock, work: Callable[[], int], last_words: Callable[[], str]) -> int:
    """Do the work in a child process that is killed just before the deadline, whatever it is busy with.

    A child, because a thread cannot interrupt an import: loading torch on a busy machine may hold the interpreter for
    seconds. By the deadline a valid CSV lies in its place, so a run that was cut is no failure.

    Args:
        clock: the running budget.
        work: does the work and returns the exit code.
        last_words: the line that is printed when the work has to be cut.

    Returns:
        The exit code of the work; 0 where it was cut.
    """
    # A fork of a process with threads may hang, and a forked child has no use of Apple's Metal.
    if not hasattr(os, "fork") or sys.platform == "darwin" or "torch" in sys.modules or threading.active_count() > 1:
        with Watchdog(clock, last_words):
            return work()
    import multiprocessing

    sys.stdout.flush()
    child = multiprocessing.get_context("fork").Process(target=_work_in_child, args=(work, os.getpid()))
    child.start()
    try:
        child.join(max(0.0, clock.remaining))
    except KeyboardInterrupt:
        child.join(2.0)  # it was interrupted too and says so itself
        child.kill()
        return 130
    if child.is_alive():
        child.kill()
        child.join()
        if sys.stderr.isatty():
            print(_SHOW_CURSOR, end="", file=sys.stderr)  # a live view that is killed leaves it hidden
        print(last_words(), file=sys.stderr, flush=True)
        return 0
    if child.exitcode and child.exitcode < 0:
        name = signal.Signals(-child.exitcode).name
        hint = " (most likely memory ran out: try a smaller batch)" if name == "SIGKILL" else ""
        print(f"error: the run was ended by {name}{hint}; the last CSV stays valid", file=sys.stderr, flush=True)
        return 1
    return child.exitcode or 0


def _work_in_child(work: Callable[[], int], parent: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nothing is left when the parent is killed
        if os.getppid() != parent:
            os._exit(1)
    sys.exit(work())


class Watchdog:
    """Ends this process just before its deadline from a thread: for notebooks, and where a child cannot be started."""

    def __init__(self, clock: Clock, last_words: Callable[[], str]) -> None:
        """`last_words` returns the line that is printed when the watchdog has to end the process."""
        self._clock = clock
        self._last_words = last_words
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="budget-watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def _watch(self) -> None:
        if not self._done.wait(max(0.0, self._clock.remaining)):
            print(self._last_words(), file=sys.stderr, flush=True)
            os._exit(0)  # nothing softer stops a thread that sits in a native call
