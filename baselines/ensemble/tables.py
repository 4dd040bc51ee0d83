"""CSVs of probabilities: `id` and one column a class, read back and put in order."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from competition.errors import BadInputError
from competition.rules import Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """The probabilities of one file: rows x classes, float64, in the order of its ids."""

    path: Path
    ids: list[str]
    probabilities: "NDArray[np.float64]"

    def in_order(self, ids: Sequence[str]) -> "NDArray[np.float64]":
        """The rows of these ids.

        Raises:
            BadInputError: the file lacks some of them, or holds others.
        """
        place = {name: row for row, name in enumerate(self.ids)}
        missing = [name for name in ids if name not in place]
        if missing:
            raise BadInputError(f"{self.path}: {len(missing)} of {len(ids)} ids are missing, as {missing[0]!r}")
        wanted = set(ids)
        unknown = [name for name in self.ids if name not in wanted]
        if unknown:
            raise BadInputError(
                f"{self.path}: {len(unknown)} of {len(self.ids)} ids are none of those wanted, as {unknown[0]!r}; "
                "is it of another part, or of a bundle prepared before?"
            )
        return self.probabilities[[place[name] for name in ids]]


def read_probabilities(path: Path, rules: Rules) -> Table:
    """Read a CSV of probabilities; the columns may stand in any order.

    Raises:
        BadInputError: no such CSV, a missing or an unknown column, a repeated id, or a row that is no probabilities.
    """
    header, rows = _read(path)
    lacking = [name for name in (rules.id_column, *rules.labels) if name not in header]
    if lacking:
        hint = "" if rules.target_column not in header else "; it holds labels: run the kernel with --probabilities"
        raise BadInputError(f"{path}: has no column {lacking[0]!r}{hint}")
    unknown = [name for name in header if name not in (rules.id_column, *rules.labels)]
    if unknown:
        raise BadInputError(f"{path}: column {unknown[0]!r} is no class of {rules.competition}; leave it out")
    short = next((line for line, row in enumerate(rows, 2) if len(row) != len(header)), None)
    if short is not None:
        raise BadInputError(f"{path}: line {short} has {len(rows[short - 2])} columns, the header {len(header)}")
    places = [header.index(label) for label in rules.labels]
    ids = [row[header.index(rules.id_column)] for row in rows]
    name, times = Counter(ids).most_common(1)[0]
    if times > 1:
        raise BadInputError(f"{path}: the id {name!r} is given {'twice' if times == 2 else f'{times} times'}")
    return Table(path, ids, _checked(path, _numbers(path, rows, places), rules.probability_tolerance))


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file, strict=True))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise BadInputError(f"{path}: is no CSV in UTF-8 ({error})") from None
    header, *rows = lines or [[]]
    if not header:
        raise BadInputError(f"{path}: is empty")
    if not rows:
        raise BadInputError(f"{path}: has no rows")
    return header, rows


def _numbers(path: Path, rows: Sequence[Sequence[str]], places: Sequence[int]) -> "NDArray[np.float64]":
    try:
        return np.array([[row[place] for place in places] for row in rows]).astype(np.float64)
    except ValueError as error:
        raise BadInputError(f"{path}: {error}") from None


def _checked(path: Path, found: "NDArray[Any]", tolerance: float) -> "NDArray[np.float64]":
    off = ~np.isfinite(found).all(1) | (found < 0).any(1) | ~(np.abs(found.sum(1) - 1) <= tolerance + 1e-6)
    if off.any():
        line = int(off.argmax()) + 2
        raise BadInputError(f"{path}: line {line} is no row of probabilities (they sum to {found[line - 2].sum():g})")
    return np.asarray(found / found.sum(1, keepdims=True))
