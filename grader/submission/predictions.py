"""The cells of a submission that predict: read as the form of the competition asks, in the order of the file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from competition.rules import Rules
from grader.submission.columns import TextColumn
from grader.submission.floats import NO_NUMBER, NOT_FINITE, parse_floats
from grader.submission.header import target_columns
from grader.submission.index import Positions
from grader.submission.labels import Codes, LabelSet
from grader.submission.lists import wrong_mask, wrong_ranking
from grader.submission.problems import FIRST, Problem, counted, listed, nearest, shown
from grader.submission.sheet import Sheet

_FEW_LABELS = 12  # so many labels a message lists
_LOOKED_AT = 10_000  # wrong cells among which a message looks for different ones


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a submission predicts for N ids; the one field of the competition's form is filled.

    Attributes:
        labels: codes, that is positions in the label set (N int32).
        probabilities: one column a label, in label order (N x C float64).
        values: finite numbers (N float64).
        rankings: labels separated by spaces, best first (N texts).
        masks: run-length texts, empty for an empty mask (N texts).
    """

    labels: Codes | None = None
    probabilities: NDArray[np.float64] | None = None
    values: NDArray[np.float64] | None = None
    rankings: list[str] | None = None
    masks: list[str] | None = None

    def aligned(self, positions: Positions) -> "Predictions":
        """The same predictions with row `i` moved to `positions[i]`, a permutation of all rows."""
        if (positions == np.arange(len(positions), dtype=positions.dtype)).all():
            return self
        move = np.empty_like(positions)
        move[positions] = np.arange(len(positions), dtype=positions.dtype)
        order = move.tolist() if self.rankings is not None or self.masks is not None else []
        return Predictions(
            labels=None if self.labels is None else self.labels[move],
            probabilities=None if self.probabilities is None else self.probabilities[move],
            values=None if self.values is None else self.values[move],
            rankings=None if self.rankings is None else [self.rankings[row] for row in order],
            masks=None if self.masks is None else [self.masks[row] for row in order],
        )


def read_predictions(sheet: Sheet, places: Mapping[str, int], rules: Rules) -> tuple[Predictions | None, list[Problem]]:
    """The predictions in the order of the rows, and what is wrong with them.

    Columns that are missing are passed over; the predictions are None where something is wrong.
    """
    names = [name for name in target_columns(rules) if name in places]
    columns = {name: sheet.table.column(places[name]) for name in names}
    problems: list[Problem] = []
    if rules.form != "masks":
        problems += [found for name in names if (found := empty_cells(sheet, name, columns[name])) is not None]
    if len(names) < len(target_columns(rules)) and rules.form != "probabilities":
        return None, problems
    predictions, wrong = _READERS[rules.form](sheet, columns, rules)
    problems += wrong
    return (None if problems else predictions), problems


def empty_cells(sheet: Sheet, name: str, column: TextColumn) -> Problem | None:
    """The problem that a column has cells without text."""
    rows = sheet.among_whole(column.lengths == 0)
    if not rows.size:
        return None
    message = f"column {shown(name)} has {counted(len(rows), 'empty cell')}: {sheet.lines(rows)}"
    return sheet.problem("empty_cell", message, rows)


def _labels(sheet: Sheet, columns: Mapping[str, TextColumn], rules: Rules) -> tuple[Predictions, list[Problem]]:
    ((name, column),) = columns.items()
    codes = LabelSet(rules).find(column)
    wrong = sheet.among_whole((codes < 0) & (column.lengths > 0))
    if not wrong.size:
        return Predictions(labels=codes), []
    lines: dict[str, int] = {}
    for row, text in zip(wrong[:_LOOKED_AT].tolist(), column.texts(wrong[:_LOOKED_AT].tolist()), strict=True):
        if len(lines) < FIRST:
            lines.setdefault(text, sheet.table.line(row))
    told = []
    for text, line in lines.items():
        meant = nearest(text, rules.labels)
        told.append(f"{shown(text)} (line {line}{f', not {shown(meant)}' if meant else ''})")
    message = (
        f"column {shown(name)} has {counted(len(wrong), 'cell')} with no label of this competition: {', '.join(told)}"
        f"; {_known_labels(rules.labels)}"
    )
    return Predictions(), [sheet.problem("unknown_label", message, wrong)]


def _known_labels(labels: tuple[str, ...]) -> str:
    told = listed([shown(label) for label in labels[:_FEW_LABELS]], len(labels))
    return f"the labels are {told}"


def _values(sheet: Sheet, columns: Mapping[str, TextColumn], rules: Rules) -> tuple[Predictions, list[Problem]]:
    ((name, column),) = columns.items()
    values, kinds = parse_floats(column)
    problems = _wrong_numbers(sheet, name, column, kinds)
    return Predictions(values=values), problems


def _wrong_numbers(sheet: Sheet, name: str, column: TextColumn, kinds: NDArray[np.uint8]) -> list[Problem]:
    """The problems of cells that are no finite numbers."""
    if not kinds.any():
        return []
    problems = []
    if (rows := sheet.among_whole((kinds == NO_NUMBER) & (column.lengths > 0))).size:
        message = f"column {shown(name)} has {counted(len(rows), 'cell')} with no number: {sheet.cells(column, rows)}"
        problems.append(sheet.problem("not_a_number", message, rows))
    if (rows := sheet.among_whole(kinds == NOT_FINITE)).size:
        message = (
            f"column {shown(name)} has {counted(len(rows), 'cell')} with NaN or infinity: {sheet.cells(column, rows)}"
        )
        problems.append(sheet.problem("not_finite", message, rows))
    return problems


def _probabilities(sheet: Sheet, columns: Mapping[str, TextColumn], rules: Rules) -> tuple[Predictions, list[Problem]]:
    table = np.empty((len(sheet.table), len(columns)))
    numbers = np.ones(len(table), dtype=np.bool_)
    problems: list[Problem] = []
    for place, (name, column) in enumerate(columns.items()):
        table[:, place], kinds = parse_floats(column)
        numbers &= kinds == 0
        problems += _wrong_numbers(sheet, name, column, kinds)
        outside = sheet.among_whole((table[:, place] < 0) | (table[:, place] > 1))
        if outside.size:
            message = (
                f"column {shown(name)} has {counted(len(outside), 'probability', 'probabilities')} outside 0 to 1: "
                f"{sheet.cells(column, outside)}"
            )
            problems.append(sheet.problem("probability_range", message, outside))
    if len(columns) == len(rules.labels):
        problems += _wrong_sums(sheet, table, numbers, rules.probability_tolerance)
    return Predictions(probabilities=table), problems


def _wrong_sums(
    sheet: Sheet, table: NDArray[np.float64], numbers: NDArray[np.bool_], tolerance: float
) -> list[Problem]:
    """The problem of rows of numbers that do not sum to 1."""
    sums = table.sum(axis=1)
    rows = sheet.among_whole(numbers & ~(np.abs(sums - 1) <= tolerance))
    if not rows.size:
        return []
    told = [f"{sums[row]:.6g} (line {sheet.table.line(row)})" for row in rows[:FIRST].tolist()]
    message = (
        f"{counted(len(rows), 'row does', 'rows do')} not sum to 1 within {tolerance:g}: {listed(told, len(rows))}"
    )
    return [sheet.problem("probability_sum", message, rows)]


def _rankings(sheet: Sheet, columns: Mapping[str, TextColumn], rules: Rules) -> tuple[Predictions, list[Problem]]:
    labels = frozenset(rules.labels)
    texts, problems = _lists(sheet, columns, "ranking", lambda text: wrong_ranking(text, labels))
    return Predictions(rankings=texts), problems


def _masks(sheet: Sheet, columns: Mapping[str, TextColumn], rules: Rules) -> tuple[Predictions, list[Problem]]:
    texts, problems = _lists(sheet, columns, "mask", wrong_mask)
    return Predictions(masks=texts), problems


def _lists(
    sheet: Sheet, columns: Mapping[str, TextColumn], what: str, wrong: Callable[[str], str | None]
) -> tuple[list[str], list[Problem]]:
    """The texts of the one column and the problem of those that are no lists of their kind."""
    ((name, column),) = columns.items()
    texts = column.texts()
    reasons = [wrong(text) if text else None for text in texts]
    rows = sheet.among_whole(np.fromiter((reason is not None for reason in reasons), dtype=np.bool_, count=len(texts)))
    if not rows.size:
        return texts, []
    told = [f"line {sheet.table.line(row)} {reasons[row]}" for row in rows[:FIRST].tolist()]
    message = f"column {shown(name)} has {counted(len(rows), f'cell that is no {what}', f'cells that are no {what}')}: "
    return texts, [sheet.problem(f"wrong_{what}", message + listed(told, len(rows)), rows)]


_READERS: dict[str, Callable[[Sheet, Mapping[str, TextColumn], Rules], tuple[Predictions, list[Problem]]]] = {
    "labels": _labels,
    "probabilities": _probabilities,
    "values": _values,
    "rankings": _rankings,
    "masks": _masks,
}
