"""Error bars against scipy, and against how often they hold."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from competition.rules import MetricRule
from competition.seeds import stream
from grader.metrics import BrokenMetricError, compute
from grader.metrics.interval import interval, wilson

LABELS = ("cat", "dog", "fox")


@given(st.integers(1, 2000).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))), st.floats(0.5, 0.999))
def test_wilsons_interval_equals_scipy(counts, level):
    expected = scipy.stats.binomtest(*counts).proportion_ci(level, method="wilson")
    found = wilson(*counts, level=level)
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-9)
    assert found.low <= found.score <= found.high


def test_accuracy_has_wilsons_interval_of_its_hits():
    truth, prediction = np.array([0, 1, 2, 1]), np.array([0, 1, 1, 1])
    found = interval(MetricRule("accuracy"), truth, prediction, LABELS, stream(42, "bootstrap"))
    assert found == wilson(3, 4)


def test_the_same_stream_gives_the_same_interval_and_another_one_a_near_one():
    numbers = np.random.default_rng(0)
    truth = numbers.integers(3, size=400)
    prediction = np.where(numbers.random(400) < 0.8, truth, numbers.integers(3, size=400))
    one, same, other = (
        interval(MetricRule("f1"), truth, prediction, LABELS, stream(seed, "bootstrap"), resamples=400)
        for seed in (42, 42, 7)
    )
    assert one == same
    assert one != other
    assert one.score == compute(MetricRule("f1"), truth, prediction, LABELS)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.02)
    assert one.low < one.score < one.high


def test_the_bootstrap_error_of_a_mean_is_its_textbook_error():
    errors = np.random.default_rng(1).exponential(size=500)
    found = interval(MetricRule("mae"), np.zeros(500), errors, (), stream(42, "bootstrap"), resamples=2000)
    textbook = errors.std() / 500**0.5
    assert found.standard_error == pytest.approx(textbook, rel=0.1)
    assert found.high - found.low == pytest.approx(2 * 1.96 * textbook, rel=0.1)


def test_the_interval_holds_as_often_as_it_says():
    numbers, held = np.random.default_rng(2), 0
    for trial in range(200):
        truth = numbers.normal(size=80)
        prediction = truth + numbers.normal(size=80)
        found = interval(MetricRule("mse"), truth, prediction, (), stream(trial, "bootstrap"), resamples=200)
        held += found.low <= 1.0 <= found.high
    assert 0.86 <= held / 200 <= 0.99


def test_texts_are_drawn_too():
    rule = MetricRule("map_at_k", {"k": 2})
    found = interval(rule, ["a", "b"] * 20, ["a b"] * 40, (), stream(42, "bootstrap"), resamples=100)
    assert found.low < found.score == 0.75 < found.high


def test_draws_without_a_class_are_left_out():
    truth, values = np.array([0.0] * 6 + [1.0] * 2), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.55, 0.9])
    found = interval(MetricRule("roc_auc"), truth, values, (), stream(42, "bootstrap"), resamples=300)
    assert 0 <= found.low < found.score <= found.high <= 1


def test_a_metric_undefined_on_most_draws_has_no_interval():
    truth, values = np.array([0.0, 1.0]), np.array([0.1, 0.9])
    with pytest.raises(BrokenMetricError, match="no interval"):
        interval(MetricRule("roc_auc"), truth, values, (), stream(1, "bootstrap"), resamples=3)
