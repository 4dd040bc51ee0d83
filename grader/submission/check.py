"""The one checker that `grader check` and `grader score` share.

It is given rules and ids and never a label, so nothing it says can depend on one.
"""

from dataclasses import dataclass
from pathlib import Path

from competition.rules import Rules
from grader.submission.header import check_header, locate_columns, refuse_other_delimiter
from grader.submission.identifiers import check_ids
from grader.submission.index import TextIndex
from grader.submission.predictions import Predictions, empty_cells, read_predictions
from grader.submission.problems import FIRST, Problem, UnreadableError, counted, listed
from grader.submission.reader import read_text, unpacked
from grader.submission.scanner import Table, scan
from grader.submission.sheet import Sheet

_SPARE_LINES = 100_000  # lines beyond twice the expected rows that are still looked at one by one


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking a submission found.

    Attributes:
        problems: everything wrong with it, in a stable order; empty for a submission that can be scored.
        predictions: the predictions in the order of the expected ids; None when there are problems.
        rows: rows of the file below its header; 0 where it holds no table.
    """

    problems: tuple[Problem, ...]
    predictions: Predictions | None
    rows: int


def check_submission(path: Path, rules: Rules, ids: TextIndex) -> Checked:
    """Check the file of a submission.

    Args:
        path: a `.csv`, `.csv.gz`, `.zip` with one CSV or `.parquet`.
        rules: the frozen rules of the competition.
        ids: the expected ids.

    Raises:
        UserError: there is no such file, or it cannot be opened.
    """
    try:
        return _check_text(read_text(path, rules.max_bytes), rules, ids)
    except UnreadableError as error:
        return Checked((error.problem,), None, 0)


def check_bytes(data: bytes | bytearray, rules: Rules, ids: TextIndex) -> Checked:
    """Check the bytes of a submission file, whatever it was called; see `check_submission`."""
    try:
        return _check_text(unpacked(bytearray(data), rules.max_bytes), rules, ids)
    except UnreadableError as error:
        return Checked((error.problem,), None, 0)


def _check_text(data: bytearray, rules: Rules, ids: TextIndex) -> Checked:
    """Check CSV text, which is used up."""
    refuse_other_delimiter(data, rules)
    table = scan(data, most_lines=2 * len(ids) + _SPARE_LINES)
    places = locate_columns(table.header, rules)
    problems = check_header(table.header, places, rules, ids)
    problems += _check_shape(table, len(ids))
    cells = table.column(places[rules.id_column]) if rules.id_column in places else None
    sheet = Sheet(table, cells, None if table.fields is None else table.fields == len(table.header))
    positions = None
    if cells is not None:
        positions = ids.find(cells)
        problems += check_ids(sheet, cells, ids, positions)
        if (empty := empty_cells(sheet, rules.id_column, cells)) is not None:
            problems.append(empty)
    predictions, wrong = read_predictions(sheet, places, rules)
    problems += wrong
    if problems or predictions is None or positions is None:
        return Checked(tuple(problems), None, len(table))
    return Checked((), predictions.aligned(positions), len(table))


def _check_shape(table: Table, expected: int) -> list[Problem]:
    """Ragged rows, and too few or too many rows."""
    problems = []
    if (ragged := table.ragged()).size and table.fields is not None:
        told = [f"line {table.line(row)} has {table.fields[row]}" for row in ragged[:FIRST].tolist()]
        message = (
            f"{counted(len(ragged), 'row has', 'rows have')} another number of cells than the header, "
            f"which has {len(table.header)}: {listed(told, len(ragged))}"
        )
        problems.append(Problem("ragged_row", message, table.line(int(ragged[0]))))
    if (rows := len(table)) != expected:
        difference = f"{abs(rows - expected):,} too {'many' if rows > expected else 'few'}"
        problems.append(
            Problem("row_count", f"the file has {counted(rows, 'row')}, but {expected:,} are expected: {difference}")
        )
    return problems
