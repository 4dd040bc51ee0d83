"""Decimal fractions such as `0.0123` to floating-point numbers, eight digits at a time, rounded as `float` rounds.

Files of probabilities are millions of such cells. Eight ASCII digits in one 64-bit integer become their number by
three multiplications (D. Lemire, "Quickly parsing eight digits", 2018), here for a whole column at once. The digits
without their point are an integer m below 2**64 and the value is m / 10**k, k at most 19: both are exact in the
extended precision of x86 (64-bit significand), so their quotient is rounded once there and once more to 53 bits. Only
where the first rounding ends exactly halfway between two floats could the second one go wrong; those cells, and all
that are written otherwise, are left to the general parser.
"""

import numpy as np
from numpy.typing import NDArray

from grader.submission.columns import WORD, TextColumn, Words

_MOST_WORDS = 3
_EXTENDED = np.finfo(np.longdouble).nmant in (63, 112)  # not on Windows and ARM Macs: the general parser does it all

_ZEROS = np.uint64(0x3030303030303030)  # eight characters '0'
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)  # the half of a character that is 3 for a digit
_SIXES = np.uint64(0x0606060606060606)  # added, they carry a character above '9' into the high half
_POINT = np.uint64(0x2E00)  # '.' as the second character
_SHIFTS = np.array([0, *(64 - 8 * digits for digits in range(1, WORD + 1))], dtype=np.uint64)
_FILLS = np.array([0x3030303030303030 >> (8 * digits) for digits in range(WORD + 1)], dtype=np.uint64)
_POWERS = np.array([10**digits for digits in range(WORD + 1)], dtype=np.uint64)
_LARGEST = np.array([(2**64 - 10**digits) // 10**digits for digits in range(WORD + 1)], dtype=np.uint64)
_DIVISORS = np.array([10**digits for digits in range(20)], dtype=np.uint64).astype(np.longdouble)


def parse_fractions(cells: TextColumn) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The values of cells of one digit, a point and digits (N float64), and which cells are so (N).

    Where the second is false the value means nothing.
    """
    lengths = cells.lengths
    longest = int(lengths.max(initial=0))
    if not _EXTENDED or not 2 < longest <= WORD * _MOST_WORDS:
        return np.zeros(len(cells)), np.zeros(len(cells), dtype=np.bool_)
    first = cells.word(0)
    fine = (first & np.uint64(0xFF00)) == _POINT
    fine &= (lengths > 2) & (lengths - 2 < len(_DIVISORS))
    if not fine.any():
        return np.zeros(len(cells)), fine
    first = (first & np.uint64(0xFFFFFFFFFFFF0000)) | ((first & np.uint64(0xFF)) << np.uint64(8)) | np.uint64(0x30)
    digits = np.zeros(len(cells), dtype=np.uint64)
    for number in range(-(-longest // WORD)):
        held = np.clip(lengths - WORD * number, 0, WORD)
        word = (first if number == 0 else cells.word(number)) << _SHIFTS.take(held)
        word |= _FILLS.take(held)
        fine &= _all_digits(word)
        fine &= digits <= _LARGEST.take(held)
        digits *= _POWERS.take(held)
        digits += _eight_digits(word)
    quotients = digits.astype(np.longdouble) / _DIVISORS.take(np.clip(lengths - 2, 0, len(_DIVISORS) - 1))
    values = quotients.astype(np.float64)
    fine &= ~_halfway(quotients, values)
    return values, fine


def _halfway(quotients: NDArray[np.longdouble], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each quotient may lie in the middle of two floats, one of which is its value."""
    error = np.abs((quotients - values).astype(np.float64))
    gap = np.spacing(values)
    halfway: NDArray[np.bool_] = (2 * error == gap) | (4 * error == gap)  # below a power of two the gap is half as wide
    return halfway


def _all_digits(words: Words) -> NDArray[np.bool_]:
    """Whether all eight characters of each word are digits."""
    carried = ((words + _SIXES) & _HIGH) >> np.uint64(4)
    carried |= words & _HIGH
    digits: NDArray[np.bool_] = carried == np.uint64(0x3333333333333333)
    return digits


def _eight_digits(words: Words) -> Words:
    """The number written by the eight digits of each word; the words are used up."""
    words -= _ZEROS
    words *= np.uint64(10 * 2**8 + 1)
    words >>= np.uint64(8)
    words &= np.uint64(0x00FF00FF00FF00FF)
    words *= np.uint64(100 * 2**16 + 1)
    words >>= np.uint64(16)
    words &= np.uint64(0x0000FFFF0000FFFF)
    words *= np.uint64(10_000 * 2**32 + 1)
    words >>= np.uint64(32)
    return words
