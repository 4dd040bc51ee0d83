"""The spec of a competition: the keys of `competition.yaml`, what each allows, and the rules they freeze to."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from competition.layout import SPEC_FILE
from competition.parts import Parts, parse_parts
from competition.quantities import (
    DURATION_HELP,
    INSTANT_HELP,
    SIZE_HELP,
    duration_seconds,
    instant_utc,
    size_bytes,
)
from competition.rules import Form, LabelMatching, MetricRule, Rules, Task
from competition.sources.spec import SourceSpec
from competition.spec_errors import spec_error
from competition.yaml_file import read_mapping

# Metrics that judge one probability a class; with any other metric of a classification the form is `labels`.
PROBABILITY_METRICS = frozenset({"log_loss", "cross_entropy", "roc_auc", "auc", "average_precision", "top_k_accuracy"})

METRIC_HELP = "a name, {name, options} or {file: metric.py, options}"

Pretrained = Literal["none", "any"] | tuple[str, ...]


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _empty_as_list(value: object) -> object:
    return [] if value is None else value


Seconds = Annotated[float, BeforeValidator(lambda value: duration_seconds(_as_text(value)))]
Bytes = Annotated[int, BeforeValidator(lambda value: size_bytes(_as_text(value)))]
InstantUtc = Annotated[str, BeforeValidator(lambda value: instant_utc(_as_text(value)))]


class _Keys(BaseModel):
    """A mapping of the spec: unknown keys are refused, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


class Title(_Keys):
    """The title in English and in Korean; plain text serves for both."""

    en: str = Field(min_length=1, description="the title in English")
    ko: str = Field(min_length=1, description="the title in Korean")


class MetricSpec(_Keys):
    """A metric: its name, `{name, options}`, or `{file, options}` for a `metric.py` beside the spec."""

    name: str = Field(default="", description="the name of a metric, such as accuracy")
    options: dict[str, Any] = Field(default={}, description="the options of the metric, by name")
    file: str | None = Field(default=None, description="a Python file in the competition's folder")

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if self.file is None and not self.name:
            raise ValueError(f"names no metric; allowed: {METRIC_HELP}")
        if self.file is not None and PurePosixPath(self.file).name != self.file:
            raise ValueError(f"file {self.file!r} must be the name of a file beside the spec, without folders")
        return self

    def rule(self) -> MetricRule:
        """The metric as the frozen rules hold it; a custom metric without a name is called after its file."""
        return MetricRule(self.name or PurePosixPath(self.file or "").stem, self.options, self.file)


class ImageShape(_Keys):
    """Every image of the bundle has this shape; a source of other sizes is resized to it."""

    height: int = Field(ge=1, le=16384, description="pixels, 1 to 16384")
    width: int = Field(ge=1, le=16384, description="pixels, 1 to 16384")
    channels: Literal[1, 3] = Field(default=3, description="1 (gray) or 3 (RGB)")


class KernelRules(_Keys):
    """What a kernel may use."""

    pretrained: Pretrained = Field(default="none", description="none, any or a list of allowed weights")
    network: bool = Field(default=False, description="true or false")
    kernel_size: Bytes = Field(default=100_000_000, description=SIZE_HELP)


class Origin(SourceSpec):
    """Where the data come from (`grader prepare --source PATH` wins), and under which terms."""

    url: str | None = Field(default=None, description="the official place of the data")
    licence: str | None = Field(default=None, description="the licence of the data")
    citation: str | None = Field(default=None, description="how to cite the data")


class CompetitionSpec(_Keys):
    """One competition, as `competition.yaml` describes it; its name is the name of its folder."""

    title: Title = Field(description="text, or {en: …, ko: …}")
    task: Task = Field(description="classification, regression, ranking or segmentation")
    metric: MetricSpec = Field(description=METRIC_HELP)
    extra_metrics: Annotated[tuple[MetricSpec, ...], BeforeValidator(_empty_as_list)] = Field(
        default=(), description="a list of metrics"
    )
    labels: tuple[str, ...] = Field(
        default=(), description="a list, a text of characters (one a class) or {label: name}, in label order"
    )
    label_names: tuple[str, ...] = Field(default=(), description="a name a label, in label order")
    form: Form | None = Field(default=None, description="labels, probabilities, values, rankings or masks")
    label_matching: LabelMatching = Field(default="text", description="text or number")
    probability_tolerance: float = Field(default=1e-3, gt=0, le=0.5, description="a number up to 0.5")
    id_column: str = Field(default="id", min_length=1, description="the name of the id column")
    target_column: str = Field(default="label", min_length=1, description="the name of the target column")
    max_submission_size: Bytes = Field(default=256 * 1024 * 1024, description=SIZE_HELP)

    image: ImageShape | None = Field(default=None, description="{height, width, channels}")
    split: Literal["random", "group", "given"] = Field(default="random", description="random, group or given")
    parts: Annotated[Parts, BeforeValidator(parse_parts)] = Field(
        default=Parts("ratio", 4, 0, 1), description="ratios such as 80:20 or 60:20:20, or counts a class"
    )
    folds: int | None = Field(default=None, ge=2, le=1000, description="a whole number from 2 to 1000")
    public_share: float = Field(default=0.5, gt=0, le=1, description="a number above 0, at most 1")
    repeats: Literal["keep", "drop", "together"] = Field(default="keep", description="keep, drop or together")
    conflicts: Literal["keep", "drop"] = Field(default="keep", description="keep or drop")
    seed: int = Field(default=42, ge=0, lt=2**63, description="a whole number from 0")

    budget: Seconds = Field(default=600.0, description=DURATION_HELP)
    kernel_rules: KernelRules = Field(
        default=KernelRules(), alias="rules", description="{pretrained, network, kernel_size}"
    )
    daily_limit: int | None = Field(default=None, ge=1, description="a whole number from 1")
    final_selections: int = Field(default=2, ge=1, description="a whole number from 1")
    opens: InstantUtc | None = Field(default=None, description=INSTANT_HELP)
    closes: InstantUtc | None = Field(default=None, description=INSTANT_HELP)
    source: Origin = Field(description="{kind, path, …, url, licence, citation}")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, raw: Any) -> Any:
        """Expand what may be written short: a title as text, labels as a text or with names."""
        raw = dict(raw)
        if isinstance(raw.get("title"), str):
            raw["title"] = {"en": raw["title"], "ko": raw["title"]}
        labels = raw.get("labels")
        if isinstance(labels, str):
            raw["labels"] = list(labels.strip())
        elif isinstance(labels, dict):
            raw["labels"] = list(labels)
            raw.setdefault("label_names", list(labels.values()))
        if raw.get("repeats") == "drop":
            raw.setdefault("conflicts", "drop")  # one content in two classes is a repeat nobody can label
        return raw

    @field_validator("metric", mode="before")
    @classmethod
    def _metric_by_name(cls, raw: Any) -> Any:
        return {"name": raw} if isinstance(raw, str) else raw

    @field_validator("extra_metrics", mode="before")
    @classmethod
    def _metrics_by_name(cls, raw: Any) -> Any:
        return [cls._metric_by_name(item) for item in raw] if isinstance(raw, list) else raw

    @field_validator("labels")
    @classmethod
    def _labels_are_distinct(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        for position, label in enumerate(labels):
            if not label or not label.isprintable():
                raise ValueError(f"label {position + 1} is empty or holds characters that cannot be printed")
            if label in labels[:position]:
                raise ValueError(f"{label!r} is given twice")
        return labels

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        """What no key alone can tell: the first disagreement, named by its key."""
        for key, problem in _disagreements(self):
            raise ValueError(f"{key}: {problem}")
        return self

    def rules(self, name: str) -> Rules:
        """The rules of the competition called `name`, as the judge reads them."""
        return Rules(
            competition=name,
            title=self.title.en,
            title_ko=self.title.ko,
            task=self.task,
            form=self.submission_form,
            metric=self.metric.rule(),
            extra_metrics=tuple(metric.rule() for metric in self.extra_metrics),
            id_column=self.id_column,
            target_column=self.target_column,
            labels=self.labels,
            label_matching=self.label_matching,
            probability_tolerance=self.probability_tolerance,
            max_bytes=self.max_submission_size,
            budget_seconds=self.budget,
            daily_limit=self.daily_limit,
            final_selections=self.final_selections,
            opens=self.opens,
            closes=self.closes,
        )

    @property
    def submission_form(self) -> Form:
        """What a submission holds: the form the spec names, else the usual one of its task and metric."""
        if self.form is not None:
            return self.form
        if self.task == "classification":
            return "probabilities" if self.metric.name in PROBABILITY_METRICS else "labels"
        usual: dict[Task, Form] = {"regression": "values", "ranking": "rankings", "segmentation": "masks"}
        return usual[self.task]


def load_spec(path: Path) -> CompetitionSpec:
    """Read a `competition.yaml`, or the one in the folder `path`.

    Raises:
        UserError: one line with the file, the key, the bad value and what is allowed.
    """
    file = path / SPEC_FILE if path.is_dir() else path
    raw = read_mapping(file, text_keys=frozenset({"labels", "label_names", "title"}))
    try:
        return CompetitionSpec.model_validate(raw)
    except ValidationError as error:
        raise spec_error(file, CompetitionSpec, error) from None


def _disagreements(spec: CompetitionSpec) -> list[tuple[str, str]]:
    found = _label_disagreements(spec) + _split_disagreements(spec)
    if spec.opens and spec.closes and spec.closes <= spec.opens:
        found.append(("closes", "must come after opens"))
    return found


def _label_disagreements(spec: CompetitionSpec) -> list[tuple[str, str]]:
    found = []
    if spec.task == "classification" and len(spec.labels) < 2:
        found.append(("labels", "a classification needs at least two, in label order"))
    if spec.task == "regression" and spec.labels:
        found.append(("labels", "a regression has none; remove the key"))
    if spec.label_names and len(spec.label_names) != len(spec.labels):
        found.append(("label_names", f"{len(spec.label_names)} names for {len(spec.labels)} labels"))
    if spec.label_matching == "number" and (bad := _not_distinct_numbers(spec.labels)):
        found.append(("label_matching", f"number needs labels that are different numbers; {bad!r} is not"))
    if spec.id_column == spec.target_column:
        found.append(("target_column", f"must differ from id_column ({spec.id_column!r})"))
    if spec.submission_form == "probabilities" and spec.id_column in spec.labels:
        found.append(("labels", f"{spec.id_column!r} is the name of the id column; choose another id_column"))
    if (spec.submission_form in ("labels", "probabilities")) != (spec.task == "classification"):
        found.append(("form", f"{spec.submission_form} does not go with the task {spec.task}"))
    return found


def _not_distinct_numbers(labels: tuple[str, ...]) -> str | None:
    seen: set[float] = set()
    for label in labels:
        try:
            number = float(label)
        except ValueError:
            return label
        if number in seen or number != number:
            return label
        seen.add(number)
    return None


def _split_disagreements(spec: CompetitionSpec) -> list[tuple[str, str]]:
    found = []
    if spec.folds is not None and spec.parts.validation:
        found.append(("folds", "give either folds or a validation part, not both"))
    if spec.split == "group" and spec.repeats == "together":
        found.append(("repeats", "together cannot go with split: group; choose drop or keep"))
    if spec.split == "given":
        found += _given_split_disagreements(spec)
    return found


def _given_split_disagreements(spec: CompetitionSpec) -> list[tuple[str, str]]:
    """A split that the source gives leaves nothing to choose."""
    found = []
    if spec.folds is not None:
        found.append(("folds", "split: given takes the source's own folds; remove the key"))
    if spec.repeats != "keep" or spec.conflicts != "keep":
        found.append(("repeats", "split: given keeps every item of the source; choose keep"))
    return found
