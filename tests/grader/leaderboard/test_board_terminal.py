"""The board in a terminal: it fits, it lines up, and no name can play with the terminal."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from grader.leaderboard.board import Bilingual, Board, BoardRow, FailedSubmission
from grader.leaderboard.terminal import BoardView, Language

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROWS = (
    BoardRow(1, "Kernel Panic", 0.9721, 12, NOON - timedelta(minutes=4), 0.0026, run_seconds=330),
    BoardRow(2, "밤샘 코딩", 0.9684, 9, NOON - timedelta(hours=3), 0.0028, run_seconds=299),
    BoardRow(None, "sample_submission", 1 / 52, 1, NOON - timedelta(days=6), 0.002, baseline=True),
)
BOARD = Board(
    "fontchar",
    Bilingual("여러 글꼴의 영문자", "English characters"),
    "accuracy",
    "higher",
    "Public",
    NOON,
    ROWS,
    (FailedSubmission("밤샘 코딩", NOON, "the column 'label' is missing"),),
    budget_seconds=600,
    split_rows=3900,
    test_rows=7800,
)


def shown(board: Board, width: int = 80, language: Language = "en", *, terminal: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system="truecolor" if terminal else None
    )
    console.print(BoardView(board, language))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def line_of(text: str, part: str) -> str:
    return next(line for line in text.splitlines() if part in line)


def words_of(text: str, part: str) -> str:
    return " ".join(line_of(text, part).split())


def test_eighty_columns_hold_every_column() -> None:
    text = shown(BOARD)
    assert line_of(text, "Team").split() == ["#", "Team", "Score", "±", "95", "%", "Subs", "Run", "Last"]
    assert line_of(text, "Kernel Panic").split() == [
        "1",
        "Kernel",
        "Panic",
        "0.9721",
        "0.0051",
        "12",
        "5:30",
        "4",
        "min",
    ]
    assert line_of(text, "sample_sub").split() == [
        "–",
        "sample_submission",
        "baseline",
        "0.0192",
        "0.0039",
        "1",
        "6",
        "d",
    ]
    assert "3,900 of 7,800 test rows" in text
    assert "budget 10:00" in text


def test_korean_names_take_two_cells_a_letter_so_that_scores_line_up() -> None:
    text = shown(BOARD)
    ends = {
        cell_len(line_of(text, name).split(score)[0])
        for name, score in (("Kernel", "0.9721"), ("밤샘 코딩  ", "0.9684"), ("sample_s", "0.0192"))
    }
    assert len(ends) == 1


def test_korean_view_has_korean_words() -> None:
    text = shown(BOARD, language="ko")
    assert "여러 글꼴의 영문자" in text
    assert "높을수록 좋음" in text
    assert "순위에 없음" in text


def test_plain_output_has_no_escape_codes_and_colour_has_bars_and_medals() -> None:
    assert "\x1b" not in shown(BOARD)
    coloured = shown(BOARD, terminal=True)
    assert "\x1b[1;38;2;212;160;23m" in coloured
    assert "━" in coloured


def test_no_color_leaves_neither_colour_nor_the_bars_that_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(BOARD, terminal=True)
    assert "━" not in text
    assert ";2;" not in text  # true colour


def test_a_failed_submission_is_listed_below_without_a_rank() -> None:
    text = shown(BOARD)
    assert "Not ranked · 1 submitted without a score" in text
    assert text.index("sample_submission") < text.index("the column 'label' is missing")


def test_an_empty_board_says_so() -> None:
    assert "No submission has a score yet." in shown(replace(BOARD, rows=(), failed=()))


def test_a_private_board_shows_movement() -> None:
    rows = (replace(ROWS[0], movement=3), replace(ROWS[1], movement=-2))
    text = shown(replace(BOARD, split="Private", rows=rows))
    assert "▲3" in line_of(text, "Kernel")
    assert "▼2" in line_of(text, "0.9684")


def test_narrow_terminals_lose_columns_but_never_rank_team_or_score() -> None:
    text = shown(BOARD, width=32)
    assert words_of(text, "Team") == "# Team Score"
    assert words_of(text, "Kernel") == "1 Kernel Panic 0.9721"


def test_five_hundred_rows_are_all_there() -> None:
    rows = tuple(BoardRow(rank, f"team {rank}", 1 - rank / 1000, 1, NOON) for rank in range(1, 501))
    text = shown(replace(BOARD, rows=rows, failed=()))
    assert sum("team " in line for line in text.splitlines()) == 500


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=4), st.integers(32, 140))
def test_no_name_breaks_a_line_or_writes_a_control_character(names: list[str], width: int) -> None:
    rows = tuple(replace(ROWS[0], rank=rank, team=name) for rank, name in enumerate(names, start=1))
    failed = tuple(FailedSubmission(name, NOON, name) for name in names)
    text = shown(replace(BOARD, rows=rows, failed=failed), width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert not any(ord(mark) < 32 and mark != "\n" for mark in text)
    assert len([line for line in text.splitlines() if "0.9721" in line]) >= len(names)


@pytest.mark.parametrize("markup", ["[bold red]loud[/]", "[link=https://example.org]x[/link]"])
def test_markup_in_a_name_is_text(markup: str) -> None:
    assert markup in shown(replace(BOARD, rows=(replace(ROWS[0], team=markup),)), width=120)
