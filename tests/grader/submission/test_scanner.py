"""The column scanner against Python's own csv module, on both of its paths."""

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.submission import scanner
from grader.submission.problems import UnreadableError
from grader.submission.scanner import scan

pieces = st.sampled_from(
    ["a", "bc", "", ",", ",", ",", "\n", "\n", "\r\n", "\r", " ", "한글", "é", "\u2028", "\x0b", "\x85"]
)
plain_texts = st.lists(pieces, max_size=40).map("".join)
quoted_texts = st.lists(st.one_of(pieces, st.sampled_from(['"', '""', '"a"', '"x,y"', '"p\nq"'])), max_size=40).map(
    "".join
)


def by_csv(text):
    return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]


def by_scanner(text):
    table = scan(bytearray(text.encode()))
    columns = [table.column(number).texts() for number in range(len(table.header))]
    return table, [table.header, *zip(*columns, strict=True)]


@given(st.one_of(plain_texts, quoted_texts))
@example("a,b\n1,2\n3\n4,5,6\n\n7,8")
@example('a,"b\r\nc"\n1,2\n\n"3"\n')
@example("a\n\nb\n")
@example('a\n""\n')
@example('"a","b"\n"1",2\n"",""\n')
@example('"a","b"\n"1",","\n",","\r"\n')
@example('a,b\n"1","\n",""\n"\n')
def test_a_text_has_the_cells_that_pythons_csv_module_finds(text):
    if not text.strip():
        return
    try:
        expected = by_csv(text)
    except csv.Error:
        with pytest.raises(UnreadableError):
            scan(bytearray(text.encode()))
        return
    table, found = by_scanner(text)
    columns = len(expected[0])
    assert found[0] == tuple(expected[0])
    assert found[1:] == [tuple((row + [""] * columns)[:columns]) for row in expected[1:]]
    assert table.ragged().tolist() == [number for number, row in enumerate(expected[1:]) if len(row) != columns]


@given(st.one_of(plain_texts, quoted_texts))
def test_a_row_is_known_by_the_line_it_begins_on(text):
    if not text.strip():
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines, line = [], 1
    try:
        for row in reader:
            if row:
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error:
        return
    table, _ = by_scanner(text)
    assert [table.line(row) for row in range(len(table))] == lines[1:]


@given(plain_texts, st.integers(1, 7))
def test_where_the_text_is_cut_for_scanning_makes_no_difference(text, size):
    if not text.strip():
        return
    _, whole = by_scanner(text)
    before, scanner._SCANNED = scanner._SCANNED, size
    try:
        assert by_scanner(text)[1] == whole
    finally:
        scanner._SCANNED = before


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=2, max_size=2), min_size=1
    )
)
def test_whatever_pythons_csv_module_writes_is_read_back(rows):
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    table, found = by_scanner(text.getvalue())
    assert [list(row) for row in found] == rows
    assert table.fields is None


def test_offsets_of_a_usual_text_are_four_bytes_each():
    table = scan(bytearray(b"id,label\n" + b"a,1\n" * 1000))
    assert table.ends.dtype == np.int32
    assert table.column(0).starts.dtype == np.int32
    assert table.column(1).texts([0, 999]) == ["1", "1"]


def test_more_lines_than_allowed_are_refused_on_both_paths():
    for head in (b"id,label\n", b'"id",label\n'):
        with pytest.raises(UnreadableError, match="the file has 101 lines"):
            scan(bytearray(head + b"\n" * 100), most_lines=100)


def test_cells_that_are_merely_enclosed_in_quotes_need_no_csv_module(monkeypatch):
    monkeypatch.setattr(scanner, "_quoted_table", None)
    table, found = by_scanner('"id","label"\r\n"007","cat"\r\n8,"",\r\n"9",dog\r\n')
    assert found == [("id", "label"), ("007", "cat"), ("8", ""), ("9", "dog")]
    assert table.ragged().tolist() == [1]
