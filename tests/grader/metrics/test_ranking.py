"""Metrics of ranked lists against scikit-learn and against the definitions written out."""

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st

from grader.metrics import ranking as ours
from grader.metrics.errors import BrokenMetricError

LABELS = "abcdef"


def written_out_average_precision(relevant, ranked, k):
    """The definition, without shortcuts: precision at each rank where a new relevant label stands."""
    ranked = ranked[:k]
    total = 0.0
    for place, label in enumerate(ranked):
        if label in relevant and label not in ranked[:place]:
            right = {other for other in ranked[: place + 1] if other in relevant}
            total += len(right) / (place + 1)
    return total / min(k, len(relevant)) if relevant else 0.0


texts = st.lists(st.sampled_from(LABELS), max_size=8)
sets = st.sets(st.sampled_from(LABELS), max_size=6)
depths = st.integers(1, 8)


@given(st.lists(st.tuples(sets, texts), min_size=1, max_size=10), depths)
def test_map_at_k_equals_its_definition(rows, k):
    expected = np.mean([written_out_average_precision(*row, k) for row in rows])
    truth, prediction = ([" ".join(part) for part in side] for side in zip(*rows, strict=True))
    assert ours.mean_average_precision_score(truth, prediction, k=k) == pytest.approx(expected, abs=1e-12)


@given(st.permutations(LABELS), st.sets(st.sampled_from(LABELS), min_size=1))
def test_map_of_full_rankings_equals_scikit_learns_average_precision(ranked, relevant):
    truth = [label in relevant for label in LABELS]
    scores = [-ranked.index(label) for label in LABELS]
    found = ours.mean_average_precision_score([" ".join(relevant)], [" ".join(ranked)], k=len(LABELS))
    assert found == pytest.approx(oracle.average_precision_score(truth, scores), abs=1e-12)


@given(st.permutations(LABELS), st.lists(st.integers(0, 5), min_size=6, max_size=6), st.integers(1, 6))
def test_graded_ndcg_of_full_rankings_equals_scikit_learn(ranked, grades, k):
    truth = " ".join(f"{label}:{grade}" for label, grade in zip(LABELS, grades, strict=True))
    scores = [-ranked.index(label) for label in LABELS]
    expected = oracle.ndcg_score([grades], [scores], k=k)
    assert ours.ndcg_score([truth], [" ".join(ranked)], k=k, graded=True) == pytest.approx(expected, abs=1e-12)


@given(st.permutations(LABELS), sets, depths, st.integers(0, 6))
def test_ndcg_of_short_lists_counts_what_is_missing_as_irrelevant(ranked, relevant, k, length):
    strangers = [f"stranger{place}" for place in range(length, 8)]
    found = ours.ndcg_score([" ".join(relevant)], [" ".join(ranked[:length])], k=k)
    filled = [*ranked[:length], *strangers]
    everything = [*filled, *ranked[length:]]
    expected = oracle.ndcg_score(
        [[label in relevant for label in everything]], [[-place for place in range(len(everything))]], k=k
    )
    assert found == pytest.approx(expected, abs=1e-12)


def test_naming_a_label_twice_gains_nothing():
    assert ours.mean_average_precision_score(["a b"], ["a a"], k=2) == 0.5
    assert ours.ndcg_score(["a"], ["a a"], k=2) == 1.0


@pytest.mark.parametrize("metric", [ours.mean_average_precision_score, ours.ndcg_score])
def test_a_row_without_relevant_labels_and_an_empty_list_score_zero(metric):
    assert metric(["", "a"], ["a", ""]) == 0.0


@pytest.mark.parametrize("text", ["a", "a:", ":3", "a:-1", "a:nan", "a:inf", "a:1e999", "3"])
def test_a_graded_solution_without_grades_is_an_error_that_quotes_nothing(text):
    with pytest.raises(BrokenMetricError) as told:
        ours.ndcg_score([text], ["a"], graded=True)
    assert str(told.value).endswith("each grade a number of 0 or more")
