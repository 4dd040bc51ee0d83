"""Charts: inside the frame, honest about what lies outside, and right about best-so-far and budget."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.leaderboard.board import Attempt, Board, BoardRow
from grader.leaderboard.ranking import Direction
from grader.publish.charts import LABEL_GAP, NARROW, WIDE, Chart, Size, budget_chart, progress_chart

from .conftest import NOON, a_board

finite = st.floats(-1e12, 1e12)


def corners(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


def of_attempts(scores: list[float], direction: Direction = "higher", step: timedelta = timedelta(hours=1)) -> Board:
    history = tuple(Attempt("a", NOON + index * step, score) for index, score in enumerate(scores))
    best = max(scores) if direction == "higher" else min(scores)
    rows = (BoardRow(1, "a", best, len(scores), NOON),)
    return replace(a_board(), rows=rows, history=history, direction=direction)


def drawn(board: Board) -> Chart:
    chart = progress_chart(board, WIDE)
    assert chart is not None
    return chart


def test_a_board_without_attempts_or_run_times_has_no_chart() -> None:
    board = replace(a_board(), rows=(), history=())
    assert progress_chart(board, WIDE) is None
    assert budget_chart(board, WIDE) is None


@pytest.mark.parametrize(("direction", "sign"), [("higher", -1), ("lower", 1)])
def test_the_line_only_moves_to_better_scores(direction: Direction, sign: int) -> None:
    (line,) = drawn(of_attempts([0.5, 0.4, 0.7, 0.6, 0.9, 0.2], direction)).leaders
    heights = [y for _, y in corners(line.path)]
    assert [sign * y for y in heights] == sorted(sign * y for y in heights)
    assert len(set(heights)) == {"higher": 3, "lower": 3}[direction]


def test_the_line_starts_at_the_first_attempt_and_runs_to_the_edge() -> None:
    chart = drawn(of_attempts([0.5, 0.6]))
    (line,) = chart.leaders
    path = corners(line.path)
    assert path[0][0] > chart.left
    assert path[-1] == (chart.right, path[-2][1])


def test_the_first_five_teams_have_lines_and_the_others_dots() -> None:
    chart = drawn(a_board())
    assert [line.rank for line in chart.leaders] == [1, 2, 3, 4, 5]
    assert chart.dots.count("h0") == 4  # three attempts of the sixth team, one of the sample submission
    assert "sample_submission" not in [line.team for line in chart.leaders]


def test_labels_never_overlap() -> None:
    rows = tuple(BoardRow(rank, f"t{rank}", 0.9 - rank * 1e-6, 1, NOON) for rank in range(1, 6))
    history = tuple(Attempt(row.team, NOON, row.score) for row in rows)
    heights = sorted(line.label.y for line in drawn(replace(a_board(), rows=rows, history=history)).leaders)
    assert all(lower - upper >= LABEL_GAP - 1e-9 for upper, lower in pairwise(heights))


def test_an_outlier_is_drawn_on_the_edge_and_counted() -> None:
    chart = drawn(of_attempts([0.90, 0.91, 0.92, 0.93, 0.94, 0.01]))
    assert chart.outside == 1
    assert chart.bottom == min(chart.bottom, *(tick.at + 1e3 for tick in chart.y_ticks))


def test_the_budget_line_stands_at_the_budget() -> None:
    chart = budget_chart(replace(a_board(), budget_seconds=600.0), WIDE)
    assert chart is not None and chart.limit_x is not None
    ten_minutes = next(tick for tick in chart.x_ticks if tick.text == "10:00")
    assert chart.limit_x == pytest.approx(ten_minutes.at)
    assert all(dot.x <= chart.limit_x for dot in chart.leaders)


def test_a_run_over_the_budget_stands_right_of_the_line() -> None:
    board = a_board()
    chart = budget_chart(replace(board, rows=(replace(board.rows[0], run_seconds=900.0),)), WIDE)
    assert chart is not None and chart.limit_x is not None
    assert chart.leaders[0].x > chart.limit_x


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("step", [timedelta(seconds=1), timedelta(minutes=3), timedelta(hours=5), timedelta(days=90)])
def test_ticks_are_inside_distinct_and_few(size: Size, step: timedelta) -> None:
    chart = progress_chart(of_attempts([0.1, 0.5, 0.3, 0.7], step=step), size)
    assert chart is not None
    for ticks, start, end in ((chart.x_ticks, chart.left, chart.right), (chart.y_ticks, chart.top, chart.bottom)):
        assert all(start - 0.01 <= tick.at <= end + 0.01 for tick in ticks)
        assert len({tick.text for tick in ticks}) == len(ticks) <= 9


@settings(max_examples=80, deadline=None)
@given(st.lists(finite, min_size=1, max_size=12), st.sampled_from(["higher", "lower"]), st.sampled_from([WIDE, NARROW]))
def test_everything_is_drawn_inside_the_frame(scores: list[float], direction: Direction, size: Size) -> None:
    chart = progress_chart(of_attempts(scores, direction), size)
    assert chart is not None
    for x, y in [*corners(chart.dots), *(point for line in chart.leaders for point in corners(line.path))]:
        assert chart.left - 0.1 <= x <= chart.right + 0.1
        assert chart.top - 0.1 <= y <= chart.bottom + 0.1
