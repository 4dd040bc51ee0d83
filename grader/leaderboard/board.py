"""What a leaderboard shows, whatever shows it: the model that the terminal, the page and the machine files share."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from grader.leaderboard.ranking import Direction, Split

FEWEST_DECIMALS = 4
MOST_DECIMALS = 10  # beyond this a tie is shown as a tie; the machine files keep full precision
NORMAL_95 = 1.959963984540054  # two-sided 95 % point of the standard normal distribution
TUKEY_FENCE = 1.5  # interquartile ranges; Tukey, Exploratory Data Analysis (1977)
HIDDEN_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}  # control characters, lone surrogates, line and paragraph separators
DIRECTION_OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class Bilingual(NamedTuple):
    """One text in both languages of the pages."""

    ko: str
    en: str


@dataclass(frozen=True, slots=True)
class BoardRow:
    """An entry as it is shown: a team's best score on one split, in full precision."""

    rank: int | None  # None: shown in its place, not ranked (a baseline)
    team: str
    score: float
    submissions: int  # how many of the team's submissions were scored
    last_submission: datetime  # UTC
    standard_error: float | None = None
    interval: tuple[float, float] | None = None  # of the score, 95 %; from the standard error where absent
    run_seconds: float | None = None  # wall clock of the kernel run that made the submission
    movement: int | None = None  # places gained from Public to Private; negative: lost
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One scored submission on its way through the competition, for the charts."""

    team: str
    submitted: datetime  # UTC
    score: float
    run_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class FailedSubmission:
    """A submission that got no score: listed, never ranked."""

    team: str
    submitted: datetime  # UTC
    reason: str  # one line that participants may read


@dataclass(frozen=True)
class Board:
    """The leaderboard of one competition on one split, best row first.

    Raises:
        ValueError: a score is not finite, or a Public board shows movement, which would tell Private ranks.
    """

    competition: str
    title: Bilingual
    metric: str
    direction: Direction
    split: Split
    generated: datetime  # UTC
    rows: tuple[BoardRow, ...] = ()
    failed: tuple[FailedSubmission, ...] = ()
    history: tuple[Attempt, ...] = ()  # scores of the same split
    budget_seconds: float | None = None
    split_rows: int | None = None  # test rows this split is measured on
    test_rows: int | None = None  # test rows in all

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (*(row.score for row in self.rows), *(one.score for one in self.history)))):
            raise ValueError("a score that is not finite cannot be on a board")
        if self.split == "Public" and any(row.movement is not None for row in self.rows):
            raise ValueError("a Public board must not show movement: it would tell Private ranks")

    @cached_property
    def displayed(self) -> tuple[str, ...]:
        """The scores of `rows`, rounded for display."""
        return displayed_scores([row.score for row in self.rows])

    @property
    def decimals(self) -> int:
        """Decimals of the displayed scores."""
        return decimals_to_tell_apart([row.score for row in self.rows])

    @property
    def leader(self) -> BoardRow | None:
        """The best ranked row."""
        return next((row for row in self.rows if row.rank is not None), None)

    @property
    def submissions(self) -> int:
        """Scored submissions of all teams but baselines."""
        return sum(row.submissions for row in self.rows if not row.baseline)

    @property
    def teams(self) -> int:
        """Rows that are not baselines."""
        return sum(not row.baseline for row in self.rows)

    @cached_property
    def scale(self) -> tuple[float, float]:
        """The scores at the left and right end of a strip that compares rows: worst and best but for outliers.

        Intervals have room on it. Baselines and scores beyond Tukey's fence on the bad side would press the field
        into one point, so they do not stretch the scale; they are drawn at its end.
        """
        rows = [row for row in self.rows if not row.baseline] or list(self.rows)
        if not rows:
            return (0.0, 1.0)
        sign = 1.0 if self.direction == "higher" else -1.0
        rows.sort(key=lambda row: sign * row.score)
        quarter, three_quarters = (sign * rows[len(rows) * part // 4].score for part in (1, 3))
        fence = quarter - TUKEY_FENCE * (three_quarters - quarter)
        worst = next(row for row in rows if sign * row.score >= fence)
        worst_ends, best_ends = (bounds(row) or (row.score, row.score) for row in (worst, rows[-1]))
        return (worst_ends[0], best_ends[1]) if self.direction == "higher" else (worst_ends[1], best_ends[0])

    def position(self, score: float) -> float:
        """Where a score lies on `scale`: 0 worst to 1 best, 1 for all when every score is the same."""
        worst, best = self.scale
        if worst == best:
            return 1.0 if (score - best) * (1 if self.direction == "higher" else -1) >= 0 else 0.0
        return min(1.0, max(0.0, (score - worst) / (best - worst)))


def bounds(row: BoardRow) -> tuple[float, float] | None:
    """The 95 % interval of a row's score: the one it brings, or the normal one from its standard error."""
    if row.interval is not None or row.standard_error is None:
        return row.interval
    return (row.score - NORMAL_95 * row.standard_error, row.score + NORMAL_95 * row.standard_error)


def displayed_scores(scores: Sequence[float]) -> tuple[str, ...]:
    """Scores, given in board order, rounded alike and far enough to tell unequal neighbours apart.

    >>> displayed_scores([0.95, 0.9499961, 0.9])
    ('0.950000', '0.949996', '0.900000')
    """
    decimals = decimals_to_tell_apart(scores)
    return tuple(rounded(score, decimals) for score in scores)


def decimals_to_tell_apart(scores: Sequence[float]) -> int:
    """The fewest decimals, 4 to 10, with which unequal neighbours differ and nothing but zero reads as zero."""
    for decimals in range(FEWEST_DECIMALS, MOST_DECIMALS):
        texts = [rounded(score, decimals) for score in scores]
        told_apart = all(
            one != other or scores[index] == scores[index + 1] for index, (one, other) in enumerate(pairwise(texts))
        )
        if told_apart and all(float(text) or not score for text, score in zip(texts, scores, strict=True)):
            return decimals
    return MOST_DECIMALS


def rounded(score: float, decimals: int) -> str:
    """A score with that many decimals, in powers of ten where plain digits would be endless."""
    text = f"{score:.{decimals}{'f' if abs(score) < 1e9 else 'e'}}"
    return text if float(text) else text.lstrip("-")


def duration(seconds: float) -> str:
    """A wall-clock time as `m:ss`, or `h:mm:ss` from an hour on."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def legible(name: str) -> str:
    """A name from outside in one line, without the characters that rewrite a terminal or turn text around."""
    shown = "".join(
        "\ufffd" if unicodedata.category(mark) in HIDDEN_CATEGORIES or mark in DIRECTION_OVERRIDES else mark
        for mark in name
    )
    return " ".join(shown.split()) or "\u2014"
