"""What holds for every registered metric, and scoring by a rule."""

import doctest
import inspect
import math
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from competition.errors import UserError
from competition.rules import MetricRule
from grader import metrics
from grader.metrics import BrokenMetricError, MetricError
from grader.metrics.guard import guarded

CLASSES = 4
LABELS = ("cat", "dog", "fox", "owl")
FAMILIES = ("classification", "probability", "regression", "ranking", "segmentation")
SYMMETRIC = {
    "accuracy", "matthews", "cohen_kappa", "mae", "mse", "rmse", "rmsle", "pearson", "spearman", "mean_iou", "dice",
}  # fmt: skip
REQUIRED = {"mean_iou": {"shape": [4, 5]}, "dice": {"shape": [4, 5]}}

every_metric = pytest.mark.parametrize("name", metrics.names())


def rule(name, **options):
    return MetricRule(name, {**REQUIRED.get(name, {}), **options})


def score(name, truth, prediction, **options):
    return metrics.compute(rule(name, **options), truth, prediction, LABELS)


def aligned(name, stream, rows):
    """Random truth and prediction of the form a metric needs; every class occurs in a truth of labels."""
    codes = np.concatenate([np.arange(CLASSES), stream.integers(CLASSES, size=rows)])
    match metrics.get(name).needs:
        case "labels":
            return codes, stream.permutation(codes)
        case "probabilities":
            return codes, stream.dirichlet(np.ones(CLASSES), size=len(codes))
        case "values":
            return stream.uniform(1, 9, len(codes)), stream.uniform(1, 9, len(codes))
        case "rankings":
            return (np.array([" ".join(stream.permutation(LABELS)[:2]) for _ in codes], object) for _ in range(2))
        case "masks":
            starts, lengths = stream.integers(1, 10, (2, len(codes))), stream.integers(1, 10, (2, len(codes)))
            texts = np.vectorize("{} {}".format, otypes=[object])(starts, lengths)
            return texts[0], texts[1]


def perfect(name, truth):
    """The prediction that equals the truth, in the form the metric needs."""
    return np.eye(CLASSES)[truth] if metrics.get(name).needs == "probabilities" else truth


def test_every_metric_asked_for_is_registered():
    asked = """accuracy balanced_accuracy precision recall f1 fbeta top_k_accuracy log_loss roc_auc average_precision
    matthews cohen_kappa mae mse rmse rmsle mape r2 pearson spearman map_at_k ndcg_at_k mean_iou dice"""
    assert set(metrics.names()) == set(asked.split())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_metric_function_is_registered(family):
    module = import_module(f"grader.metrics.{family}")
    public = [thing for name, thing in vars(module).items() if re.fullmatch("[a-z].*_(score|loss|error)", name)]
    own = [thing for thing in map(inspect.unwrap, public) if thing.__module__ == module.__name__]
    written = {f"{family}:{function.__name__}" for function in own}
    registered = {metrics.get(name).address for name in metrics.names()}
    assert written == {address for address in registered if address.startswith(family)}


def test_every_module_of_metrics_is_a_family_or_known_by_name():
    modules = {path.stem for path in Path(metrics.__file__).parent.glob("*.py")}
    others = "__init__ custom custom_worker errors guard interval kaggle_metric_utilities options ranks registry"
    assert modules == {*FAMILIES, *others.split()}


@every_metric
def test_the_name_of_the_function_says_which_way_is_up(name):
    metric = metrics.get(name)
    suffix = metric.address.rpartition("_")[2]
    assert {"score": "higher", "loss": "lower", "error": "lower"}[suffix] == metric.direction
    assert (metric.best > metric.worst) == (metric.direction == "higher")


@every_metric
def test_the_options_are_the_parameters_of_the_function(name):
    metric = metrics.get(name)
    _truth, _prediction, *parameters = inspect.signature(metric.function).parameters.values()
    defaults = {parameter.name: parameter.default for parameter in parameters}
    declared = {
        option.name: inspect.Parameter.empty if option.required else option.default for option in metric.options
    }
    assert defaults == declared


@every_metric
def test_the_docstring_has_an_example_and_the_example_holds(name):
    function = inspect.unwrap(metrics.get(name).function)
    module = import_module(function.__module__)
    tests = doctest.DocTestFinder().find(function, function.__name__, globs=vars(module).copy())
    assert sum(len(test.examples) for test in tests) > 0
    assert sum(doctest.DocTestRunner().run(test).failed for test in tests) == 0


@pytest.mark.parametrize("module", ["classification", "ranks", "registry", "segmentation", "interval"])
def test_the_examples_of_what_is_no_metric_hold(module):
    result = doctest.testmod(import_module(f"grader.metrics.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


@every_metric
@given(seed=st.integers(0, 2**32), rows=st.integers(3, 60))
def test_a_score_lies_between_worst_and_best(name, seed, rows):
    metric = metrics.get(name)
    value = score(name, *aligned(name, np.random.default_rng(seed), rows))
    assert isinstance(value, float)
    assert min(metric.worst, metric.best) <= value <= max(metric.worst, metric.best)


@every_metric
@given(seed=st.integers(0, 2**32), rows=st.integers(3, 60))
def test_the_order_of_the_rows_never_matters(name, seed, rows):
    stream = np.random.default_rng(seed)
    truth, prediction = aligned(name, stream, rows)
    order = stream.permutation(len(truth))
    assert score(name, truth[order], prediction[order]) == pytest.approx(score(name, truth, prediction), abs=1e-12)


@every_metric
@given(seed=st.integers(0, 2**32), rows=st.integers(3, 60))
def test_the_truth_itself_scores_best(name, seed, rows):
    truth, _ = aligned(name, np.random.default_rng(seed), rows)
    options = {"k": 1} if name == "top_k_accuracy" else {}
    assert score(name, truth, perfect(name, truth), **options) == pytest.approx(metrics.get(name).best, abs=1e-12)


@pytest.mark.parametrize("name", sorted(SYMMETRIC))
@given(seed=st.integers(0, 2**32), rows=st.integers(3, 60))
def test_truth_and_prediction_may_change_places_in_a_symmetric_metric(name, seed, rows):
    truth, prediction = aligned(name, np.random.default_rng(seed), rows)
    assert score(name, prediction, truth) == pytest.approx(score(name, truth, prediction), abs=1e-12)


@pytest.mark.parametrize("name", [name for name in metrics.names() if metrics.get(name).needs == "labels"])
@given(seed=st.integers(0, 2**32))
def test_the_names_of_the_classes_do_not_matter(name, seed):
    stream = np.random.default_rng(seed)
    truth, prediction = aligned(name, stream, 30)
    renamed = stream.permutation(CLASSES)
    assert score(name, renamed[truth], renamed[prediction]) == pytest.approx(score(name, truth, prediction), abs=1e-12)


@every_metric
@given(data=st.data())
def test_whatever_comes_in_a_finite_float_or_an_error_in_words_comes_out(name, data):
    rows = data.draw(st.integers(0, 6))
    anything = {
        "labels": st.integers(0, 3),
        "probabilities": st.lists(st.floats(), min_size=CLASSES, max_size=CLASSES),
        "values": st.floats(),
        "rankings": st.text(max_size=20),
        "masks": st.text("0123456789 -x", max_size=12),
    }
    metric = metrics.get(name)
    columns = []
    for form in ("labels" if metric.needs == "probabilities" else metric.needs, metric.needs):
        column = data.draw(st.lists(anything[form], min_size=rows, max_size=rows))
        if form == "probabilities":
            column = np.array(column, np.float64).reshape(rows, CLASSES)
        columns.append(column if form in ("rankings", "masks") else np.array(column, None if rows else np.int64))
    try:
        value = score(name, *columns)
    except MetricError as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert type(value) is float
        assert math.isfinite(value)


@every_metric
def test_an_empty_split_is_an_error_in_words(name):
    truth, prediction = aligned(name, np.random.default_rng(0), 5)
    with pytest.raises(BrokenMetricError, match="no row to score"):
        score(name, truth[:0], prediction[:0])


@every_metric
def test_rows_that_are_not_aligned_are_a_mistake_of_the_program(name):
    truth, prediction = aligned(name, np.random.default_rng(0), 5)
    with pytest.raises(ValueError, match="align them first"):
        score(name, truth[:-1], prediction)


def test_a_guarded_metric_never_returns_nan():
    with pytest.raises(MetricError, match="not a finite number"):
        guarded(lambda truth, prediction: math.nan)([1], [1])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "top_k_accuracy", "spearman"])
def test_a_metric_that_only_ranks_refuses_what_is_no_number(name, bad):
    truth, prediction = aligned(name, np.random.default_rng(0), 5)
    prediction[1] = bad
    with pytest.raises(MetricError, match="a prediction is not a finite number"):
        score(name, truth, prediction)
    if metrics.get(name).needs == "values":
        with pytest.raises(BrokenMetricError, match="the solution holds a value that is not a finite number"):
            score(name, prediction, truth)


def test_probabilities_stand_for_their_most_probable_label_the_lower_of_equals():
    probabilities = np.array([[0.4, 0.4, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4]])
    assert score("accuracy", np.array([0, 3]), probabilities) == 1.0


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "log_loss"])
def test_one_value_a_row_is_the_probability_of_class_one(name):
    truth, values = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.2, 0.9, 0.4, 0.5])
    expected = score(name, truth.astype(int), np.column_stack([1 - values, values]))
    assert score(name, truth, values) == expected


def test_one_value_a_row_needs_a_solution_of_zeros_and_ones():
    with pytest.raises(BrokenMetricError, match="0 and 1"):
        score("roc_auc", np.array([0.0, 0.5]), np.array([0.1, 0.9]))


def test_a_metric_answers_to_its_aliases():
    assert metrics.get("mcc") is metrics.get("matthews")
    assert metrics.direction(MetricRule("auc")) == "higher"


def test_a_label_option_is_given_by_its_text():
    truth, prediction = np.array([0, 1, 1, 3]), np.array([0, 1, 0, 3])
    assert score("recall", truth, prediction, label="dog") == 0.5
    assert metrics.compute(MetricRule("recall", {"label": 7}), truth, prediction, ("6", "7", "8", "9")) == 0.5


WRONG_OPTIONS = [
    ("f1", {"avrage": "micro"}, "no option 'avrage', did you mean 'average'?; its options are: average, label"),
    ("accuracy", {"k": 1}, "no option 'k'; it has no options"),
    ("f1", {"average": "macr"}, "option 'average' cannot be 'macr', did you mean 'macro'?; give one of: "),
    ("f1", {"average": ["macro"]}, "option 'average' cannot be ['macro']; give one of: micro, macro, weighted"),
    ("f1", {"label": "dgo"}, "option 'label' cannot be 'dgo', did you mean 'dog'?; give one of the labels ("),
    ("f1", {"label": "?"}, "option 'label' cannot be '?'; give one of the labels (cat, dog, fox, owl)"),
    ("fbeta", {"beta": 0}, "option 'beta' cannot be 0; give a number above 0"),
    ("fbeta", {"beta": True}, "option 'beta' cannot be True; give a number above 0"),
    ("fbeta", {"beta": math.nan}, "option 'beta' cannot be nan; give a number above 0"),
    ("fbeta", {"beta": 1e200}, "option 'beta' cannot be 1e+200; give a number above 0 and at most 1000"),
    ("top_k_accuracy", {"k": 2.0}, "option 'k' cannot be 2.0; give a whole number of at least 1"),
    ("balanced_accuracy", {"adjusted": 1}, "option 'adjusted' cannot be 1; give true or false"),
    ("dice", {"shape": None}, "option 'shape' is missing; give [height, width] in pixels"),
    ("dice", {"shape": [4, 0]}, "option 'shape' cannot be [4, 0]; give [height, width] in pixels"),
]


@pytest.mark.parametrize(("name", "options", "message"), WRONG_OPTIONS)
def test_a_wrong_option_is_told_in_words(name, options, message):
    with pytest.raises(UserError) as told:
        metrics.validate(rule(name, **options), metrics.get(name).needs, LABELS)
    assert str(told.value).startswith(f"metric {name}: {message}")


def test_a_mistyped_metric_is_told_in_words():
    with pytest.raises(
        UserError, match="no metric is called 'acuracy', did you mean 'accuracy'\\?; there are: accuracy, "
    ):
        metrics.get("acuracy")


def test_a_metric_that_cannot_score_the_form_is_refused():
    with pytest.raises(UserError, match=r"metric log_loss scores probabilities or values, but .* hold labels"):
        metrics.validate(MetricRule("log_loss"), "labels", LABELS)


def test_a_custom_metric_must_say_which_way_is_up():
    assert metrics.direction(MetricRule("mine", {"direction": "lower"}, "metric.py")) == "lower"
    with pytest.raises(UserError, match="needs the option 'direction'"):
        metrics.validate(MetricRule("mine", {}, "metric.py"), "labels", LABELS)


def test_an_accuracy_imports_numpy_and_nothing_heavy():
    program = (
        "import sys, numpy as np; known = set(sys.modules); from grader import metrics;"
        "from competition.rules import MetricRule; row = np.array([1]);"
        "metrics.compute(MetricRule('accuracy'), row, row, ('a', 'b'));"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - known} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["competition", "grader", "numpy"]
