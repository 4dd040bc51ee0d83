from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from competition.catalog import find, names
from competition.errors import UserError
from competition.parts import Parts
from competition.rules import MetricRule, load_rules
from competition.spec import PROBABILITY_METRICS, CompetitionSpec, load_spec

FONTCHAR = Path(__file__).parents[2] / "competition" / "fontchar" / "competition.yaml"


@pytest.fixture
def spec_with(tmp_path: Path) -> Callable[..., CompetitionSpec]:
    """Read a small spec in which some keys are changed, or removed where the change is None."""

    def read(**changes: object) -> CompetitionSpec:
        spec = {
            "title": "Cats and dogs",
            "task": "classification",
            "metric": "accuracy",
            "labels": ["cat", "dog"],
            "source": {"kind": "images"},
        }
        text = yaml.safe_dump({key: value for key, value in (spec | changes).items() if value is not None})
        (tmp_path / "competition.yaml").write_text(text)
        return load_spec(tmp_path / "competition.yaml")

    return read


def test_the_fontchar_spec_says_what_the_course_said() -> None:
    spec = load_spec(FONTCHAR)
    assert len(spec.labels) == 52
    assert spec.labels[24:36] == tuple("PQRSTUVWXYZa")
    assert spec.labels.index("y") == 51
    assert not set("Ocklpsvwxz") & set(spec.labels)
    assert spec.parts == Parts("count", 716, 150, 150)
    assert (spec.image.height, spec.image.width, spec.image.channels) == (90, 90, 1) if spec.image else False
    assert spec.budget == 600
    assert spec.kernel_rules.pretrained == "none"
    assert spec.kernel_rules.network is False
    assert spec.seed == 42


@pytest.mark.parametrize("name", names())
def test_every_built_in_spec_is_valid_and_titled_in_both_languages(name: str) -> None:
    competition = find(name)
    assert competition.spec.rules(name).competition == name
    assert any("가" <= letter <= "힣" for letter in competition.spec.title.ko)


def test_defaults_are_those_of_the_course(spec_with: Callable[..., CompetitionSpec]) -> None:
    spec = spec_with()
    assert (spec.seed, spec.public_share, spec.budget, spec.split) == (42, 0.5, 600.0, "random")
    assert spec.parts == Parts("ratio", 4, 0, 1)
    assert (spec.repeats, spec.conflicts) == ("keep", "keep")
    assert spec.title.en == spec.title.ko == "Cats and dogs"


def test_dropping_repeats_drops_conflicts_unless_they_are_asked_for(
    spec_with: Callable[..., CompetitionSpec],
) -> None:
    assert spec_with(repeats="drop").conflicts == "drop"
    assert spec_with(repeats="drop", conflicts="keep").conflicts == "keep"


def test_labels_may_be_a_list_a_text_or_have_names(spec_with: Callable[..., CompetitionSpec]) -> None:
    assert spec_with(labels=[0, 1, 2]).labels == ("0", "1", "2")
    assert spec_with(labels="abc").labels == ("a", "b", "c")
    named = spec_with(labels={0: "T-shirt", 1: "Trouser"})
    assert (named.labels, named.label_names) == (("0", "1"), ("T-shirt", "Trouser"))
    assert spec_with(labels=[True, "no"]).labels == ("true", "no")


@pytest.mark.parametrize(
    ("changes", "form"),
    [
        ({}, "labels"),
        ({"metric": "log_loss"}, "probabilities"),
        ({"metric": {"name": "top_k_accuracy", "options": {"k": 3}}}, "probabilities"),
        ({"task": "regression", "metric": "rmse", "labels": None}, "values"),
        ({"metric": {"file": "metric.py"}, "form": "probabilities"}, "probabilities"),
    ],
)
def test_the_form_follows_task_and_metric_unless_it_is_given(
    spec_with: Callable[..., CompetitionSpec], changes: dict[str, object], form: str
) -> None:
    assert spec_with(**changes).submission_form == form


def test_the_rules_hold_what_the_judge_needs_and_survive_a_round_trip(
    spec_with: Callable[..., CompetitionSpec], tmp_path: Path
) -> None:
    rules = spec_with(
        metric={"file": "metric.py", "options": {"beta": 2}},
        extra_metrics=["accuracy", {"name": "f1", "options": {"average": "macro"}}],
        budget="1h30m",
        daily_limit=5,
        opens="2026-03-02 09:00",
        closes="2026-06-01T00:00+09:00",
        label_matching="text",
        form="labels",
    ).rules("pets")
    assert rules.metric == MetricRule("metric", {"beta": 2}, "metric.py")
    assert [metric.name for metric in rules.extra_metrics] == ["accuracy", "f1"]
    assert (rules.budget_seconds, rules.daily_limit) == (5400, 5)
    assert (rules.opens, rules.closes) == ("2026-03-02T09:00:00Z", "2026-05-31T15:00:00Z")
    (tmp_path / "rules.json").write_text(rules.to_json())
    assert load_rules(tmp_path / "rules.json") == rules


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"parts": {"train": "abc"}}, "parts.train: 'abc' is no ratio or count; allowed: a count a class such as 716"),
        ({"parts": "80"}, "parts: '80' is no ratio; allowed: ratios such as 80:20"),
        ({"metrc": "f1"}, "metrc: no such key; did you mean 'metric'?"),
        ({"qqq": 1}, "qqq: no such key; allowed: title, task, metric"),
        ({"metric": None}, "metric: is missing; allowed: a name, {name, options} or {file: metric.py, options}"),
        ({"metric": {"nam": "f1"}}, "metric.nam: no such key; did you mean 'name'?"),
        ({"metric": {}}, "metric: names no metric"),
        ({"metric": {"file": "../metric.py"}}, "metric: file '../metric.py' must be the name of a file"),
        ({"task": "clasification"}, "task: 'clasification' is not allowed; allowed: classification, regression"),
        ({"image": {"height": 0, "width": 5}}, "image.height: 0 is not allowed; allowed: pixels, 1 to 16384"),
        ({"image": {"height": 9, "width": 5, "channels": 2}}, "image.channels: 2 is not allowed"),
        ({"split": "byfont"}, "split: 'byfont' is not allowed; allowed: random, group or given"),
        ({"seed": 1.5}, "seed: 1.5 is not allowed; allowed: a whole number from 0"),
        ({"public_share": 0}, "public_share: 0 is not allowed"),
        ({"public_share": "half"}, "public_share: 'half' is not allowed"),
        ({"budget": "soon"}, "budget: 'soon' is no duration"),
        ({"rules": {"pretrained": "some"}}, "rules.pretrained: 'some' is not allowed; allowed: none, any or a list"),
        ({"rules": {"kernel_size": "big"}}, "rules.kernel_size: 'big' is no size"),
        ({"rules": "none"}, "rules: 'none' is not allowed; allowed: {pretrained, network, kernel_size}"),
        ({"folds": 1}, "folds: 1 is not allowed; allowed: a whole number from 2"),
        ({"folds": 5, "parts": "60:20:20"}, "folds: give either folds or a validation part, not both"),
        ({"opens": "2026-03-02", "closes": "2026-03-01"}, "closes: must come after opens"),
        ({"opens": "someday"}, "opens: 'someday' is no date"),
        ({"labels": ["a"]}, "labels: a classification needs at least two"),
        ({"labels": None}, "labels: a classification needs at least two"),
        ({"labels": ["a", "b", "a"]}, "labels: 'a' is given twice"),
        ({"labels": ["a", ""]}, "labels: label 2 is empty"),
        ({"labels": ["a", "b\nc"]}, "labels: label 2 is empty or holds characters that cannot be printed"),
        ({"label_names": ["cat"]}, "label_names: 1 names for 2 labels"),
        ({"label_matching": "number"}, "label_matching: number needs labels that are different numbers; 'cat' is not"),
        ({"labels": ["1", "1.0"], "label_matching": "number"}, "different numbers; '1.0' is not"),
        ({"id_column": "label"}, "target_column: must differ from id_column"),
        ({"metric": "log_loss", "id_column": "cat"}, "labels: 'cat' is the name of the id column"),
        ({"form": "values"}, "form: values does not go with the task classification"),
        ({"task": "regression"}, "labels: a regression has none"),
        ({"title": {"en": "Pets"}}, "title.ko: is missing; allowed: the title in Korean"),
        ({"source": {"kind": "imagess"}}, "source.kind: 'imagess' is not allowed; allowed: "),
        ({"source": {"knd": "images"}}, "source.knd: no such key; did you mean 'kind'?"),
        ({"source": "images"}, "source: 'images' is not allowed"),
        ({"extra_metrics": "f1"}, "extra_metrics: 'f1' is not allowed; allowed: a list of metrics"),
        ({"extra_metrics": [3]}, "extra_metrics.0: 3 is not allowed"),
        ({"split": "group", "repeats": "together"}, "repeats: together cannot go with split: group"),
    ],
)
def test_a_mistake_gets_one_line_with_file_key_value_and_what_is_allowed(
    spec_with: Callable[..., CompetitionSpec], changes: dict[str, object], problem: str
) -> None:
    with pytest.raises(UserError) as error:
        spec_with(**changes)
    text = str(error.value)
    assert f"competition.yaml: {problem}" in text or problem in text
    assert "\n" not in text


def test_several_mistakes_are_counted(spec_with: Callable[..., CompetitionSpec]) -> None:
    with pytest.raises(UserError, match=r"folds: 1 .*\(and 2 more\)"):
        spec_with(seed=-1, folds=1, public_share=7)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(key=st.sampled_from([*CompetitionSpec.model_fields, "rules"]), value=values)
def test_no_value_of_any_key_leads_to_another_error(
    spec_with: Callable[..., CompetitionSpec], key: str, value: object
) -> None:
    try:
        spec_with(**{key: value})
    except UserError as error:
        assert "\n" not in str(error)


def test_the_metrics_of_probabilities_are_those_the_judge_knows() -> None:
    from grader import metrics

    known = [metrics.get(name) for name in metrics.names()]
    of_probabilities = [metric for metric in known if metric.needs == "probabilities"]
    assert {name for metric in of_probabilities for name in (metric.name, *metric.aliases)} == PROBABILITY_METRICS
