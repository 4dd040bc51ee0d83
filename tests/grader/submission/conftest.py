"""What the tests of the checker share: rules of a small competition and its ids."""

import pytest

from competition.rules import MetricRule, Rules
from grader.submission.index import TextIndex

IDS = ("007", "NA", "null", "1e3", "a1b2c3d4e5f6")


@pytest.fixture
def make_rules():
    def make(**changes):
        fixed = {
            "competition": "pets",
            "title": "Pets",
            "task": "classification",
            "form": "labels",
            "metric": MetricRule("accuracy"),
            "labels": ("cat", "dog", "1"),
        }
        return Rules(**fixed | changes)

    return make


@pytest.fixture
def rules(make_rules):
    return make_rules()


@pytest.fixture
def ids():
    return TextIndex.from_texts(IDS)
