"""The hidden labels of a competition as arrays: read from the vault, never shown."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from competition.errors import BadInputError
from competition.rules import Rules
from grader.submission.columns import TextColumn
from grader.submission.floats import NUMBER, parse_floats
from grader.submission.index import TextIndex
from grader.submission.labels import Codes, LabelSet
from grader.submission.reader import unpacked
from grader.submission.scanner import Table, scan

USAGES: Final = ("Public", "Private", "Ignored")
PUBLIC, PRIVATE, IGNORED = range(3)
_USAGE_COLUMN = "Usage"

Truth = Codes | NDArray[np.float64] | list[str]


@dataclass(frozen=True, slots=True)
class Solution:
    """The hidden labels of N ids.

    Attributes:
        index: the ids.
        truth: label codes (N int32) where labels or probabilities are predicted, numbers (N float64) for values,
            texts for rankings and masks. Rows that are ignored may hold -1, NaN or any text.
        usage: `PUBLIC`, `PRIVATE` or `IGNORED` (N uint8).
    """

    index: TextIndex
    truth: Truth
    usage: NDArray[np.uint8]


def read_solution(data: bytes | bytearray, rules: Rules) -> Solution:
    """The solution in the bytes of `solution.csv`: the columns id, label (as the rules call them) and Usage.

    A bytearray is used up instead of copied: a solution of ten million rows takes a quarter of a gigabyte.

    Raises:
        BadInputError: it is no such table; the message names lines and no label.
    """
    table = scan(unpacked(data if isinstance(data, bytearray) else bytearray(data), 2**63))
    if table.ragged().size:
        raise BadInputError(
            f"solution: line {table.line(int(table.ragged()[0]))} has another number of cells than the header"
        )
    usage = _usage(table, _column(table, _USAGE_COLUMN))
    index = _ids(table, _column(table, rules.id_column))
    truth = _truth(table, _column(table, rules.target_column), usage, rules)
    return Solution(index, truth, usage)


def read_ids(data: bytes | bytearray, rules: Rules) -> TextIndex:
    """The expected ids in the bytes of a bundle's `test.csv`.

    Raises:
        BadInputError: it has no column of distinct ids.
    """
    table = scan(unpacked(bytearray(data), 2**63))
    return _ids(table, _column(table, rules.id_column))


def _column(table: Table, name: str) -> TextColumn:
    if table.header.count(name) != 1:
        raise BadInputError(f"the file must have one column {name!r}; run `grader prepare` again")
    return table.column(table.header.index(name))


def _ids(table: Table, cells: TextColumn) -> TextIndex:
    """The ids, none of them empty, no two alike."""
    index = TextIndex(cells)
    empty = np.flatnonzero(cells.lengths == 0)
    if empty.size or (repeated := index.duplicates()).size:
        row = int(empty[0] if empty.size else repeated[0])
        raise BadInputError(f"line {table.line(row)}: the id is {'missing' if empty.size else 'there already'}")
    return index


def _usage(table: Table, cells: TextColumn) -> NDArray[np.uint8]:
    codes = TextIndex.from_texts(USAGES).find(cells)
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        raise BadInputError(f"solution: line {table.line(row)}: Usage must be one of {', '.join(USAGES)}")
    return codes.astype(np.uint8)


def _truth(table: Table, cells: TextColumn, usage: NDArray[np.uint8], rules: Rules) -> Truth:
    if rules.form in ("rankings", "masks"):
        return cells.texts()
    truth: Codes | NDArray[np.float64]
    if rules.form == "values":
        truth, kinds = parse_floats(cells)
        wrong, what = kinds != NUMBER, "is no finite number"
    else:
        truth = LabelSet(rules).find(cells)
        wrong, what = truth < 0, "is not in the label set"
    wrong &= usage != IGNORED
    if wrong.any():
        raise BadInputError(f"solution: line {table.line(int(wrong.argmax()))}: the label {what}")
    return truth
