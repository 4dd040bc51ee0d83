"""The rows of a submission as problems speak of them: by line and by id."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.submission.columns import TextColumn
from grader.submission.index import LONGEST
from grader.submission.problems import FIRST, Problem, listed, shown
from grader.submission.scanner import Table

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Sheet:
    """A table and its column of ids, if it has one.

    Attributes:
        table: the table.
        ids: the cells of the id column.
        whole: for each row whether it has as many cells as the header; None where all have.
    """

    table: Table
    ids: TextColumn | None
    whole: NDArray[np.bool_] | None

    def among_whole(self, bad: NDArray[np.bool_]) -> Rows:
        """The rows at which a mask is true, without ragged rows: what is wrong with those is told already."""
        return np.flatnonzero(bad if self.whole is None else bad & self.whole)

    def problem(self, code: str, message: str, rows: Rows) -> Problem:
        """A problem of these rows: its line is that of the first one, its ids are those of the first ten."""
        ids = () if self.ids is None else tuple(text[:LONGEST] for text in self.ids.texts(rows[:FIRST].tolist()))
        return Problem(code, message, self.table.line(int(rows[0])), ids)

    def cells(self, column: TextColumn, rows: Rows) -> str:
        """The cells of the first ten of these rows with their lines, and how many more there are."""
        first = rows[:FIRST].tolist()
        told = [
            f"{shown(text)} (line {self.table.line(row)})" for row, text in zip(first, column.texts(first), strict=True)
        ]
        return listed(told, len(rows))

    def lines(self, rows: Rows) -> str:
        """The lines of the first ten of these rows, and how many more there are."""
        told = listed([str(self.table.line(row)) for row in rows[:FIRST].tolist()], len(rows))
        return f"line {told}" if len(rows) == 1 else f"lines {told}"
