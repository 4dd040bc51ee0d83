"""How Kaggle scores what a competition scores here: the name of a metric of Kaggle's, or a file for one's own.

A name is given only where Kaggle computes the same number from the same two files. All other metrics are written out
as the one file of a Kaggle metric notebook: a function `score(solution, submission, row_id_column_name)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from competition.rules import MetricRule, Rules

METRIC_FILE = "metric.py"

KAGGLE_NAMES = {
    "accuracy": "Categorization Accuracy",
    "mae": "Mean Absolute Error",
    "mse": "Mean Squared Error",
    "rmse": "Root Mean Squared Error",
    "rmsle": "Root Mean Squared Logarithmic Error",
    "r2": "R2 Score",
    "map_at_k": "Mean Average Precision @ K",
    "ndcg_at_k": "Normalized Discounted Cumulative Gain @ K",
}

# Without `labels`, scikit-learn averages over the classes that occur in truth or prediction, as here.
_AVERAGED = "labels=$label, average=$average, zero_division=0"
_ONE_AGAINST_REST = "(truth == code, predicted[:, code]) for code in $codes], weights=$weights_of_codes"
# Of `truth` and `predicted`: texts of labels, or numbers.
LABEL_OR_VALUE_SCORES = {
    "balanced_accuracy": "metrics.balanced_accuracy_score(truth, predicted, adjusted=$adjusted)",
    "precision": f"metrics.precision_score(truth, predicted, {_AVERAGED})",
    "recall": f"metrics.recall_score(truth, predicted, {_AVERAGED})",
    "f1": f"metrics.f1_score(truth, predicted, {_AVERAGED})",
    "fbeta": f"metrics.fbeta_score(truth, predicted, beta=$beta, {_AVERAGED})",
    "matthews": "metrics.matthews_corrcoef(truth, predicted)",
    "cohen_kappa": "metrics.cohen_kappa_score(truth, predicted, labels=LABELS, weights=$weights)",
    "mape": "metrics.mean_absolute_percentage_error(truth, predicted)",
    "pearson": "stats.pearsonr(truth, predicted)[0]",
    "spearman": "stats.spearmanr(truth, predicted)[0]",
}
# Of `truth`, the position of each label, and `predicted`, one column of probabilities a label.
PROBABILITY_SCORES = {
    "log_loss": "metrics.log_loss(truth, predicted, labels=range(len(LABELS)))",
    "roc_auc": f"np.average([metrics.roc_auc_score{_ONE_AGAINST_REST})",
    "average_precision": f"np.average([metrics.average_precision_score{_ONE_AGAINST_REST})",
    "top_k_accuracy": "metrics.top_k_accuracy_score(truth, predicted, k=$k, labels=range(len(LABELS)))",
}
PAIR_BY_PAIR = "metrics.roc_auc_score(truth, predicted, labels=range(len(LABELS)), multi_class='ovo', average=$average)"
ALIASES = {"mcc": "matthews", "kappa": "cohen_kappa", "cross_entropy": "log_loss", "auc": "roc_auc"} | {
    "map@k": "map_at_k",
    "ndcg@k": "ndcg_at_k",
    "ndcg": "ndcg_at_k",
}

_HEAD = Template('''"""$name, for a Kaggle metric notebook: paste this file into its one cell."""

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import metrics

LABELS = $labels


class ParticipantVisibleError(Exception):
    """A mistake that the participant who made it may read."""


def score(solution: pd.DataFrame, submission: pd.DataFrame, row_id_column_name: str) -> float:
    """The $name of a submission."""
    submission = submission.set_index(row_id_column_name).loc[solution[row_id_column_name]]
''')

_TEXTS = """\
    truth = solution[TARGET].astype(str).to_numpy()
    predicted = submission[TARGET].astype(str).to_numpy()
    if not set(predicted) <= set(LABELS):
        raise ParticipantVisibleError("a label is not in the label set")
"""
_NUMBERS = """\
    truth = solution[TARGET].to_numpy(dtype=float)
    predicted = submission[TARGET].to_numpy(dtype=float)
    if not np.isfinite(predicted).all():
        raise ParticipantVisibleError("a value is no finite number")
"""
_PROBABILITIES = """\
    truth = solution[TARGET].astype(str).map({label: code for code, label in enumerate(LABELS)}).to_numpy()
    predicted = submission[LABELS].to_numpy(dtype=float)
    if not (np.isfinite(predicted).all() and (predicted >= 0).all() and (predicted.sum(axis=1) > 0).all()):
        raise ParticipantVisibleError("a row holds no probabilities")
    predicted = predicted / predicted.sum(axis=1, keepdims=True)
"""


@dataclass(frozen=True, slots=True)
class KaggleMetric:
    """How the host's page is told the metric.

    Attributes:
        name: what Kaggle's list of metrics calls it; None where there is none to choose.
        file: the name of the Python file for a metric notebook of one's own, or None.
        content: what a generated file holds; None where the competition has a file of its own.
        options: what to fill in beside it, by name.
    """

    name: str | None
    file: str | None = None
    content: str | None = None
    options: Mapping[str, Any] | None = None


def kaggle_metric(rules: Rules) -> KaggleMetric:
    """The metric of a competition as a Kaggle host chooses it, or writes it."""
    rule = rules.metric
    name = ALIASES.get(rule.name, rule.name)
    if rule.file is not None:
        own = {key: value for key, value in rule.options.items() if key != "direction"}
        return KaggleMetric(None, rule.file, options=own)
    if name in KAGGLE_NAMES and rules.form != "probabilities":
        return KaggleMetric(KAGGLE_NAMES[name], options=dict(rule.options))
    content = _metric_file(name, rule, rules)
    return KaggleMetric(None, METRIC_FILE if content else None, content)


def _metric_file(name: str, rule: MetricRule, rules: Rules) -> str | None:
    """The metric as Kaggle's contract wants it, in terms of scikit-learn; None where there is no such form."""
    if rules.form == "probabilities" and name in PROBABILITY_SCORES:
        body, expression = _PROBABILITIES, PROBABILITY_SCORES[name]
    elif rules.form in ("labels", "values") and name in LABEL_OR_VALUE_SCORES:
        body, expression = _TEXTS if rules.form == "labels" else _NUMBERS, LABEL_OR_VALUE_SCORES[name]
    else:
        return None
    if rule.options.get("multi_class") == "ovo" and _codes(rule, rules) is None:
        expression = PAIR_BY_PAIR
    head = _HEAD.substitute(name=rule.label, labels=repr(list(rules.labels)))
    score = Template(expression).substitute(_options(rule, rules))
    return f"{head}{body.replace('TARGET', repr(rules.target_column))}    return float({score})\n"


def _options(rule: MetricRule, rules: Rules) -> dict[str, str]:
    """The options as they stand in the expressions above."""
    chosen = rule.options
    average = chosen.get("average", "macro")
    weights = chosen.get("weights", "none")
    codes = _codes(rule, rules)
    counted = codes is None and average == "weighted"
    return {
        "label": repr([str(chosen["label"])]) if "label" in chosen else "None",
        "average": repr(average),
        "codes": "np.unique(truth)" if codes is None else repr(codes),
        "weights_of_codes": "np.unique(truth, return_counts=True)[1]" if counted else "None",
        "adjusted": repr(bool(chosen.get("adjusted", False))),
        "beta": repr(float(chosen.get("beta", 1.0))),
        "weights": repr(None if weights == "none" else weights),
        "k": repr(int(chosen.get("k", 5))),
    }


def _codes(rule: MetricRule, rules: Rules) -> list[int] | None:
    """The positions of the labels that are scored against the rest, where they are not all that occur."""
    if "label" in rule.options:
        return [rules.labels.index(str(rule.options["label"]))]
    return [1] if len(rules.labels) == 2 else None
