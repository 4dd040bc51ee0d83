"""The steps that a Kaggle host clicks, with the names, numbers and files of one competition filled in."""

from collections import Counter
from pathlib import Path
from string import Template

from competition.kaggle.metrics import KaggleMetric
from competition.rules import Rules

TEMPLATE = Path(__file__).with_name("readme.md")


def readme(rules: Rules, metric: KaggleMetric, usage: Counter[str]) -> str:
    """The README of an exported competition.

    Args:
        rules: of the competition.
        metric: how Kaggle is told the metric.
        usage: how many test items are Public, Private and Ignored.
    """
    row = f"| `{metric.file}` | a metric notebook of your own | everybody |\n" if metric.file else ""
    opens = f"; opens {rules.opens}" if rules.opens else ""
    closes = f"; deadline {rules.closes}" if rules.closes else ""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=rules.title,
        competition=rules.competition,
        slug=rules.competition.replace("_", "-"),
        metric_row=row,
        metric_step=_metric_step(rules, metric),
        id_column=rules.id_column,
        target_column=rules.target_column,
        usage=", ".join(f"{count:,} {name}" for name, count in sorted(usage.items(), reverse=True)),
        budget=f"{rules.budget_seconds / 60:g} minutes",
        daily_limit=rules.daily_limit if rules.daily_limit is not None else "without a limit",
        final_selections=rules.final_selections,
        dates=opens + closes,
    )


def _metric_step(rules: Rules, metric: KaggleMetric) -> str:
    options = ", ".join(f"`{name}` = `{value}`" for name, value in sorted((metric.options or {}).items()))
    filled_in = f" Fill in {options}." if options else ""
    if metric.name:
        return f"choose the metric **{metric.name}** ({rules.metric.label} here).{filled_in}"
    if metric.file:
        return (
            f"Kaggle lists no metric that computes {rules.metric.label} from these files. "
            f"Choose **Create new metric**, paste `{metric.file}` into the notebook that opens, and save a version."
            f"{filled_in} Kaggle wants a type annotation for every argument of `score`."
        )
    return (
        f"Kaggle lists no metric that computes {rules.metric.label} from these files, and there is none here "
        "to copy: write a metric notebook, or give the competition a custom metric (`metric: {file: metric.py}`)."
    )
