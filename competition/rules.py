"""The rules a competition is judged by, frozen by `grader prepare` into `rules.json`.

The judge reads this file and never the YAML spec: an edit of the spec changes no score until the competition is
prepared again, and reading JSON keeps YAML and pydantic out of the path that scores a file.
The file holds nothing secret; it lies both in the bundle (for `grader check`) and in the vault (for `grader score`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from competition.errors import BadInputError

RULES_FILE = "rules.json"

Task = Literal["classification", "regression", "ranking", "segmentation"]
Form = Literal["labels", "probabilities", "values", "rankings", "masks"]
LabelMatching = Literal["text", "number"]


@dataclass(frozen=True, slots=True)
class MetricRule:
    """A metric by name, with its options; `file` names a custom metric kept beside the rules."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    file: str | None = None

    @property
    def label(self) -> str:
        """What scores by this rule are called: the name, and the options where there are any."""
        options = ", ".join(f"{name}={value}" for name, value in sorted(self.options.items()) if name != "direction")
        return f"{self.name} ({options})" if options else self.name


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that checking, scoring and ranking a submission depends on, apart from the solution itself."""

    competition: str
    title: str
    task: Task
    form: Form
    metric: MetricRule
    title_ko: str = ""
    extra_metrics: tuple[MetricRule, ...] = ()
    id_column: str = "id"
    target_column: str = "label"
    labels: tuple[str, ...] = ()  # the label set in label order; empty where the target is a number
    label_matching: LabelMatching = "text"  # "number": 0, 0.0 and 00 name one label; "text": three different ones
    probability_tolerance: float = 1e-3  # how far a row of probabilities may sum from 1
    max_bytes: int = 256 * 1024 * 1024  # of a submission, after decompression
    budget_seconds: float = 600.0  # wall clock of one kernel run
    daily_limit: int | None = None  # scored submissions a team in any 24 hours; None: no limit
    final_selections: int = 2
    opens: str | None = None  # ISO 8601, UTC
    closes: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The rules as plain values."""
        return asdict(self)

    def to_json(self) -> str:
        """The rules as JSON text: the same rules give the same bytes."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def load_rules(path: Path) -> Rules:
    """Read `rules.json`.

    Raises:
        BadInputError: the file is missing, is no JSON or lacks a rule.
    """
    try:
        raw = json.loads(path.read_bytes())
        metrics = [MetricRule(**rule) for rule in (raw.pop("metric"), *raw.pop("extra_metrics"))]
        raw["labels"] = tuple(raw["labels"])
        return Rules(metric=metrics[0], extra_metrics=tuple(metrics[1:]), **raw)
    except FileNotFoundError:
        raise BadInputError(f"{path}: no rules here; run `grader prepare` for this competition first") from None
    except (ValueError, TypeError, KeyError) as error:
        raise BadInputError(f"{path}: not a rules file ({error}); run `grader prepare` again") from error
