"""Text to floating-point numbers in bulk: plain decimal and exponent notation, rounded as Python's `float` rounds."""

import re
import warnings

import numpy as np
from numpy.typing import NDArray

from grader.submission.columns import WORD, TextColumn, chunks
from grader.submission.decimals import parse_fractions

NUMBER, NO_NUMBER, NOT_FINITE = 0, 1, 2  # what a cell is

_SHORT = 32  # bytes: longer than any `repr` of a float
_CHARACTERS = np.isin(np.arange(256), np.frombuffer(b"0123456789+-.eE\0", dtype=np.uint8))
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)


def parse_floats(cells: TextColumn) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The numbers written in the cells (N float64, NaN where there is none) and what each cell is (N uint8).

    A number is an optional sign, digits with at most one point, and an optional exponent: what `float` accepts, without
    its underscores, spaces and names. The names (`nan`, `inf`, `infinity`) and numbers too large are `NOT_FINITE`;
    anything else, an empty cell too, is `NO_NUMBER`.
    """
    values = np.empty(len(cells))
    kinds = np.zeros(len(cells), dtype=np.uint8)
    for rows in chunks(len(cells)):
        values[rows], simple = parse_fractions(cells[rows])
        others = np.flatnonzero(~simple) + rows.start
        if others.size:
            parsed = _parsed_together(cells[others])
            values[others], kinds[others] = _parsed_one_by_one(cells[others]) if parsed is None else (parsed, NUMBER)
    overflown = np.isinf(values)
    if overflown.any():
        values[overflown], kinds[overflown] = np.nan, NOT_FINITE
    return values, kinds


def _parsed_together(cells: TextColumn) -> NDArray[np.float64] | None:
    """The numbers of cells that are all short numbers in plain notation, or None.

    The cells are laid out side by side, with spaces between, and parsed by one call that stops at what is no number
    and makes two numbers of `1.2.3`. No cell is empty and none holds a space, so where as many numbers as cells come
    back each cell is one.
    """
    lengths = cells.lengths
    if len(cells) and (lengths.min() == 0 or lengths.max() > _SHORT):
        return None
    words = int(lengths.max(initial=0)) // WORD + 1  # at least one space behind each cell
    layout = np.stack([cells.word(number) for number in range(words)], axis=1).astype("<u8").view(np.uint8)
    if not _CHARACTERS[layout].all():
        return None
    layout[layout == 0] = ord(" ")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # before numpy 2.3 a warning told of unread text
            values = np.fromstring(layout.tobytes(), dtype=np.float64, sep=" ")
    except (ValueError, DeprecationWarning):
        return None
    return values if len(values) == len(cells) else None


def _parsed_one_by_one(cells: TextColumn) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """The numbers and the kinds of cells among which some are no numbers."""
    values = np.full(len(cells), np.nan)
    kinds = np.full(len(cells), NO_NUMBER, dtype=np.uint8)
    for row, text in enumerate(cells.texts()):
        if _PLAIN.fullmatch(text):
            values[row], kinds[row] = float(text), NUMBER
        elif _INFINITE.fullmatch(text):
            kinds[row] = NOT_FINITE
    return values, kinds
