"""The leaderboard in a terminal: a table that fits 80 columns, in colour where the terminal has it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grader.leaderboard.board import Bilingual, Board, BoardRow, bounds, duration, legible, rounded
from grader.settings import Language

MEDALS = {1: "bold #d4a017", 2: "bold #9aa5b1", 3: "bold #b87333"}
BAR_CELLS = 10
NARROWEST_TEAM = 16
GAP, EDGES = 2, 2  # cells between two columns, and at both ends of a line
MOST_FAILURES = 8

WORDS = {
    "board": Bilingual("{split} 리더보드", "{split} leaderboard"),
    "higher": Bilingual("높을수록 좋음", "higher is better"),
    "lower": Bilingual("낮을수록 좋음", "lower is better"),
    "measured": Bilingual("테스트 {part}행", "{part} test rows"),
    "measured_of": Bilingual("테스트 {all}행 중 {part}행", "{part} of {all} test rows"),
    "budget": Bilingual("제한 시간 {time}", "budget {time}"),
    "empty": Bilingual("아직 점수를 받은 제출이 없습니다.", "No submission has a score yet."),
    "failed": Bilingual(
        "순위에 없음 · 점수를 받지 못한 제출 {count}건", "Not ranked · {count} submitted without a score"
    ),
    "more": Bilingual("… 외 {count}건", "… and {count} more"),
    "baseline": Bilingual("기준", "baseline"),
    "Team": Bilingual("팀", "Team"),
    "Score": Bilingual("점수", "Score"),
    "Subs": Bilingual("제출", "Subs"),
    "Run": Bilingual("실행", "Run"),
    "Last": Bilingual("최근", "Last"),
    "Move": Bilingual("변동", "Move"),
}


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board to hand to rich's `Console.print`; it drops columns, least needed first, until it fits."""

    board: Board
    language: Language = "en"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Title, facts, table and the failed submissions."""
        yield Padding(self._heading(), (1, 1, 0, 1))
        if self.board.rows:
            yield self._fitting_table(console, options)
        else:
            yield Padding(Text(self._say("empty"), style="dim"), (1, 1))
        if self.board.failed:
            yield Padding(Text("\n").join(self._failures()), (0, 1, 1, 1))

    def _say(self, key: str, **values: object) -> str:
        return str(getattr(WORDS[key], self.language)).format(**values)

    def _heading(self) -> Text:
        board = self.board
        title = Text(legible(getattr(board.title, self.language)), style="bold")
        split = Text(self._say("board", split=board.split), style="bold cyan")
        facts = Text(" · ".join(self._facts()), style="dim")
        made = Text(f"{board.generated:%Y-%m-%d %H:%M} UTC", style="dim")
        return Text("\n").join([Text("  ").join([title, split]), facts, made])

    def _facts(self) -> Iterator[str]:
        board = self.board
        yield f"{board.metric}, {self._say(board.direction)}"
        if board.split_rows is not None:
            key = "measured" if board.test_rows is None else "measured_of"
            yield self._say(key, part=f"{board.split_rows:,}", all=f"{board.test_rows or 0:,}")
        if board.budget_seconds is not None:
            yield self._say("budget", time=duration(board.budget_seconds))

    def _fitting_table(self, console: Console, options: ConsoleOptions) -> Table:
        columns = list(self._columns(console))
        while self._spare_width(columns, options.max_width) < 0 and (spare := [one for one in columns if one.needed]):
            columns.remove(max(spare, key=lambda column: column.needed))
        team_width = max(NARROWEST_TEAM, NARROWEST_TEAM + self._spare_width(columns, options.max_width))
        table = Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
        for column in columns:
            width = min(column.width, team_width) if column.elastic else column.width
            justify: JustifyMethod = "right" if column.right else "left"
            table.add_column(column.head, justify=justify, no_wrap=True, overflow="ellipsis", width=width)
        for cells in zip(*(column.cells for column in columns), strict=True):
            table.add_row(*cells)
        return table

    @staticmethod
    def _spare_width(columns: "Sequence[Column]", width: int) -> int:
        """Cells left when the team names get their least width."""
        taken = sum(min(one.width, NARROWEST_TEAM) if one.elastic else one.width for one in columns)
        return width - taken - GAP * (len(columns) - 1) - EDGES

    def _columns(self, console: Console) -> "Iterator[Column]":
        board, rows = self.board, self.board.rows
        yield Column("#", [_rank(row) for row in rows])
        yield Column(self._say("Team"), [self._team(row) for row in rows], right=False, elastic=True)
        scores = [Text(text, style=_row_style(row)) for row, text in zip(rows, board.displayed, strict=True)]
        yield Column(self._say("Score"), scores)
        if console.is_terminal and console.color_system and not console.no_color:  # a bar is two colours
            bars = [_bar(board.position(row.score), row.baseline) for row in rows]
            yield Column("", bars, needed=3, right=False)
        if any(bounds(row) for row in rows):
            yield Column("± 95 %", [_margin(row, board.decimals) for row in rows], needed=4)
        if any(row.movement is not None for row in rows):
            yield Column(self._say("Move"), [_movement(row) for row in rows], needed=1)
        yield Column(self._say("Subs"), [Text(str(row.submissions), style="dim") for row in rows], needed=5)
        if any(row.run_seconds is not None for row in rows):
            yield Column(self._say("Run"), [_run_time(row, board.budget_seconds) for row in rows], needed=2)
        yield Column(self._say("Last"), [_age(row.last_submission, board.generated) for row in rows], needed=6)

    def _team(self, row: BoardRow) -> Text:
        name = Text(legible(row.team), style=_row_style(row))
        return name.append(f"  {self._say('baseline')}", style="dim not italic") if row.baseline else name

    def _failures(self) -> Iterator[Text]:
        failed = self.board.failed
        yield Text(self._say("failed", count=len(failed)), style="bold")
        for one in failed[:MOST_FAILURES]:
            yield Text(f"  {legible(one.team)}  ").append(legible(one.reason), style="dim")
        if len(failed) > MOST_FAILURES:
            yield Text("  " + self._say("more", count=len(failed) - MOST_FAILURES), style="dim")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table; one with a higher `needed` is dropped earlier, 0 stays."""

    head: str
    cells: Sequence[Text]
    needed: int = 0
    right: bool = True
    elastic: bool = False  # gives up width, down to `NARROWEST_TEAM`

    @property
    def width(self) -> int:
        """Terminal cells of the widest text; a Korean letter takes two."""
        return max(cell_len(self.head), *(cell.cell_len for cell in self.cells))


def _row_style(row: BoardRow) -> str:
    if row.baseline:
        return "dim italic"
    return "bold" if row.rank is not None and row.rank <= len(MEDALS) else ""


def _rank(row: BoardRow) -> Text:
    return Text("–", style="dim") if row.rank is None else Text(str(row.rank), style=MEDALS.get(row.rank, ""))


def _bar(position: float, baseline: bool) -> Text:
    halves = max(1, round(position * 2 * BAR_CELLS))
    filled = "━" * (halves // 2) + "╸" * (halves % 2)
    rest = "━" * (BAR_CELLS - len(filled))
    return Text(filled, style="bright_black" if baseline else "cyan").append(rest, style="#3a3f46")


def _margin(row: BoardRow, decimals: int) -> Text:
    interval = bounds(row)
    return Text("") if interval is None else Text(rounded((interval[1] - interval[0]) / 2, decimals), style="dim")


def _movement(row: BoardRow) -> Text:
    if row.movement is None:
        return Text("")
    if row.movement == 0:
        return Text("=", style="dim")
    return Text(f"▲{row.movement}", style="green") if row.movement > 0 else Text(f"▼{-row.movement}", style="red")


def _run_time(row: BoardRow, budget_seconds: float | None) -> Text:
    if row.run_seconds is None:
        return Text("")
    over = budget_seconds is not None and row.run_seconds > budget_seconds
    return Text(duration(row.run_seconds), style="red" if over else "")


def _age(moment: datetime, now: datetime) -> Text:
    minutes = max(0, int((now - moment).total_seconds() // 60))
    if minutes < 60:
        return Text(f"{minutes} min", style="dim")
    hours = minutes // 60
    return Text(f"{hours} h" if hours < 48 else f"{hours // 24} d", style="dim")
