"""What the search and its worker processes tell one another through a pipe."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SHARES = 10  # a run is judged at each tenth of itself


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker needs once."""

    kernel: str
    recipe: dict[str, Any]
    data: Path
    device: str
    threads: int
    seed: int
    position: int  # of this worker among all, from 0


@dataclass(frozen=True, slots=True)
class Task:
    """A trial to run: the values to try, for so many seconds, writing to a folder of its own."""

    number: int
    settings: dict[str, Any]
    seconds: float
    out: Path


@dataclass(frozen=True, slots=True)
class Ready:
    """Imports are done."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An evaluation in the middle of a trial; the answer is whether to stop it."""

    number: int
    tenth: int  # of the run, 0 to SHARES
    accuracy: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial is over: `finished`, `pruned`, `diverged` (no state was ever worth keeping) or `failed`."""

    number: int
    state: str
    seconds: float
    accuracy: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


Message = Ready | Evaluated | Ended
