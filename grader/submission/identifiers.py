"""The ids of a submission: each expected id exactly once."""

import numpy as np

from grader.submission.columns import TextColumn
from grader.submission.index import Positions, TextIndex
from grader.submission.problems import FIRST, Problem, counted, listed, shown
from grader.submission.sheet import Rows, Sheet

_LINES = 5  # lines told of one repeated id


def check_ids(sheet: Sheet, cells: TextColumn, ids: TextIndex, positions: Positions) -> list[Problem]:
    """What is wrong with the ids of a submission.

    Args:
        sheet: the rows of the submission.
        cells: their ids.
        ids: the expected ids.
        positions: the position of each cell among the expected ids, -1 where it is none of them.
    """
    seen = np.zeros(len(ids), dtype=np.bool_)
    known = np.flatnonzero(positions >= 0)
    seen[positions[known]] = True
    problems = []
    if not seen.all():
        problems.append(_missing(ids, np.flatnonzero(~seen)))
    if len(known) < len(positions) and len(unknown := np.flatnonzero((positions < 0) & (cells.lengths > 0))):
        problems.append(_unknown(sheet, cells, ids, unknown))
    if len(known) > np.count_nonzero(seen):
        problems.append(_repeated(sheet, ids, positions, known))
    return problems


def _missing(ids: TextIndex, missing: Rows) -> Problem:
    """The first missing ids in the order of their text: the order of the solution is nobody's business."""
    first = tuple(ids.text(position) for position in ids.sorted(missing)[:FIRST].tolist())
    told = listed([shown(text) for text in first], len(missing))
    message = f"{counted(len(missing), 'id is', 'ids are')} missing: {told}"
    return Problem("missing_id", message, None, first)


def _unknown(sheet: Sheet, cells: TextColumn, ids: TextIndex, unknown: Rows) -> Problem:
    first = unknown[:FIRST].tolist()
    told = []
    for row, text in zip(first, cells.texts(first), strict=True):
        meant = _meant(text, ids)
        told.append(f"{shown(text)} (line {sheet.table.line(row)}{f', not {shown(meant)}' if meant else ''})")
    message = f"{counted(len(unknown), 'id is', 'ids are')} not among the expected ids: {listed(told, len(unknown))}"
    return sheet.problem("unknown_id", message, unknown)


def _meant(text: str, ids: TextIndex) -> str | None:
    """The expected id that differs only by what programs do to text: spaces, case, leading zeros, a decimal point."""
    stripped = text.strip()
    bare = stripped.removesuffix(".0")
    padded = [bare.zfill(width) for width in range(len(bare) + 1, len(bare) + 13)] if bare.isdecimal() else []
    variants = [stripped, bare, stripped.lower(), stripped.upper(), bare.lstrip("0"), *padded]
    return next((other for other in variants if other != text and other in ids), None)


def _repeated(sheet: Sheet, ids: TextIndex, positions: Positions, known: Rows) -> Problem:
    order = known[np.argsort(positions[known], kind="stable")]
    again = np.sort(order[1:][np.diff(positions[order]) == 0])  # rows whose id stands in an earlier row
    repeated = list(dict.fromkeys(positions[again].tolist()))
    told = []
    for position in repeated[:FIRST]:
        rows = np.flatnonzero(positions == position)
        lines = listed([str(sheet.table.line(row)) for row in rows[:_LINES].tolist()], len(rows))
        told.append(f"{shown(ids.text(position))} (lines {lines})")
    message = f"{counted(len(repeated), 'id stands', 'ids stand')} in more than one row: {listed(told, len(repeated))}"
    first = tuple(ids.text(position) for position in repeated[:FIRST])
    return Problem("duplicate_id", message, sheet.table.line(int(again[0])), first)
