"""What a check has to say: a level, a code, a plain sentence with numbers, and what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["ok", "note", "warning", "fault"]

SHOWN = 3  # how many ids a sentence names; the list beside it holds them all


@dataclass(frozen=True, slots=True)
class Listing:
    """The items a finding is about, as the table `name`. It may hold labels, so it is for the instructor alone."""

    name: str
    header: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination.

    Attributes:
        level: `ok`, `note` (nothing to do), `warning` (true and worth a decision) or `fault` (do not open the
            competition like this).
        code: a stable word for programs.
        message: one sentence with numbers; it never holds a hidden label.
        remedy: what to do about it, empty where there is nothing to do.
        listing: the items in question.
    """

    level: Level
    code: str
    message: str
    remedy: str = ""
    listing: Listing | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The finding as `--json` prints it; the items in question only by the name of their file."""
        told = {"level": self.level, "code": self.code, "message": self.message, "remedy": self.remedy}
        return told | {"file": self.listing.name if self.listing else None}


def is_sound(findings: Iterable[Finding]) -> bool:
    """Whether there is no fault."""
    return all(finding.level != "fault" for finding in findings)


def some(ids: Sequence[str]) -> str:
    """The first ids in a row of words, and how many more there are."""
    more = len(ids) - SHOWN
    return ", ".join(ids[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def percent(count: int, whole: int) -> str:
    """A share in percent with two significant digits: `19 %`, `0.021 %`."""
    share = 100 * count / whole if whole else 0.0
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"
