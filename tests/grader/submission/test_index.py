"""Bulk lookup of text against a Python dict."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from competition.errors import BadInputError
from grader.submission import columns
from grader.submission.columns import TextColumn
from grader.submission.index import LONGEST, TextIndex

texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30)
near = st.sampled_from(
    ["", "a", "aa", "a" * 7, "a" * 8, "a" * 9, "a" * 16, "a" * 17, "007", "7", " 7", "7 ", "가", "가나다"]
)
words = st.one_of(texts, near)


@given(st.lists(words, unique=True), st.lists(words))
@example([], ["a", ""])
@example(["a"], ["a" * 400, "a"])
@example(["a" * 8 + "b"], ["a" * 8, "a" * 8 + "b", "b"])
def test_texts_are_found_where_a_dict_finds_them(known, asked):
    index = TextIndex.from_texts(known)
    where = {text: position for position, text in enumerate(known)}
    found = index.find(TextColumn.from_texts(asked))
    assert found.dtype == np.int32
    assert found.tolist() == [where.get(text, -1) for text in asked]
    assert index.texts() == known
    assert [index.text(position) for position in range(len(known))] == known
    assert all((text in index) == (text in where) for text in asked)


@given(st.lists(words))
def test_texts_that_came_before_are_named_as_duplicates(known):
    duplicates = TextIndex.from_texts(known).duplicates()
    assert duplicates.tolist() == [place for place, text in enumerate(known) if text in known[:place]]


@given(st.lists(words, unique=True, min_size=1))
def test_positions_sort_by_the_bytes_of_their_texts(known):
    ordered = TextIndex.from_texts(known).sorted(np.arange(len(known)))
    assert [known[position] for position in ordered] == sorted(known, key=str.encode)


@given(st.permutations(range(40)), st.integers(1, 9))
def test_lookup_in_chunks_finds_the_same(order, size):
    known = [f"{number * 7919:x}" for number in range(40)]
    before, columns.CHUNK = columns.CHUNK, size
    try:
        index = TextIndex.from_texts(known)
        assert index.find(TextColumn.from_texts([known[number] for number in order])).tolist() == list(order)
        assert index.find(TextColumn.from_texts(known)).tolist() == list(range(40))
        assert TextIndex.from_texts(known + known).duplicates().tolist() == list(range(40, 80))
    finally:
        columns.CHUNK = before


def test_a_hundred_thousand_texts_in_any_order_are_found():
    known = [f"{number:x}" for number in range(100_000)]
    order = np.random.default_rng(0).permutation(200_000)
    found = TextIndex.from_texts(known).find(TextColumn.from_texts([f"{number:x}" for number in order]))
    assert found.tolist() == np.where(order < 100_000, order, -1).tolist()


def test_texts_made_to_want_one_slot_are_found_all_the_same(monkeypatch):
    monkeypatch.setattr(TextIndex, "_slots", lambda self, words, size: np.zeros(words.shape[1], dtype=np.intp))
    known = [f"{number}" for number in range(50)]
    index = TextIndex.from_texts([*known, "7"])
    assert index.duplicates().tolist() == [50]
    assert index.find(TextColumn.from_texts([*known[::-1], "50"])).tolist() == [*range(49, -1, -1), -1]


def test_a_known_text_may_not_be_endless():
    with pytest.raises(BadInputError, match="row 2: a text of 257 bytes where 256 are allowed"):
        TextIndex.from_texts(["a", "b" * (LONGEST + 1)])
