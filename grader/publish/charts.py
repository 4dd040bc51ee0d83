"""Charts as geometry: what the SVG templates draw, in pixels, worked out from a board."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from grader.leaderboard.board import Attempt, Board, BoardRow, duration, legible

LEADERS = 5  # teams with a line and a colour of their own
LABEL_GAP = 15.0  # px between two labels at the right edge
LEFT, RIGHT, TOP, BOTTOM = 52.0, 26.0, 14.0, 44.0  # px around the plot
MINUTES, HOURS, DAYS = (1, 2, 5, 10, 15, 30), (1, 2, 3, 6, 12), (1, 2, 4, 7, 14, 28, 91, 182, 365)
TIME_STEPS = [
    *(timedelta(minutes=count) for count in MINUTES),
    *(timedelta(hours=count) for count in HOURS),
    *(timedelta(days=count) for count in DAYS),
]
RUN_STEPS = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0]


Point = tuple[float, float]  # px


class Size(NamedTuple):
    """Width and height of a drawing in CSS pixels."""

    width: int
    height: int


WIDE, NARROW = Size(480, 330), Size(328, 270)


class Tick(NamedTuple):
    """A mark on an axis."""

    at: float  # px
    text: str


class Series(NamedTuple):
    """A leader's line, or its dot, with the colour class `s0` to `s4` and its rank as a label."""

    colour: int
    rank: int
    team: str
    path: str
    x: float  # px, of its end
    y: float
    label: "Label"


class Label(NamedTuple):
    """Where a text starts, or ends where it is anchored at its `end`."""

    x: float  # px
    y: float
    anchor: Literal["start", "end"] = "start"


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing; every coordinate is in pixels of `size`."""

    size: Size
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    leaders: tuple[Series, ...]
    dots: str  # one path of zero-length strokes: round caps make them dots
    outside: int  # values beyond the scale, drawn on its edge
    limit_x: float | None = None  # px, of the budget

    @property
    def left(self) -> float:
        """Left edge of the plot."""
        return LEFT

    @property
    def right(self) -> float:
        """Right edge of the plot."""
        return self.size.width - RIGHT

    @property
    def top(self) -> float:
        """Upper edge of the plot."""
        return TOP

    @property
    def bottom(self) -> float:
        """Lower edge of the plot."""
        return self.size.height - BOTTOM


def progress_chart(board: Board, size: Size) -> Chart | None:
    """Best score so far of the leaders over time, with all other attempts as dots; None without history."""
    if not board.history:
        return None
    start, end = _span([attempt.submitted for attempt in board.history])
    scores = Scale.of_scores([attempt.score for attempt in board.history], board, size)
    times = Scale(start.timestamp(), end.timestamp(), LEFT, size.width - RIGHT)
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in sorted(board.history, key=lambda attempt: attempt.submitted):
        attempts[attempt.team].append(attempt)
    leaders = [row for row in _leaders(board) if row.team in attempts]
    paths = [_steps(attempts[row.team], board, times, scores) for row in leaders]
    others = (attempt for team in attempts.keys() - {row.team for row in leaders} for attempt in attempts[team])
    return Chart(
        size,
        x_ticks=_time_ticks(start, end, times, size),
        y_ticks=scores.value_ticks(),
        leaders=_series(leaders, paths, _labels_at_the_edge([path[-1] for path in paths])),
        dots=_dots((times(one.submitted.timestamp()), scores(one.score)) for one in others),
        outside=sum(scores.is_outside(attempt.score) for attempt in board.history),
    )


def budget_chart(board: Board, size: Size) -> Chart | None:
    """Score against run time, a dot a row, with the budget as a line; None when no run time is known."""
    rows = [row for row in board.rows if row.run_seconds is not None]
    if not rows:
        return None
    longest = max(board.budget_seconds or 0.0, *(row.run_seconds or 0.0 for row in rows), 1.0)
    scores = Scale.of_scores([row.score for row in rows], board, size)
    times = Scale(0.0, longest * 1.04, LEFT, size.width - RIGHT)
    leaders = [row for row in _leaders(board) if row.run_seconds is not None]
    points = [(times(row.run_seconds or 0.0), scores(row.score)) for row in leaders]
    limit = times(board.budget_seconds) if board.budget_seconds is not None else times.end
    others = [row for row in rows if row not in leaders]
    return Chart(
        size,
        x_ticks=_run_ticks(longest, times),
        y_ticks=scores.value_ticks(),
        leaders=_series(leaders, [[point] for point in points], _labels_beside(points, limit)),
        dots=_dots((times(row.run_seconds or 0.0), scores(row.score)) for row in others),
        outside=sum(scores.is_outside(row.score) for row in rows),
        limit_x=limit if board.budget_seconds is not None else None,
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from values to pixels that holds what lies beyond at its ends."""

    low: float
    high: float
    start: float  # px of `low`
    end: float  # px of `high`

    @classmethod
    def of_scores(cls, scores: Sequence[float], board: Board, size: Size) -> "Scale":
        """The vertical scale: the field from its quarter point to the best, with room, never stretched by outliers."""
        worst, best = board.scale
        sign = 1.0 if board.direction == "higher" else -1.0
        goodness = sorted(sign * score for score in scores)
        quarter = goodness[len(goodness) // 4]
        low, high = min(quarter, sign * worst), max(goodness[-1], sign * best)
        reach = (high - low) or abs(high) * 0.1 or 1.0
        low = max(low - 0.5 * reach, min(goodness[0], low) - 0.08 * reach)
        ends = sorted((sign * low, sign * (high + 0.08 * reach)))
        return cls(ends[0], ends[1], size.height - BOTTOM, TOP)

    def __call__(self, value: float) -> float:
        """Pixels of a value."""
        share = (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def is_outside(self, value: float) -> bool:
        """Whether the scale holds the value at its end."""
        return not self.low <= value <= self.high

    def value_ticks(self) -> tuple[Tick, ...]:
        """About five round values."""
        step = _round_step((self.high - self.low) / 6)
        values = [step * index for index in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        decimals = max(0, -math.floor(math.log10(step)))
        texts = [f"{value:.{decimals}f}" if decimals < 8 and abs(value) < 1e6 else f"{value:.3g}" for value in values]
        return tuple(Tick(self(value), text) for value, text in zip(values, texts, strict=True))


def _leaders(board: Board) -> list[BoardRow]:
    return [row for row in board.rows if not row.baseline][:LEADERS] or list(board.rows[:LEADERS])


def _span(moments: Sequence[datetime]) -> tuple[datetime, datetime]:
    """First and last moment with room; half an hour each way around a single one."""
    start, end = min(moments), max(moments)
    room = (end - start) * 0.03 or timedelta(minutes=30)
    return start - room, end + room


def _steps(attempts: Iterable[Attempt], board: Board, times: Scale, scores: Scale) -> list[Point]:
    """Corners of the best-so-far line; it runs on to the right edge."""
    better = max if board.direction == "higher" else min
    corners: list[Point] = []
    best: float | None = None
    for attempt in attempts:
        x = times(attempt.submitted.timestamp())
        improved = attempt.score if best is None else better(best, attempt.score)
        if best is None or improved != best:
            corners += [(x, scores(best))] if best is not None else []
            corners.append((x, scores(improved)))
        best = improved
    return [*corners, (times.end, corners[-1][1])]


def _series(rows: Sequence[BoardRow], paths: Sequence[Sequence[Point]], labels: Sequence[Label]) -> tuple[Series, ...]:
    return tuple(
        Series(
            colour=index,
            rank=row.rank or index + 1,
            team=legible(row.team),
            path="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in path),
            x=path[-1][0],
            y=path[-1][1],
            label=label,
        )
        for index, (row, path, label) in enumerate(zip(rows, paths, labels, strict=True))
    )


def _labels_at_the_edge(ends: Sequence[Point]) -> list[Label]:
    """Labels to the right of line ends, moved down as far as they need to stay legible."""
    labels = [Label(x + 7, y + 4) for x, y in ends]
    floor = -math.inf
    for index in sorted(range(len(ends)), key=lambda index: ends[index][1]):
        labels[index] = labels[index]._replace(y=max(labels[index].y, floor))
        floor = labels[index].y + LABEL_GAP
    return labels


def _labels_beside(points: Sequence[Point], limit: float) -> list[Label]:
    """Labels to the right of dots, or to the left where another dot or the budget's line is in the way."""

    def label(x: float, y: float) -> Label:
        crowded = any(0 < other_x - x < 24 and abs(other_y - y) < 12 for other_x, other_y in points)
        if crowded or 0 <= limit - x < 22:
            return Label(x - 9, y + 4, "end")
        return Label(x + 9, y + 4)

    return [label(x, y) for x, y in points]


def _dots(points: Iterable[Point]) -> str:
    return "".join(sorted({f"M{x:.1f} {y:.1f}h0" for x, y in points}))


def _round_step(step: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= step * (1 - 1e-9))


def _time_ticks(start: datetime, end: datetime, times: Scale, size: Size) -> tuple[Tick, ...]:
    most = size.width // 78
    step = next((step for step in TIME_STEPS if (end - start) / step <= most), TIME_STEPS[-1] * 4)
    form = "%H:%M" if step < timedelta(hours=12) and end - start < timedelta(days=1) else "%m-%d %H:%M"
    form = "%m-%d" if step >= timedelta(days=1) else form
    form = "%Y-%m" if step >= timedelta(days=91) else form
    midnight = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight + math.ceil((start - midnight) / step) * step
    count = int((end - first) / step) + 1 if first <= end else 0
    moments = [first + index * step for index in range(count)]
    return tuple(Tick(times(moment.timestamp()), moment.strftime(form)) for moment in moments)


def _run_ticks(longest: float, times: Scale) -> tuple[Tick, ...]:
    step = next((step for step in RUN_STEPS if longest / step <= 5), _round_step(longest / 5))
    return tuple(Tick(times(index * step), duration(index * step)) for index in range(int(longest / step) + 1))
