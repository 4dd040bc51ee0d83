"""The picture of a search says which trial is best, and how the recipe as it is compares."""

import warnings

import pytest

from baselines.tune.picture import draw_search, draw_slice
from baselines.tune.space import Choice, Range, Space
from baselines.tune.study import Record

SPACE = Space({"lr": Range(1e-4, 1e-1, log=True), "model.hidden": Choice(([256, 256, 256], [1024, 512, 256], [64]))})


def record(number: int, accuracy: float | None, state: str = "finished", is_recipe: bool = False, **settings) -> Record:
    return Record(number, state, accuracy, settings, 1.0, {}, is_recipe)


def slice_labels(records) -> dict[str, list]:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    draw_slice(axes, records, "lr", SPACE.dimensions["lr"])
    points = {points.get_label(): points.get_offsets().tolist() for points in axes.collections}
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    return {name: found for name, found in (points | lines).items() if not name.startswith("_")}


def test_the_best_trial_is_marked_and_the_recipe_as_it_is_drawn_as_a_line():
    found = slice_labels([record(0, 0.5, is_recipe=True), record(1, 0.75, lr=0.01), record(2, 0.7, lr=0.02)])
    assert found == {"best": [[0.01, 75.0]], "the recipe as it is": [50.0, 50.0]}


def test_no_value_is_marked_as_the_best_where_the_recipe_as_it_is_was_better():
    found = slice_labels([record(0, 0.8, is_recipe=True), record(1, 0.75, lr=0.01)])
    assert found == {"the recipe as it is": [80.0, 80.0]}


@pytest.mark.parametrize(
    "records",
    [
        [],
        [record(0, None, "failed", is_recipe=True)],
        [record(0, 0.4, "pruned", lr=0.1)],
        [record(0, 0.4, is_recipe=True), record(1, 0.5, **{"lr": 0.01, "model.hidden": [64]})],
    ],
    ids=["no trial", "one that failed", "one that was pruned", "two that finished"],
)
def test_a_picture_is_drawn_without_a_warning_however_the_trials_ended(records, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = draw_search(tmp_path, records, SPACE, {}, "search")
    assert path.read_bytes().startswith(b"\x89PNG")
