"""Label texts to codes."""

import pytest

from competition.errors import BadInputError
from grader.submission.columns import TextColumn
from grader.submission.labels import LabelSet


def codes(rules, *texts):
    return LabelSet(rules).find(TextColumn.from_texts(texts)).tolist()


def test_by_text_a_label_is_its_text(make_rules):
    rules = make_rules(labels=("0", "1", "True", "가"))
    assert codes(rules, "1", "True", "0", "가", "1.0", "00", "true", " 0", "") == [1, 2, 0, 3, -1, -1, -1, -1, -1]


def test_by_number_a_label_is_any_way_to_write_its_number(make_rules):
    rules = make_rules(labels=("10", "0", "-1.5", "other"), label_matching="number")
    assert codes(rules, "1e1", "-0", "0.0", "00", "-15e-1", "other", "nan", "1") == [0, 1, 1, 1, 2, 3, -1, -1]


@pytest.mark.parametrize("matching", ["text", "number"])
def test_a_label_named_twice_is_a_mistake_of_the_rules(matching, make_rules):
    with pytest.raises(BadInputError, match="the rules name the label '1' twice"):
        LabelSet(make_rules(labels=("2", "1", "1"), label_matching=matching))


def test_numbers_named_twice_are_a_mistake_only_where_labels_are_numbers(make_rules):
    LabelSet(make_rules(labels=("1", "1.0")))
    with pytest.raises(BadInputError, match=r"the rules name the label '1\.0' twice"):
        LabelSet(make_rules(labels=("1", "1.0"), label_matching="number"))


def test_rules_without_labels_have_no_label_set(make_rules):
    with pytest.raises(BadInputError, match="no label set"):
        LabelSet(make_rules(labels=()))
