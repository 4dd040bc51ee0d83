"""Holds one command to its budget: `python -m grader.runner.supervise REPORT_FD BUDGET_SECONDS COMMAND …`.

A process of its own stands between the harness and the kernel because killing a process group is not enough: a child
that calls `setsid` leaves the group. On Linux the supervisor makes itself the subreaper (prctl(2),
PR_SET_CHILD_SUBREAPER), so whatever the kernel starts and abandons becomes the supervisor's child and is found and
killed with the rest. Should the harness itself die, the kernel signals the supervisor (PR_SET_PDEATHSIG), and the
tree ends too.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from types import FrameType

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


class AbandonedError(Exception):
    """The harness that started this run is gone or has asked it to stop."""


def supervise(command: list[str], budget_seconds: float) -> dict[str, object]:
    """Run the command until it ends or its budget does; leave no process of its tree alive.

    Returns:
        `status` (finished, failed or timeout), `exit_code` (None after a timeout) and `elapsed_seconds`.
    """
    started = time.monotonic()
    exit_code: int | None = None
    timed_out = False
    os.environ["GRADER_DEADLINE"] = repr(time.time() + budget_seconds)  # for the kernel's own clock
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            exit_code = child.wait(timeout=budget_seconds - (time.monotonic() - started))
        except subprocess.TimeoutExpired:
            timed_out = True
    except AbandonedError:
        exit_code = -signal.SIGTERM
    finally:
        elapsed = time.monotonic() - started
        kill_descendants()
    status = "timeout" if timed_out else "finished" if exit_code == 0 else "failed"
    return {"status": status, "exit_code": exit_code, "elapsed_seconds": elapsed}


def kill_descendants() -> None:
    """Kill every process below this one, again until none is left: a fork bomb forks between two looks."""
    while alive := [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]:
        for process in alive:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(alive, timeout=0.05)


def _adopt_orphans() -> None:
    """Become the parent of abandoned descendants, and be told when the harness dies. Linux only."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _abandon(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise AbandonedError


def main() -> None:
    """Read the arguments, run, and write the outcome as JSON to the report descriptor, which the kernel never gets."""
    report, budget_seconds, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(report, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the harness, which then asks by SIGTERM
    signal.signal(signal.SIGTERM, _abandon)
    _adopt_orphans()
    outcome = supervise(command, budget_seconds)
    with os.fdopen(report, "w") as stream:
        json.dump(outcome, stream)


if __name__ == "__main__":
    main()
