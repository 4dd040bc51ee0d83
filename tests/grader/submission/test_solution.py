"""The solution as arrays, and its mistakes told without a label."""

import csv
import io
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from competition.errors import BadInputError
from grader.submission.check import check_bytes
from grader.submission.solution import IGNORED, PRIVATE, PUBLIC, USAGES, read_ids, read_solution
from tools.fuzz_submissions import random_cell, random_file, random_ids, random_rules

SOLUTION = b"id,label,Usage\n007,dog,Public\nNA,1,Private\nnull,,Ignored\n1e3,cat,Public\n"


def test_a_solution_becomes_codes_and_usages(rules):
    solution = read_solution(SOLUTION, rules)
    assert solution.index.texts() == ["007", "NA", "null", "1e3"]
    assert solution.truth.tolist() == [1, 2, -1, 0]
    assert solution.truth.dtype == np.int32
    assert solution.usage.tolist() == [PUBLIC, PRIVATE, IGNORED, PUBLIC]
    assert solution.usage.dtype == np.uint8


def test_the_truth_has_the_form_of_the_competition(make_rules):
    values = read_solution(b"label,Usage,id\n0.5,Public,a\n,Ignored,b\n", make_rules(form="values", labels=()))
    assert values.truth[0] == 0.5
    assert np.isnan(values.truth[1])
    masks = read_solution(b'id,label,Usage\na,1 2,Public\nb,"",Private\n', make_rules(form="masks", labels=()))
    assert masks.truth == ["1 2", ""]
    assert read_solution(SOLUTION, make_rules(form="probabilities")).truth.tolist() == [1, 2, -1, 0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (SOLUTION.replace(b"Usage", b"usage"), "must have one column 'Usage'"),
        (SOLUTION.replace(b"id,", b"key,"), "must have one column 'id'"),
        (SOLUTION.replace(b"Private", b"private"), "line 3: Usage must be one of Public, Private, Ignored"),
        (SOLUTION.replace(b"NA", b"007"), "line 3: the id is there already"),
        (SOLUTION.replace(b"NA", b""), "line 3: the id is missing"),
        (SOLUTION.replace(b"cat", b"SECRET"), "line 5: the label is not in the label set"),
        (SOLUTION.replace(b"1e3,cat", b"1e3"), "line 5 has another number of cells than the header"),
        (b"", "the file is empty"),
    ],
)
def test_a_wrong_solution_is_told_by_line_and_shows_no_label(data, message, rules):
    with pytest.raises(BadInputError) as caught:
        read_solution(data, rules)
    assert message in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_the_ids_of_a_test_table_are_its_id_column(rules):
    assert read_ids(b'id,size,note\n7,1.5,"a,b"\n007,2,\n', rules).texts() == ["7", "007"]
    with pytest.raises(BadInputError, match="line 3: the id is there already"):
        read_ids(b"id\n7\n7\n", rules)


@given(st.integers(0, 2**32), st.randoms())
def test_the_same_file_against_permuted_labels_gets_the_same_answer(seed, shuffler):
    draw = random.Random(seed)
    rules, ids = random_rules(draw), random_ids(draw)
    data = random_file(draw, rules, ids)
    answers = []
    for _ in range(2):
        rows = [[name, random_cell(shuffler, rules), shuffler.choice(USAGES)] for name in ids]
        if rules.form == "probabilities":
            rows = [[name, shuffler.choice(rules.labels), usage] for name, _, usage in rows]
        text = io.StringIO(newline="")
        csv.writer(text).writerows([["id", rules.target_column, "Usage"], *rows])
        checked = check_bytes(data, rules, read_solution(text.getvalue().encode(), rules).index)
        answers.append((checked.problems, checked.rows, repr(checked.predictions)))
    assert answers[0] == answers[1]
