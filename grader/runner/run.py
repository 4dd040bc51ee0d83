"""One timed execution of a kernel: its folder, its environment, its log and how it ended."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import IO, Literal, TypedDict

from grader.runner.kernel import Kernel

SUBMISSION = "submission.csv"
LOG = "log.txt"
OUTCOME = "outcome.json"

Status = Literal["finished", "failed", "timeout"]


class _Ended(TypedDict):
    status: Status
    exit_code: int | None
    elapsed_seconds: float


# What a kernel may know of the machine; all else, tokens and the place of the vault among it, stays outside.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "TERM",
)
PASSED_ON_PREFIXES = (
    "CUDA_",
    "NVIDIA_",
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "TORCH_HOME",
    "PYTORCH_",
    "XDG_CACHE_HOME",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; `submission` is the CSV of a finished run, else None: a late file is no file."""

    kernel: str
    status: Status
    exit_code: int | None
    elapsed_seconds: float
    budget_seconds: float
    seed: int
    started_at: str
    folder: Path
    submission: Path | None

    def to_json(self) -> dict[str, object]:
        """The outcome for machines."""
        return asdict(self) | {
            "folder": str(self.folder),
            "submission": self.submission and str(self.submission),
        }


def run_kernel(
    kernel: Kernel,
    bundle: Path,
    runs: Path,
    *,
    budget_seconds: float,
    seed: int,
    on_line: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run a kernel on a bundle and stop it, with all it has started, when its budget ends.

    Args:
        kernel: what to run.
        bundle: the competition's bundle, given to the kernel as `GRADER_BUNDLE`.
        runs: the folder that gets a new folder for this run, the kernel's working folder (`GRADER_OUT`).
        budget_seconds: wall clock from the start of the kernel's process, its imports included.
        seed: given as `GRADER_SEED`.
        on_line: told each line the kernel prints, as it comes.
    """
    started_at = datetime.now(UTC)
    folder = runs / f"{started_at:%Y%m%dT%H%M%S}-{kernel.name}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    folder = folder.resolve()
    environment = kernel_environment(kernel, bundle.resolve(), folder, budget_seconds, seed)
    ended = _supervised(kernel, folder, environment, budget_seconds, on_line)
    submission = folder / SUBMISSION
    outcome = Outcome(
        kernel=kernel.name,
        status=ended["status"],
        exit_code=ended["exit_code"],
        elapsed_seconds=ended["elapsed_seconds"],
        budget_seconds=budget_seconds,
        seed=seed,
        started_at=started_at.isoformat(timespec="seconds"),
        folder=folder,
        submission=submission if ended["status"] == "finished" and _is_plain_file(submission) else None,
    )
    (folder / OUTCOME).write_text(json.dumps(outcome.to_json(), indent=2) + "\n", encoding="utf-8")
    return outcome


def kernel_environment(
    kernel: Kernel,
    bundle: Path,
    folder: Path,
    budget_seconds: float,
    seed: int,
    outside: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """The environment of a run: what is harmless of the machine's, and what the run is about."""
    environment = {k: v for k, v in outside.items() if k in PASSED_ON or k.startswith(PASSED_ON_PREFIXES)}
    if kernel.import_path:
        paths = [str(kernel.import_path), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": str(seed),
        "GRADER_BUNDLE": str(bundle),
        "GRADER_OUT": str(folder),
        "GRADER_BUDGET_SECONDS": repr(budget_seconds),
        "GRADER_SEED": str(seed),
    }


def _supervised(
    kernel: Kernel,
    folder: Path,
    environment: dict[str, str],
    budget_seconds: float,
    on_line: Callable[[str], None],
) -> _Ended:
    """Start the supervisor, pass the kernel's lines on while it runs, and read how it ended."""
    report_read, report_write = os.pipe()
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "grader.runner.supervise",
            str(report_write),
            repr(budget_seconds),
            *kernel.command,
        ],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(report_write,),
    )
    os.close(report_write)
    assert supervisor.stdout is not None
    reader = Thread(target=_copy_lines, args=(supervisor.stdout, folder / LOG, on_line), daemon=True)
    reader.start()
    try:
        with os.fdopen(report_read, "rb") as report:
            told = report.read()
    except BaseException:
        supervisor.terminate()
        raise
    finally:
        supervisor.wait()
        reader.join()
    if not told:
        raise RuntimeError(f"the supervisor of this run ended without a report: see {folder / LOG}")
    ended: _Ended = json.loads(told)
    return ended


def _copy_lines(stream: IO[bytes], log: Path, on_line: Callable[[str], None]) -> None:
    """Write what the kernel prints to its log as it comes, and pass each line on."""
    with log.open("wb") as file:
        for line in stream:
            file.write(line)
            file.flush()
            on_line(line.decode("utf-8", errors="replace").rstrip())


def _is_plain_file(path: Path) -> bool:
    """No link: a kernel could point one at a file that is not its own."""
    return path.is_file() and not path.is_symlink()
