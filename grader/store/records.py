"""What goes into the store and what comes out of it, as plain frozen dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

Status = Literal["received", "scored", "invalid", "error"]
RunStatus = Literal["finished", "failed", "timeout"]
Cause = Literal["submission", "labels", "rules", "metric", "versions"]


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of a file, named by their SHA-256."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that a team hands in.

    Two arrivals of one team with the same `request_key` are one submission; without a key the bytes of the file are
    the key, so that grading a folder again finds what is there already.
    """

    competition: str
    team: str
    file: Path
    description: str = ""
    file_name: str | None = None  # shown instead of the file's own name, where the file is a temporary one
    request_key: str | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A file handed in, and what became of it.

    `received`: its bytes are safe and it waits for its score. `scored`: see `Store.scores`. `invalid`: the checker
    refused it, `problems` says why, it costs nothing. `error`: the platform failed, it costs nothing and may be
    scored again.
    """

    id: int
    competition: str
    team: str
    request_key: str
    file_name: str
    sha256: str
    bytes: int
    description: str
    received_at: datetime
    status: Status
    problems: str
    scoring: int | None  # the scoring whose scores count now
    selected: bool  # chosen by the team for the final board


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to an arrival: its submission, or the moment when the daily limit lets the team in again."""

    submission: Submission | None
    is_new: bool
    next_allowed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value on a split; `value` is finite."""

    split: str
    metric: str
    value: float
    standard_error: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What computed a score: SHA-256 of solution, rules and metric code, and the versions of the software."""

    solution_sha256: str
    rules_sha256: str
    metric_sha256: str
    versions: Mapping[str, str]

    def causes_since(self, earlier: "Evidence") -> tuple[Cause, ...]:
        """What has changed since an earlier scoring, in the words printed by `grader rescore`."""
        differs: dict[Cause, bool] = {
            "labels": self.solution_sha256 != earlier.solution_sha256,
            "rules": self.rules_sha256 != earlier.rules_sha256,
            "metric": self.metric_sha256 != earlier.metric_sha256,
            "versions": dict(self.versions) != dict(earlier.versions),
        }
        return tuple(cause for cause, changed in differs.items() if changed)


@dataclass(frozen=True, slots=True)
class Scored:
    """Verdict: the submission is fine and these are its scores."""

    submission: int
    scores: tuple[Score, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Rejected:
    """Verdict: the checker refused the submission; `problems` is what the participant sees (text or JSON)."""

    submission: int
    problems: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Verdict: the platform failed; nothing is held against the participant."""

    submission: int
    problems: str


Verdict = Scored | Rejected | Failed


@dataclass(frozen=True, slots=True)
class Scoring:
    """One scoring of a submission; revision 0 is the first, each rescoring adds one and keeps the older ones."""

    id: int
    submission: int
    revision: int
    scored_at: datetime
    evidence: Evidence
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What a rescoring did to one submission; no scores before or after where it was or became invalid."""

    submission: int
    team: str
    before: tuple[Score, ...]
    after: tuple[Score, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Allowance:
    """A team's daily limit at one moment; `next_allowed` is None when a submission is taken now (or never will be)."""

    limit: int
    used: int
    next_allowed: datetime | None

    @property
    def remaining(self) -> int:
        """Submissions that are still taken now."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Run:
    """One timed execution of a kernel; times in wall-clock seconds."""

    competition: str
    kernel: str
    team: str
    budget_seconds: float
    elapsed_seconds: float
    status: RunStatus
    started_at: datetime
    seed: int
    device: str
    submission: int | None = None
    id: int | None = None  # given by the store
