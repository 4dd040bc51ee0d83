"""Bulk parsing of numbers against Python's float."""

import math
import re
from decimal import ROUND_DOWN, ROUND_UP, Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.submission import columns
from grader.submission.columns import TextColumn
from grader.submission.decimals import _EXTENDED as EXTENDED
from grader.submission.decimals import parse_fractions
from grader.submission.floats import NO_NUMBER, NOT_FINITE, NUMBER, parse_floats

# Written without looking at the parser: what float accepts, less underscores, blanks, names and other digits.
GRAMMAR = re.compile(r"[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?")

EDGES = ((ROUND_DOWN, 0), (ROUND_UP, 0), (ROUND_DOWN, Decimal("-1e-19")), (ROUND_UP, Decimal("1e-19")))

numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.from_regex(GRAMMAR, fullmatch=True),
)
noise = st.one_of(
    st.text(alphabet="0123456789.+-eE _xinfaINFA,", max_size=8),
    st.sampled_from(
        ["", "nan", "-inf", "Infinity", "1e999", "1_0", "0x1p3", " 1", "1 ", "1 2", " ", "٣", "1.2.3", "NA", "9" * 60]
    ),
)


def expected(text):
    if GRAMMAR.fullmatch(text):
        return (float(text), NUMBER) if math.isfinite(float(text)) else (None, NOT_FINITE)
    return None, NOT_FINITE if text.lower().lstrip("+-") in ("nan", "inf", "infinity") and text[
        1:2
    ] not in "+-" else NO_NUMBER


@given(st.lists(st.one_of(numbers, noise)))
@example(["1 2", " "])
@example(["1.5.2"])
@example([" "])
@example(["0.1", "0.30000000000000004", "2.2250738585072011e-308", "9007199254740993", "4.9e-324"])
def test_numbers_are_those_of_python_and_nothing_else_is_one(texts):
    values, kinds = parse_floats(TextColumn.from_texts(texts))
    for text, value, kind in zip(texts, values.tolist(), kinds.tolist(), strict=True):
        number, what = expected(text)
        assert kind == what, text
        assert math.isnan(value) if number is None else value.hex() == number.hex(), text


@given(st.lists(numbers, min_size=1), st.integers(1, 3))
def test_a_bad_cell_changes_nothing_about_its_neighbours(texts, size):
    before, columns.CHUNK = columns.CHUNK, size
    try:
        alone, _ = parse_floats(TextColumn.from_texts(texts))
        beside, kinds = parse_floats(TextColumn.from_texts([*texts, "x"]))
    finally:
        columns.CHUNK = before
    assert np.array_equal(alone, beside[:-1], equal_nan=True)
    assert kinds[-1] == NO_NUMBER


@pytest.mark.parametrize("digits", [6, 17, 25, 40])
def test_many_numbers_are_rounded_as_python_rounds_them(digits):
    texts = [f"{value:.{digits}f}" for value in np.random.default_rng(digits).random(20_000)]
    values, kinds = parse_floats(TextColumn.from_texts(texts))
    assert not kinds.any()
    assert values.tolist() == [float(text) for text in texts]


fractions = st.one_of(
    st.floats(0, 10, exclude_max=True).map(lambda value: f"{value:.19f}"),
    st.integers(0, 10**19).map(lambda digits: f"{digits:020}"[:1] + "." + f"{digits:020}"[1:]),
    st.from_regex(r"[0-9][.][0-9]{1,22}", fullmatch=True),
)


@given(st.lists(fractions, min_size=1))
@example(
    [
        "0.9999999999999999445",
        "0.99999999999999994449",
        "0.9999999999999999",
        "1.0000000000000001110",
        "0.5000000000000000555",
    ]
)
@example(["9.9999999999999999999", "0.0000000000000000001", "1.8446744073709551615", "1.8446744073709551616"])
def test_decimal_fractions_are_rounded_as_python_rounds_them(texts):
    values, fine = parse_fractions(TextColumn.from_texts(texts))
    for text, value, sure in zip(texts, values.tolist(), fine.tolist(), strict=True):
        assert not sure or value.hex() == float(text).hex()
    assert parse_floats(TextColumn.from_texts(texts))[0].tolist() == [float(text) for text in texts]


def test_fractions_next_to_the_middle_of_two_floats_are_rounded_as_python_rounds_them():
    """Middles of neighbouring floats, also below powers of two, cut to 19 digits: the ones above and below them."""
    rng = np.random.default_rng(5)
    floats = np.concatenate([2.0 ** -np.arange(8), rng.random(20_000)])
    middles = [(Decimal(value) + Decimal(float(np.nextafter(value, 0)))) / 2 for value in floats.tolist()]
    step = Decimal(10) ** -19
    texts = [f"{middle.quantize(step, rounding) + extra:f}" for middle in middles for rounding, extra in EDGES]
    assert parse_floats(TextColumn.from_texts(texts))[0].tolist() == [float(text) for text in texts]


def test_fractions_are_mostly_parsed_together_and_other_cells_never():
    values = np.random.default_rng(1).random(10_000)
    _, fine = parse_fractions(TextColumn.from_texts([f"{value:.17f}" for value in values.tolist()]))
    assert not EXTENDED or fine.mean() > 0.99
    others = [
        "",
        ".",
        "5",
        ".5",
        "5.",
        "-0.5",
        "0.5e1",
        "0.x",
        "0. 5",
        "0.5 ",
        "00.5",
        "0:5",
        "0/5",
        "a.5",
        "0.1.2",
        "0.1,",
    ]
    assert not parse_fractions(TextColumn.from_texts([*others, "0.5" + "x" * 9]))[1].any()
