import pytest

from competition.parts import Parts, parse_parts


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("80:20", Parts("ratio", 4, 0, 1)),
        ("60:20:20", Parts("ratio", 3, 1, 1)),
        ([98, 1, 1], Parts("ratio", 98, 1, 1)),
        ({"train": 716, "validation": 150, "test": 150}, Parts("count", 716, 150, 150)),
        ({"train": 5, "test": 1}, Parts("count", 5, 0, 1)),
        ({"train": 0.7, "validation": 0.15, "test": 0.15}, Parts("ratio", 14, 3, 3)),
        ({"train": "70%", "test": "30%"}, Parts("ratio", 7, 0, 3)),
    ],
)
def test_parts_are_ratios_or_counts_a_class(raw: object, parts: Parts) -> None:
    assert parse_parts(raw) == parts


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("abc", "'abc' is no ratio"),
        ("50:20:20:10", "has 4 parts"),
        ("100:0", "leaves nothing to test"),
        ({"train": "abc", "test": 1}, ".train: 'abc' is no ratio or count"),
        ({"train": 5, "test": 0.1}, "mixes counts and ratios"),
        ({"train": 0.7, "test": 0.2}, "add up to 0.9"),
        ({"train": 5, "tset": 1}, "'tset' is no part"),
        ({"train": -5, "test": 1}, ".train: -5"),
        ({"train": True, "test": 1}, ".train: True"),
        ({"train": "1/0", "test": 1}, ".train: '1/0'"),
        ({"train": 5}, "leaves nothing to test"),
        (80, "80 is no ratio"),
        (None, "None is no ratio"),
        ([80, "x"], "is no ratio"),
        ({}, "add up to 0"),
    ],
)
def test_bad_parts_are_refused_with_the_reason(raw: object, problem: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_parts(raw)
    assert problem in str(error.value)
