"""A run as one HTML page that opens from disk: figures, diagnosis, curves, evaluations, decisions, recipe, layers."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from baselines.kit.budget import show_duration
from baselines.kit.files import CURVES, MODEL_SUMMARY, REPORT, write_text
from baselines.kit.history import Row
from baselines.kit.korean import KOREAN

_TEMPLATES = Path(__file__).parent / "templates"
_HEALTHY = "no illness found"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a run's time: `share` is of the whole budget, 0..1."""

    name: str
    seconds: float
    share: float


def write_report(folder: Path, record: Mapping[str, Any], rows: Sequence[Row]) -> Path:
    """Write `report.html`, with the curves and the model summary that lie in the folder.

    Args:
        folder: the output folder of the run.
        record: what `run.json` holds.
        rows: the evaluations, oldest first.

    Returns:
        The path of the page.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = _figure
    page = environment.get_template("report.html").render(
        run=record,
        rows=rows,
        figures=_figures(record),
        spans=spans_of(record),
        duration=show_duration,
        cut=[row for row in rows if row.validation_images < record["validation_size"]],
        mark="last" if record["recipe"]["keep"] == "last" else "kept",
        healthy=_HEALTHY,
        korean=KOREAN,
        recipe=yaml.safe_dump(record["recipe"], sort_keys=False, allow_unicode=True),
        layers=_text(folder / MODEL_SUMMARY),
        curves=_data_address(folder / CURVES),
    )
    write_text(folder / REPORT, page)
    return folder / REPORT


def spans_of(record: Mapping[str, Any]) -> list[Span]:
    """Where the budget went, up to the moment the submission was written; the last span is what was left of it."""
    seconds, budget = record["seconds"], record["budget_seconds"]
    known = [("imports", seconds["imports"]), ("images read", seconds["data"]), ("training", seconds["training"])]
    others = max(0.0, seconds["until_submission"] - sum(value for _, value in known))
    left = max(0.0, budget - seconds["until_submission"])
    spans = [*known, ("planning and predictions", others), ("left over", left)]
    whole = sum(value for _, value in spans)
    return [Span(name, value, value / whole) for name, value in spans]


def _figures(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures that stand large at the top: name and value."""
    accuracy = record["validation_accuracy"]
    images, size = record["validation_images"], record["validation_size"]
    of = f" of {images:,} of {size:,} images" if accuracy is not None and images < size else ""
    memory = "peak memory" + (" of the process" if record["peak_memory_of"] == "process" else "")
    return [
        (f"validation accuracy{of}", "none" if accuracy is None else f"{100 * accuracy:.2f} %"),
        ("epochs trained", f"{record['epochs']:.1f}"),
        ("training speed", f"{record['images_per_second']:,.0f} images/s"),
        ("parameters", f"{record['parameters']:,}"),
        (memory, f"{record['peak_memory_mib']:,.0f} MiB"),
        ("budget", show_duration(record["budget_seconds"])),
    ]


def _figure(value: float, pattern: str) -> str:
    """A figure by its pattern, a dash where it was not measured."""
    return "–" if math.isnan(value) else pattern % value


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _data_address(picture: Path) -> str:
    """A PNG as an address that needs no second file; empty where there is none."""
    if not picture.exists():
        return ""
    return f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
