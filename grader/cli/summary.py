"""The summary table of a graded folder."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from grader.scoring.folder import Graded

COLOURS = {"scored": "green", "invalid": "red", "error": "yellow", "refused": "yellow"}


def show_graded(graded: Sequence["Graded"], metric: str, splits: Sequence[str]) -> None:
    """Print a row a file, and how many came to what."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("file", "status"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for split in splits:
        table.add_column(f"{split} {metric}", justify="right", no_wrap=True)
    table.add_column("what to know", overflow="fold")
    counts: dict[str, int] = {}
    for item in graded:
        status = item.handed.submission.status if item.handed else "refused"
        counts[status] = counts.get(status, 0) + 1
        scores = [_score(item, split, metric) for split in splits]
        table.add_row(Text(item.file.name), Text(status, COLOURS[status]), *scores, Text(_note(item)))
    console = Console()
    console.print(table)
    console.print(Text(", ".join(f"{count} {status}" for status, count in counts.items()), "bold"))


def _score(item: "Graded", split: str, metric: str) -> str:
    scores = item.handed.scores if item.handed else ()
    return next((f"{s.value:.6f}" for s in scores if (s.split, s.metric) == (split, metric)), "")


def _note(item: "Graded") -> str:
    if item.handed is None:
        when = f"; next at {item.next_allowed:%Y-%m-%d %H:%M:%S} UTC" if item.next_allowed else ""
        return f"{item.refused}{when}"
    if not item.handed.problems:
        return "" if item.handed.is_new else "handed in before"
    first, *others = item.handed.problems
    return first.message + (f" (and {len(others)} more)" if others else "")
