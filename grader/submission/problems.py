"""What is wrong with a submission: problems in plain words, the same for a terminal, a page and JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from competition.errors import BadInputError

FIRST = 10  # how many ids, lines or names a message shows before it only counts
LONGEST_SHOWN = 40  # characters of a cell that a message repeats

_LONGEST_GUESSED = 100  # characters of a text for which the nearest choice is looked for
_MOST_CHOICES = 12_000  # and how many choices are looked through


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a submission.

    `code` is stable and meant for programs, `message` is one line for people, `line` is the first line of the file it
    concerns (1 is the header), `ids` are the first ten ids it concerns.
    """

    code: str
    message: str
    line: int | None = None
    ids: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The problem as `--json` prints it."""
        return asdict(self) | {"ids": list(self.ids)}


class UnreadableError(BadInputError):
    """A file in which nothing can be checked: it holds no table of text."""

    def __init__(self, code: str, message: str, line: int | None = None):
        super().__init__(message)
        self.problem = Problem(code, message, line)


def shown(text: str) -> str:
    """A piece of somebody's file as a message may show it: quoted, on one line, short, without control characters."""
    clipped = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in clipped)
    return f"'{safe}'"


def listed(items: Sequence[str], total: int) -> str:
    """The first items in a row of words, and how many more there are."""
    more = total - len(items)
    return ", ".join(items) + (f" and {more:,} more" if more else "")


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def nearest(text: str, choices: Sequence[str]) -> str | None:
    """The choice somebody who wrote `text` most likely meant, or None.

    Tried in this order: spaces around it, Unicode composition (macOS writes Korean decomposed), letter case, the same
    number written otherwise, a slip of the pen.
    """
    from difflib import get_close_matches
    from unicodedata import normalize

    def plain(choice: str) -> str:
        return normalize("NFC", choice).strip().casefold()

    if len(text) > _LONGEST_GUESSED or len(choices) > _MOST_CHOICES:
        return None
    for same in (str.strip, lambda choice: normalize("NFC", choice).strip(), plain, as_number):
        wanted = same(text)
        for choice in choices:
            if wanted is not None and same(choice) == wanted:
                return choice
    return next(iter(get_close_matches(text, choices, n=1, cutoff=0.6)), None)


def as_number(text: str) -> float | None:
    """The text as a number, for comparing what people wrote; None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None
