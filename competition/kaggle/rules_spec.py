"""From frozen rules back to a spec: what an exported competition says of itself."""

import json
from pathlib import Path
from typing import Any

from competition.errors import BadInputError
from competition.rules import MetricRule, Rules

HEAD = "# Taken in with its own split. What a kernel may use (`rules:`) and where the data come from did not travel.\n"


def rules_from(content: bytes, where: Path) -> Rules:
    """The rules in the bytes of a `rules.json` that somebody else may have written.

    Raises:
        BadInputError: they are no rules.
    """
    try:
        raw = json.loads(content)
        metrics = [MetricRule(**rule) for rule in (raw.pop("metric"), *raw.pop("extra_metrics"))]
        raw["labels"] = tuple(raw["labels"])
        rules = Rules(metric=metrics[0], extra_metrics=tuple(metrics[1:]), **raw)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadInputError(f"{where}: its rules.json holds no rules; take it out to have them guessed") from None
    for metric in metrics:
        if metric.file is not None and not _is_metric_file(metric.file):
            raise BadInputError(f"{where}: its rules.json names {metric.file!r} as a metric; expected NAME.py")
    return rules


def spec_text(rules: Rules, image: tuple[int, int, int] | None, label_names: list[str], path: str) -> str:
    """A `competition.yaml` that freezes to these rules and reads a host's files at `path`.

    Args:
        rules: what submissions are judged by.
        image: height, width and channels; None for a table.
        label_names: a name a label, or none.
        path: where the host's files lie, relative to the competition's folder.
    """
    spec: dict[str, Any] = {
        "title": {"en": rules.title, "ko": rules.title_ko or rules.title},
        "task": rules.task,
        "metric": _metric(rules.metric),
        "extra_metrics": [_metric(metric) for metric in rules.extra_metrics],
        "labels": list(rules.labels),
        "label_names": label_names,
        "form": rules.form,
        "label_matching": rules.label_matching,
        "probability_tolerance": rules.probability_tolerance,
        "id_column": rules.id_column,
        "target_column": rules.target_column,
        "max_submission_size": rules.max_bytes,
        "image": image and dict(zip(("height", "width", "channels"), image, strict=True)),
        "split": "given",
        "budget": rules.budget_seconds,
        "daily_limit": rules.daily_limit,
        "final_selections": rules.final_selections,
        "opens": rules.opens,
        "closes": rules.closes,
        "source": {"kind": "host", "path": path},
    }
    # JSON is YAML: a text stays a text, whatever it looks like.
    lines = (
        f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in spec.items() if value not in (None, [])
    )
    return HEAD + "".join(lines)


def _metric(rule: MetricRule) -> dict[str, Any]:
    return {
        key: value
        for key, value in (("name", rule.name), ("options", dict(rule.options)), ("file", rule.file))
        if value
    }


def _is_metric_file(name: object) -> bool:
    return isinstance(name, str) and name.endswith(".py") and name.isprintable() and Path(name).name == name
