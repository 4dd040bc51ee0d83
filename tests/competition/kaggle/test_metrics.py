"""The metric files for Kaggle give the scores that are given here."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from competition.kaggle.metrics import KAGGLE_NAMES, LABEL_OR_VALUE_SCORES, PROBABILITY_SCORES, kaggle_metric
from competition.rules import Form, MetricRule, Rules, Task
from grader.metrics import compute
from grader.metrics.custom import register
from grader.metrics.registry import get, names

LABELS = ("bee", "ant", "10", "2")  # in an order of their own, for columns and codes must not be sorted


def rules_for(name: str, form: Form, options: dict[str, Any], labels: tuple[str, ...] = LABELS) -> Rules:
    task: Task = "regression" if form == "values" else "classification"
    return Rules(
        "x", "X", task, form, MetricRule(name, options), labels=() if form == "values" else labels, target_column="kind"
    )


def module_of(tmp_path: Path, content: str) -> Any:
    file = tmp_path / "metric.py"
    file.write_text(content)
    found = importlib.util.spec_from_file_location("metric_of_a_test", file)
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("balanced_accuracy", {}),
        ("balanced_accuracy", {"adjusted": True}),
        ("precision", {"average": "micro"}),
        ("recall", {"average": "weighted"}),
        ("f1", {}),
        ("f1", {"label": "10"}),
        ("fbeta", {"beta": 2.0}),
        ("matthews", {}),
        ("mcc", {}),
        ("cohen_kappa", {}),
        ("cohen_kappa", {"weights": "quadratic"}),
    ],
)
def test_a_metric_of_labels(name: str, options: dict[str, Any], tmp_path: Path):
    rules = rules_for(name, "labels", options)
    made = kaggle_metric(rules)
    assert made.name is None
    assert made.content is not None
    module = module_of(tmp_path, made.content)
    random = np.random.default_rng(5)
    for used in (4, 3):  # once with a class that is neither given nor guessed
        truth, guess = random.integers(0, used, 60), random.integers(0, used, 60)
        guess[:30] = truth[:30]
        score = module.score(*tables(rules, truth, np.array(LABELS)[guess]), "id")
        assert score == pytest.approx(compute(rules.metric, truth, guess, LABELS), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("log_loss", {}),
        ("cross_entropy", {}),
        ("roc_auc", {}),
        ("roc_auc", {"average": "weighted"}),
        ("roc_auc", {"multi_class": "ovo", "average": "weighted"}),
        ("auc", {"multi_class": "ovo"}),
        ("average_precision", {}),
        ("average_precision", {"average": "weighted"}),
        ("average_precision", {"label": LABELS[2]}),
        ("roc_auc", {"label": LABELS[0]}),
    ],
)
@pytest.mark.parametrize("labels", [LABELS, ("bee", "10")])
def test_a_metric_of_probabilities(name: str, options: dict[str, Any], labels: tuple[str, ...], tmp_path: Path):
    rules = rules_for(name, "probabilities", options, labels)
    made = kaggle_metric(rules)
    assert made.content is not None
    random = np.random.default_rng(5)
    truth, chances = random.integers(0, len(labels), 60), random.dirichlet(np.ones(len(labels)), 60)
    score = module_of(tmp_path, made.content).score(*tables(rules, truth, chances), "id")
    assert score == pytest.approx(compute(rules.metric, truth, chances, labels), abs=1e-9)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_first_k_labels(k: int, tmp_path: Path):
    rules = rules_for("top_k_accuracy", "probabilities", {"k": k})
    random = np.random.default_rng(5)
    truth, chances = random.integers(0, 4, 60), random.dirichlet(np.ones(4), 60)
    score = module_of(tmp_path, kaggle_metric(rules).content or "").score(*tables(rules, truth, chances), "id")
    assert score == pytest.approx(compute(rules.metric, truth, chances, LABELS), abs=1e-12)


@pytest.mark.parametrize("name", ["mape", "pearson", "spearman"])
def test_a_metric_of_values(name: str, tmp_path: Path):
    rules = rules_for(name, "values", {})
    made = kaggle_metric(rules)
    assert made.content is not None
    random = np.random.default_rng(5)
    truth = random.normal(size=60)
    guess = truth + random.normal(size=60)
    score = module_of(tmp_path, made.content).score(*tables(rules, truth, guess), "id")
    assert score == pytest.approx(compute(rules.metric, truth, guess, ()), abs=1e-9)


def test_a_metric_file_is_one_that_is_accepted_here(tmp_path: Path):
    made = kaggle_metric(rules_for("f1", "labels", {}))
    (tmp_path / "metric.py").write_text(made.content or "")
    assert register(tmp_path / "metric.py").options == ()


def test_no_metric_is_forgotten_or_named_twice():
    told = [*KAGGLE_NAMES, *LABEL_OR_VALUE_SCORES, *PROBABILITY_SCORES]
    assert len(told) == len(set(told))
    assert set(names()) - set(told) == {"mean_iou", "dice"}  # there the README says that there is none to choose
    assert {get(name).name for name in told} == set(told)


def test_a_participant_reads_what_is_wrong_with_a_label(tmp_path: Path):
    rules = rules_for("f1", "labels", {})
    module = module_of(tmp_path, kaggle_metric(rules).content or "")
    with pytest.raises(module.ParticipantVisibleError, match="not in the label set"):
        module.score(*tables(rules, np.array([0, 1]), np.array(["bee", "wasp"])), "id")


def tables(rules: Rules, truth: np.ndarray, predicted: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Solution and submission as Kaggle hands them over; the submission is in another order."""
    ids = [f"i{row}" for row in range(len(truth))]
    solution = pd.DataFrame({"id": ids, "kind": np.array(rules.labels)[truth] if rules.labels else truth})
    columns = dict(zip(rules.labels, predicted.T, strict=True)) if predicted.ndim == 2 else {"kind": predicted}
    submission = pd.DataFrame({"id": ids} | columns)
    return solution, submission.sample(frac=1, random_state=1)
