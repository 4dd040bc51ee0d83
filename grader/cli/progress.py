"""Draws progress on standard error: a bar on a terminal, a line a stage elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from competition.progress import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def drawn() -> Iterator[Progress]:
    """A progress that people see: rich's bars on a terminal, otherwise one line when a stage begins."""
    if not sys.stderr.isatty():
        yield _plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report


def _plain(stage: str, done: int, total: int) -> None:
    if done == 0:
        print(f"{stage} ({total:,})", file=sys.stderr, flush=True)
