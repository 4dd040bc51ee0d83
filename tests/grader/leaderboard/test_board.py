"""The board's model: display, scale, names from outside, and the way from scored submissions to rows."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from competition.rules import MetricRule, Rules
from grader.leaderboard.assemble import Facts, Measurement, assemble
from grader.leaderboard.board import (
    Attempt,
    Bilingual,
    Board,
    BoardRow,
    FailedSubmission,
    bounds,
    displayed_scores,
    duration,
    legible,
)
from grader.leaderboard.ranking import Candidate

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = Rules(
    competition="digits",
    title="Digits",
    task="classification",
    form="labels",
    metric=MetricRule("accuracy"),
    final_selections=1,
)
FACTS = Facts(Bilingual("숫자", "Digits"), "higher", NOON, split_rows=500, test_rows=1000)

scores = st.floats(allow_nan=False, allow_infinity=False)


def a_board(*values: float, **changes: object) -> Board:
    rows = tuple(BoardRow(rank, f"team {rank}", value, 1, NOON) for rank, value in enumerate(values, start=1))
    board = Board("digits", Bilingual("숫자", "Digits"), "accuracy", "higher", "Public", NOON, rows)
    return replace(board, **changes)


def candidate(number: int, team: str, public: float | None, private: float | None, hour: int = 0) -> Candidate:
    return Candidate(number, team, NOON + timedelta(hours=hour), public, private)


class TestDisplay:
    def test_four_decimals_are_enough_for_scores_far_apart(self) -> None:
        assert displayed_scores([0.9512, 0.81234, 1 / 52]) == ("0.9512", "0.8123", "0.0192")

    def test_close_neighbours_get_the_decimals_that_tell_them_apart(self) -> None:
        assert displayed_scores([0.95, 0.9499961, 0.9]) == ("0.950000", "0.949996", "0.900000")

    def test_a_tie_does_not_ask_for_more_decimals(self) -> None:
        assert displayed_scores([0.5, 0.5, 0.25]) == ("0.5000", "0.5000", "0.2500")

    def test_a_tiny_score_does_not_read_as_zero(self) -> None:
        assert displayed_scores([3e-7]) == ("0.0000003",)

    def test_minus_zero_reads_as_zero(self) -> None:
        assert displayed_scores([-0.0]) == ("0.0000",)

    def test_a_huge_loss_is_written_with_a_power_of_ten(self) -> None:
        assert displayed_scores([1.5, 2e300]) == ("1.5000", "2.0000e+300")

    @given(st.lists(scores, max_size=8))
    @example([1e9, 999999999.9999999])
    def test_scores_that_differ_by_a_billionth_read_differently(self, values: list[float]) -> None:
        texts = displayed_scores(values)
        for (one, other), (text, other_text) in zip(pairwise(values), pairwise(texts), strict=True):
            if abs(one - other) > 1e-9 * max(1.0, abs(one), abs(other)):
                assert text != other_text

    @pytest.mark.parametrize(
        ("seconds", "text"), [(0, "0:00"), (9.6, "0:10"), (59.9, "1:00"), (600, "10:00"), (3661, "1:01:01")]
    )
    def test_a_duration_reads_as_minutes_and_seconds(self, seconds: float, text: str) -> None:
        assert duration(seconds) == text


class TestNames:
    def test_emoji_korean_hebrew_and_joined_emoji_stay_as_they_are(self) -> None:
        for name in ("밤샘 코딩", "עומק הרשת", "👩‍💻 coders", "Adam & <b>Eve</b>"):
            assert legible(name) == name

    def test_escapes_newlines_and_direction_overrides_are_made_visible_or_spaces(self) -> None:
        assert legible("a\x1b[31mb") == "a\ufffd[31mb"
        assert legible("two\nlines") == "two\ufffdlines"
        assert legible("abc\u202egnp.exe") == "abc\ufffdgnp.exe"
        assert legible("half \ud800") == "half \ufffd"

    def test_an_empty_name_is_a_dash(self) -> None:
        assert legible("  ") == "—"

    @given(st.text())
    def test_every_name_can_be_written_and_has_no_control_character(self, name: str) -> None:
        shown = legible(name)
        assert shown
        assert shown.encode("utf-8")
        assert not any(ord(mark) < 32 or 127 <= ord(mark) < 160 for mark in shown)


class TestBoard:
    @pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
    def test_a_score_that_is_not_finite_is_refused(self, score: float) -> None:
        with pytest.raises(ValueError, match="finite"):
            a_board(score)
        with pytest.raises(ValueError, match="finite"):
            a_board(0.5, history=(Attempt("team 1", NOON, score),))

    def test_a_public_board_refuses_to_tell_private_ranks(self) -> None:
        with pytest.raises(ValueError, match="Private ranks"):
            a_board(0.5, rows=(BoardRow(1, "a", 0.5, 1, NOON, movement=2),))

    def test_the_scale_leaves_baselines_and_outliers_at_its_end(self) -> None:
        sample = BoardRow(None, "sample", 0.02, 1, NOON, baseline=True)
        board = a_board(0.96, 0.95, 0.94, 0.93, 0.92, 0.30)
        board = replace(board, rows=(*board.rows, sample))
        assert board.scale == (0.92, 0.96)
        assert [board.position(row.score) for row in board.rows] == pytest.approx([1, 0.75, 0.5, 0.25, 0, 0, 0])

    def test_where_lower_is_better_the_lowest_score_stands_at_the_right(self) -> None:
        board = a_board(0.1, 0.2, 0.3, direction="lower")
        assert [board.position(row.score) for row in board.rows] == pytest.approx([1, 0.5, 0])

    @given(st.lists(scores, max_size=10), st.sampled_from(["higher", "lower"]), scores)
    def test_every_position_lies_on_the_strip(self, values: list[float], direction: str, score: float) -> None:
        board = a_board(*sorted(values, reverse=direction == "higher"), direction=direction)
        assert 0 <= board.position(score) <= 1

    def test_the_interval_comes_from_the_standard_error_where_none_is_given(self) -> None:
        row = BoardRow(1, "a", 0.5, 1, NOON, standard_error=0.01)
        assert bounds(row) == pytest.approx((0.4804003601545995, 0.5195996398454005))
        assert bounds(replace(row, interval=(0.4, 0.7))) == (0.4, 0.7)
        assert bounds(replace(row, standard_error=None)) is None

    def test_figures_count_teams_and_not_baselines(self) -> None:
        board = a_board(0.9, 0.8, rows=(BoardRow(None, "sample", 1.0, 3, NOON, baseline=True), *a_board(0.9, 0.8).rows))
        assert (board.teams, board.submissions) == (2, 2)
        assert board.leader is not None
        assert board.leader.team == "team 1"


class TestAssemble:
    def test_a_public_board_ranks_by_public_scores_and_knows_nothing_private(self) -> None:
        board = assemble(
            RULES, FACTS, "Public", [candidate(1, "a", 0.5, 0.123456), candidate(2, "b", 0.7, 0.654321, 1)]
        )
        assert [(row.rank, row.team, row.score) for row in board.rows] == [(1, "b", 0.7), (2, "a", 0.5)]
        assert [attempt.score for attempt in board.history] == [0.5, 0.7]
        assert "123456" not in repr(board)
        assert "654321" not in repr(board)

    def test_a_baseline_stands_in_its_place_without_taking_a_rank(self) -> None:
        made = [candidate(1, "a", 0.9, None), candidate(2, "linear", 0.8, None), candidate(3, "b", 0.7, None)]
        board = assemble(RULES, FACTS, "Public", made, baselines={"linear"})
        assert [(row.rank, row.team, row.baseline) for row in board.rows] == [
            (1, "a", False),
            (None, "linear", True),
            (2, "b", False),
        ]

    def test_a_private_board_tells_how_far_each_team_moved(self) -> None:
        made = [
            candidate(1, "a", 0.9, 0.5),
            candidate(2, "linear", 0.85, 0.6),
            candidate(3, "b", 0.8, 0.7),
            candidate(4, "c", 0.7, 0.4),
        ]
        board = assemble(RULES, FACTS, "Private", made, baselines={"linear"})
        assert [(row.rank, row.team, row.movement) for row in board.rows] == [
            (1, "b", 1),
            (None, "linear", None),
            (2, "a", -1),
            (3, "c", 0),
        ]

    def test_a_row_has_the_measurement_of_its_own_submission(self) -> None:
        made = [candidate(1, "a", 0.9, None), candidate(2, "a", 0.8, None, hour=5)]
        measured = {1: Measurement(0.01, run_seconds=30.0), 2: Measurement(0.02, run_seconds=60.0)}
        (row,) = assemble(RULES, FACTS, "Public", made, measured=measured).rows
        assert (row.standard_error, row.run_seconds, row.submissions) == (0.01, 30.0, 2)
        assert row.last_submission == NOON + timedelta(hours=5)

    def test_scores_that_are_missing_or_not_finite_are_in_neither_rows_nor_history(self) -> None:
        made = [candidate(1, "a", None, 0.5), candidate(2, "b", math.nan, 0.5), candidate(3, "c", 0.1, 0.2)]
        board = assemble(RULES, FACTS, "Public", made)
        assert [row.team for row in board.rows] == ["c"]
        assert [attempt.team for attempt in board.history] == ["c"]

    def test_failed_submissions_are_listed_latest_first(self) -> None:
        failed = [FailedSubmission("a", NOON, "empty"), FailedSubmission("b", NOON + timedelta(hours=1), "empty")]
        board = assemble(RULES, FACTS, "Public", [], failed=failed)
        assert [one.team for one in board.failed] == ["b", "a"]
        assert board.rows == ()
