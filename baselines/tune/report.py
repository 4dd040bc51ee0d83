"""What a search leaves: the best recipe, a table of all trials, and what they say in words."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from baselines.kit import files
from baselines.kit.budget import show_duration
from baselines.kit.recipe import Recipe
from baselines.tune.picture import PICTURE
from baselines.tune.search import best_of, show_settings, show_value
from baselines.tune.space import Range, Space, apply_settings
from baselines.tune.study import Record

BEST_RECIPE = "best_recipe.yaml"
TRIALS = "trials.csv"
SUMMARY = "summary.md"


def clear_results(folder: Path) -> None:
    """Delete what an earlier search left, so that what lies there after this one is its own."""
    for name in (BEST_RECIPE, TRIALS, SUMMARY, PICTURE):
        (folder / name).unlink(missing_ok=True)


def write_best_recipe(folder: Path, recipe: Recipe, best: Record, kernel: str) -> Path:
    """Write the recipe with the best trial's values, in the form that `--recipe FILE` takes."""
    found = apply_settings(recipe, best.settings, "found")
    named = recipe.model_fields_set | {key.partition(".")[0] for key in best.settings}
    values = {key: value for key, value in found.model_dump().items() if key in named and key != "about"}
    assert best.accuracy is not None
    origin = "the unchanged recipe" if best.is_recipe else f"found by a search over {', '.join(best.settings)}"
    about = (
        f"{origin}: {100 * best.accuracy:.2f} % validation accuracy "
        f"in {show_duration(best.seconds)} (trial {best.number} of {kernel})"
    )
    text = yaml.safe_dump({"about": about, **values}, sort_keys=False, allow_unicode=True, width=120)
    path = folder / BEST_RECIPE
    files.write_text(path, text)
    return path


def write_trials(folder: Path, records: Sequence[Record], space: Space) -> Path:
    """Write one line a trial: how it ended, its accuracy, its values and its figures."""
    text = io.StringIO()
    facts = ("validation_loss", "epochs", "images_per_second", "plan", "ending", "diagnosis", "reason")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "validation_accuracy", *space.dimensions, "seconds", *facts])
    for record in records:
        values = [_cell(record.settings.get(key)) for key in space.dimensions]
        shown = [_cell(record.facts.get(fact)) for fact in facts]
        writer.writerow([record.number, record.state, _cell(record.accuracy), *values, f"{record.seconds:.2f}", *shown])
    path = folder / TRIALS
    files.write_text(path, text.getvalue())
    return path


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else show_value(value)


def summarise(
    records: Sequence[Record], space: Space, importances: Mapping[str, float] | None, trial_seconds: float
) -> list[str]:
    """What the trials say, one sentence an item: the best one, the gain over the recipe, what mattered, what to do.

    `importances` are empty where too few trials finished, None where nobody asked.
    """
    best = best_of(list(records))
    sentences = [_counts(records)]
    if best is None:
        return [*sentences, "No trial finished: give a longer --budget or fewer --trials."]
    shown = "the unchanged recipe" if best.is_recipe else show_settings(best.settings)
    sentences.append(f"Best: trial {best.number}, {100 * (best.accuracy or 0):.2f} % validation accuracy ({shown}).")
    sentences += _gain(records, best)
    if importances:
        ranked = ", ".join(f"{key} {100 * share:.0f} %" for key, share in importances.items())
        sentences.append(f"What told good trials from middling ones: {ranked}.")
    elif importances is not None:
        sentences.append("Too few trials finished to say which key mattered.")
    sentences += _at_the_edge(best, space)
    sentences.append(
        f"Every trial had {show_duration(trial_seconds)}: for a much longer run search again, or expect to need "
        "more regularisation."
    )
    return sentences


def write_summary(folder: Path, title: str, sentences: Sequence[str]) -> Path:
    """Write `summary.md`."""
    path = folder / SUMMARY
    files.write_text(path, f"# {title}\n\n" + "".join(f"- {sentence}\n" for sentence in sentences))
    return path


def _counts(records: Sequence[Record]) -> str:
    states = ("finished", "pruned", "diverged", "failed", "interrupted")
    counts = {state: sum(record.state == state for record in records) for state in states}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return f"{len(records)} trials: {told or 'none ended'}."


def _gain(records: Sequence[Record], best: Record) -> list[str]:
    """How the best trial compares with the unchanged recipe, and with the noise of so many validation images."""
    own = next((record for record in records if record.is_recipe and record.state == "finished"), None)
    if own is None or own.accuracy is None or best.accuracy is None:
        return ["The unchanged recipe did not finish a trial, so no gain over it can be told."]
    if own.number == best.number:
        return ["No trial was better than the unchanged recipe."]
    points, images = 100 * (best.accuracy - own.accuracy), best.facts.get("validation_images")
    sentence = f"The unchanged recipe (trial {own.number}) came to {100 * own.accuracy:.2f} %: {points:+.2f} points."
    if not images:
        return [sentence]
    error = 100 * math.sqrt(best.accuracy * (1 - best.accuracy) / images)
    if points < 2 * error:
        sentence += (
            f" With {images:,} validation images the standard error is {error:.2f} points, and the best of many trials "
            "flatters itself: run both recipes with three seeds before believing it."
        )
    return [sentence]


def _at_the_edge(best: Record, space: Space) -> list[str]:
    """Keys whose best value lies at an end of its range, beyond which a better one may lie."""
    found = []
    for key, value in best.settings.items():
        dimension = space.dimensions[key]
        if not isinstance(dimension, Range):
            continue
        place = _place(value, dimension)
        if place < 0.05 or place > 0.95:
            end = "low" if place < 0.05 else "high"
            found.append(f"{key} {show_value(value)} lies at the {end} end of its range: widen it there.")
    return found


def _place(value: float, range_: Range) -> float:
    """Where a value lies in its range, 0 to 1."""
    if range_.log:
        return math.log(value / range_.low) / math.log(range_.high / range_.low)
    return (value - range_.low) / (range_.high - range_.low)
