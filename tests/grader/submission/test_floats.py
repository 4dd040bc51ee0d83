"""Bulk parsing of numbers against Python's float."""

import math
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.submission import columns
from grader.submission.columns import TextColumn
from grader.submission.floats import NO_NUMBER, NOT_FINITE, NUMBER, parse_floats

# Written without looking at the parser: what float accepts, less underscores, blanks, names and other digits.
GRAMMAR = re.compile(r"[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?")

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
