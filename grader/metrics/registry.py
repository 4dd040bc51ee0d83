"""The table of all metrics, and scoring by a rule that names one of them.

A metric is one entry here and one function in a family module; the module is imported when the metric is first used,
so a plain accuracy costs numpy and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Protocol

import numpy as np

from competition.errors import UserError
from competition.rules import Form, MetricRule
from grader.metrics.errors import BrokenMetricError
from grader.metrics.options import Option, nearest, resolve_options

Direction = Literal["higher", "lower"]

_ACCEPTED: dict[Form, tuple[Form, ...]] = {
    "labels": ("labels", "probabilities"),  # the most probable label
    "probabilities": ("probabilities", "values"),  # a value: the probability (or score) of the class 1 of 0 and 1
}


class Score(Protocol):
    """A metric's function: aligned truth and prediction of N rows, then its options, give a finite float."""

    def __call__(self, truth: Any, prediction: Any, **options: Any) -> float:
        """The score, or MetricError in words."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A registered metric: what it is called, which way is up, what it needs and what can be chosen.

    `needs` is the form of prediction its function takes: `labels` int codes (N,), `probabilities` float64 (N, C),
    `values` float64 (N,), `rankings` and `masks` N texts. `best` and `worst` bound its value (infinite: no bound).
    """

    name: str
    address: str  # module:function within grader.metrics
    needs: Form
    direction: Direction
    best: float
    worst: float
    options: tuple[Option, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def function(self) -> Score:
        """The pure function; its module is imported on first use."""
        module, name = self.address.split(":")
        function: Score = getattr(import_module(f"grader.metrics.{module}"), name)
        return function

    @property
    def accepts(self) -> tuple[Form, ...]:
        """The forms of submission that this metric can score."""
        return _ACCEPTED.get(self.needs, (self.needs,))


_AVERAGE = Option("average", "choice", "macro", "how the classes' values become one", ("micro", "macro", "weighted"))
_CLASS_AVERAGE = Option("average", "choice", "macro", "how the classes' values become one", ("macro", "weighted"))
_LABEL = Option("label", "label", None, "score this one label instead of an average")
_K = Option("k", "count", 5, "how many of the first labels count")
_SHAPE = Option("shape", "shape", None, "height and width of the image", required=True)
_INF = float("inf")

_METRICS = (
    Metric("accuracy", "classification:accuracy_score", "labels", "higher", 1, 0),
    Metric(
        "balanced_accuracy", "classification:balanced_accuracy_score", "labels", "higher", 1, -1,
        (Option("adjusted", "switch", False, "rescale so that chance is 0"),),
    ),
    Metric("precision", "classification:precision_score", "labels", "higher", 1, 0, (_AVERAGE, _LABEL)),
    Metric("recall", "classification:recall_score", "labels", "higher", 1, 0, (_AVERAGE, _LABEL)),
    Metric("f1", "classification:f1_score", "labels", "higher", 1, 0, (_AVERAGE, _LABEL)),
    Metric(
        "fbeta", "classification:fbeta_score", "labels", "higher", 1, 0,
        (Option("beta", "factor", 1.0, "how many times recall outweighs precision"), _AVERAGE, _LABEL),
    ),
    Metric("matthews", "classification:matthews_score", "labels", "higher", 1, -1, aliases=("mcc",)),
    Metric(
        "cohen_kappa", "classification:cohen_kappa_score", "labels", "higher", 1, -1,
        (Option("weights", "choice", "none", "what a disagreement costs", ("none", "linear", "quadratic")),),
        ("kappa",),
    ),
    Metric("top_k_accuracy", "probability:top_k_accuracy_score", "probabilities", "higher", 1, 0, (_K,)),
    Metric("log_loss", "probability:log_loss", "probabilities", "lower", 0, 36.05, aliases=("cross_entropy",)),
    Metric(
        "roc_auc", "probability:roc_auc_score", "probabilities", "higher", 1, 0,
        (
            Option("multi_class", "choice", "ovr", "each class against the rest, or pair by pair", ("ovr", "ovo")),
            _CLASS_AVERAGE,
            _LABEL,
        ),
        ("auc",),
    ),
    Metric(
        "average_precision", "probability:average_precision_score", "probabilities", "higher", 1, 0,
        (_CLASS_AVERAGE, _LABEL),
    ),
    Metric("mae", "regression:mean_absolute_error", "values", "lower", 0, _INF),
    Metric("mse", "regression:mean_squared_error", "values", "lower", 0, _INF),
    Metric("rmse", "regression:root_mean_squared_error", "values", "lower", 0, _INF),
    Metric("rmsle", "regression:root_mean_squared_log_error", "values", "lower", 0, _INF),
    Metric("mape", "regression:mean_absolute_percentage_error", "values", "lower", 0, _INF),
    Metric("r2", "regression:r2_score", "values", "higher", 1, -_INF),
    Metric("pearson", "regression:pearson_score", "values", "higher", 1, -1),
    Metric("spearman", "regression:spearman_score", "values", "higher", 1, -1),
    Metric("map_at_k", "ranking:mean_average_precision_score", "rankings", "higher", 1, 0, (_K,), ("map@k",)),
    Metric(
        "ndcg_at_k", "ranking:ndcg_score", "rankings", "higher", 1, 0,
        (_K, Option("graded", "switch", False, "the solution writes label:grade")),
        ("ndcg@k", "ndcg"),
    ),
    Metric("mean_iou", "segmentation:mean_iou_score", "masks", "higher", 1, 0, (_SHAPE,), ("iou",)),
    Metric("dice", "segmentation:dice_score", "masks", "higher", 1, 0, (_SHAPE,)),
)  # fmt: skip

_BY_NAME = {name: metric for metric in _METRICS for name in (metric.name, *metric.aliases)}


def names() -> tuple[str, ...]:
    """The names of all metrics, in the order of the table, without aliases."""
    return tuple(metric.name for metric in _METRICS)


def get(name: str) -> Metric:
    """The metric of this name or alias.

    Raises:
        UserError: there is no such metric.

    Example:
        >>> get("mcc").name
        'matthews'
    """
    try:
        return _BY_NAME[name]
    except (KeyError, TypeError):
        raise UserError(
            f"no metric is called {name!r}{nearest(name, _BY_NAME)}; there are: {', '.join(names())}"
        ) from None


def direction(rule: MetricRule) -> Direction:
    """Whether a higher or a lower score is better; a custom metric says so itself by the option `direction`.

    Raises:
        UserError: no such metric, or a custom metric that does not say.
    """
    if rule.file is None:
        return get(rule.name).direction
    said = rule.options.get("direction")
    if said in ("higher", "lower"):
        better: Direction = said
        return better
    raise UserError(
        f"metric {rule.name}: a custom metric needs the option 'direction', 'higher' or 'lower' (which score is better)"
    )


def validate(rule: MetricRule, form: Form, labels: Sequence[str]) -> None:
    """See that a rule can score submissions of this form, before a competition is prepared.

    Raises:
        UserError: no such metric, a wrong option, or a form of submission that the metric cannot score.
    """
    direction(rule)
    if rule.file is not None:
        return
    metric = get(rule.name)
    if form not in metric.accepts:
        raise UserError(
            f"metric {rule.name} scores {' or '.join(metric.accepts)}, but submissions of this competition hold {form}"
        )
    resolve_options(metric.name, metric.options, rule.options, labels)


def compute(rule: MetricRule, truth: Any, prediction: Any, labels: Sequence[str]) -> float:
    """The score of aligned rows by a built-in metric: always a finite float.

    Takes what the metric needs (see Metric). Probabilities given to a metric of labels stand for their most probable
    label, the lower code of equals; values given to a metric of probabilities are those of class 1, the truth 0 or 1.

    Raises:
        UserError: no such metric, or a wrong option.
        MetricError: the submission cannot be scored; BrokenMetricError: the solution or the metric is at fault.

    Example:
        >>> compute(MetricRule("accuracy"), np.array([0, 1]), np.array([0, 0]), ["cat", "dog"])
        0.5
    """
    if rule.file is not None:
        raise ValueError(f"{rule.name} is a custom metric: grader.metrics.custom.compute_custom runs it")
    metric = get(rule.name)
    options = resolve_options(metric.name, metric.options, rule.options, labels)
    if metric.needs == "labels" and np.ndim(prediction) == 2:
        prediction = prediction.argmax(axis=1)
    elif metric.needs == "probabilities" and np.ndim(prediction) == 1:
        truth, prediction = _two_classes(truth, prediction)
    return metric.function(truth, prediction, **options)


def _two_classes(truth: Any, prediction: Any) -> tuple[Any, Any]:
    """Truth 0 or 1 and the value of class 1, as codes and one column a class."""
    if not np.isin(truth, (0, 1)).all():
        raise BrokenMetricError("this metric needs a solution of 0 and 1 where submissions hold one value a row")
    return np.asarray(truth).astype(np.int64), np.column_stack([1 - prediction, prediction])
