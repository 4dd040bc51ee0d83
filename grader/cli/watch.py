"""Watching a run: on a terminal a bar of the budget with the kernel's last line, elsewhere the lines as they come."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def watched(kernel: str, budget_seconds: float) -> Iterator[Callable[[str], None]]:
    """Give a function that shows each line the kernel prints."""
    if not sys.stderr.isatty():
        yield _plain
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
    from rich.progress_bar import ProgressBar
    from rich.table import Column
    from rich.text import Text

    class BudgetColumn(ProgressColumn):
        """How much of the budget is gone."""

        def render(self, task: Task) -> ProgressBar:
            return ProgressBar(total=budget_seconds, completed=task.elapsed or 0.0, width=24)

    class ClockColumn(ProgressColumn):
        """Seconds of the budget used."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.elapsed or 0.0:5.1f} / {budget_seconds:g} s", no_wrap=True)

    # Only the kernel's line gives way on a narrow terminal: name, bar and clock stay whole.
    line = TextColumn("[dim]{task.fields[line]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
    whole = Column(no_wrap=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", table_column=whole),
        BudgetColumn(Column(min_width=24, no_wrap=True)),
        ClockColumn(Column(min_width=len(f"{budget_seconds:g}") + 10, no_wrap=True)),
        line,
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, expand=True) as progress:
        task = progress.add_task(escape(kernel), total=None, line="")

        def show(text: str) -> None:
            if text.strip():
                progress.update(task, line=escape(text.strip()))

        yield show


def _plain(line: str) -> None:
    print(f"  | {line}", file=sys.stderr, flush=True)
