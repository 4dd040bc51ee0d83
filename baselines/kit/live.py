"""What a run shows while it trains: a live view on a terminal, plain lines anywhere else. Both go to standard error."""

import sys
import time
from typing import TYPE_CHECKING, Protocol, TextIO

from baselines.kit.budget import Clock, show_duration
from baselines.kit.history import Row

if TYPE_CHECKING:
    from rich.console import RenderableType

_REFRESH_SECONDS = 0.25
_LINE_SECONDS = 15.0


class Reporter(Protocol):
    """Told about a run as it goes on."""

    def note(self, text: str) -> None:
        """A decision or an event, in words."""

    def step(self, step: int, epoch: float, progress: float, rate: float, loss: float) -> None:
        """One step is done; called thousands of times, so it must cost microseconds."""

    def evaluation(self, row: Row, improved: bool) -> None:
        """The model was evaluated; `improved` when it is the best so far."""

    def close(self) -> None:
        """Nothing more will come."""


class Silent:
    """Shows nothing: for grids, searches and tests."""

    def note(self, text: str) -> None:
        """Nothing."""

    def step(self, step: int, epoch: float, progress: float, rate: float, loss: float) -> None:
        """Nothing."""

    def evaluation(self, row: Row, improved: bool) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines(Silent):
    """One line for each note and evaluation, and one every few seconds between them."""

    def __init__(self, clock: Clock, stream: TextIO | None = None) -> None:
        """`stream` is standard error unless given."""
        self._clock = clock
        self._stream = stream or sys.stderr
        self._shown_at = time.monotonic()

    def note(self, text: str) -> None:
        """Print the text with the seconds of the budget used so far."""
        self._say(text)

    def step(self, step: int, epoch: float, progress: float, rate: float, loss: float) -> None:
        """A line every few seconds."""
        if time.monotonic() - self._shown_at >= _LINE_SECONDS:
            self._say(f"step {step:,}  epoch {epoch:.2f}  {100 * progress:.0f} %  loss {loss:.4f}  rate {rate:.2e}")

    def evaluation(self, row: Row, improved: bool) -> None:
        """A line with the figures of the evaluation."""
        self._say(describe_row(row) + ("  best" if improved else ""))

    def _say(self, text: str) -> None:
        self._shown_at = time.monotonic()
        print(f"[{self._clock.elapsed:6.1f} s] {text}", file=self._stream, flush=True)


def describe_row(row: Row) -> str:
    """One evaluation as a line of text."""
    return (
        f"epoch {row.epoch:5.2f}  train loss {row.train_loss:.4f} acc {100 * row.train_accuracy:5.2f} %"
        f"  validation loss {row.validation_loss:.4f} acc {100 * row.validation_accuracy:5.2f} %"
        f"  rate {row.learning_rate:.2e}  {row.images_per_second:,.0f} images/s"
    )


class LiveView(Lines):
    """A progress bar and a table of the last evaluations that stay in place; notes scroll by above them."""

    def __init__(self, clock: Clock) -> None:
        """Takes over the terminal's last lines until `close`."""
        from rich.console import Console
        from rich.live import Live

        super().__init__(clock)
        self._console = Console(stderr=True)
        self._rows: list[tuple[Row, bool]] = []
        self._state = (0, 0.0, 0.0, 0.0, 0.0)
        self._live = Live(self._view(), console=self._console, auto_refresh=False, transient=False)
        self._live.start()

    def note(self, text: str) -> None:
        """Print the text above the view."""
        from rich.text import Text

        # As text, not as markup: a path or an error may hold square brackets.
        self._console.print(Text.assemble((f"{self._clock.elapsed:6.1f} s", "dim"), f"  {text}"), highlight=False)

    def step(self, step: int, epoch: float, progress: float, rate: float, loss: float) -> None:
        """Redraw a few times a second."""
        self._state = (step, epoch, progress, rate, loss)
        if time.monotonic() - self._shown_at >= _REFRESH_SECONDS:
            self._redraw()

    def evaluation(self, row: Row, improved: bool) -> None:
        """Add a line to the table."""
        self._rows.append((row, improved))
        self._redraw()

    def close(self) -> None:
        """Leave the last state on the terminal."""
        self._redraw()
        self._live.stop()

    def _redraw(self) -> None:
        self._shown_at = time.monotonic()
        self._live.update(self._view(), refresh=True)

    def _view(self) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        step, epoch, progress, rate, loss = self._state
        words = (
            f"step {step:,}  epoch {epoch:.2f}  loss {loss:.4f}  rate {rate:.2e}"
            f"  {show_duration(max(0.0, self._clock.remaining))} left"
        )
        # A bar ends no line of its own; a row of a grid does.
        bar = Table.grid()
        bar.add_row(ProgressBar(total=1.0, completed=progress, width=60))
        return Group(self._table(), bar, Text(words))

    def _table(self) -> "RenderableType":
        from rich.table import Table

        table = Table(
            "epoch", "train loss", "train acc", "val loss", "val acc", "images/s", "", box=None, pad_edge=False
        )
        for row, improved in self._rows[-12:]:
            table.add_row(
                f"{row.epoch:.2f}",
                f"{row.train_loss:.4f}",
                f"{100 * row.train_accuracy:.2f} %",
                f"{row.validation_loss:.4f}",
                f"{100 * row.validation_accuracy:.2f} %",
                f"{row.images_per_second:,.0f}",
                "[green]best[/green]" if improved else "",
            )
        return table


def create_reporter(clock: Clock) -> Reporter:
    """A live view where standard error is a terminal, plain lines otherwise."""
    return LiveView(clock) if sys.stderr.isatty() else Lines(clock)
