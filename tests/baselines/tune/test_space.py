"""Search spaces: what they draw, what they refuse and how values get into a recipe."""

from pathlib import Path

import optuna
import pytest

import baselines
from baselines.kit.recipe import load_recipe, parse_recipe, recipe_names
from baselines.tune.kernels import find_kernel, kernel_names
from baselines.tune.space import apply_settings, load_space, space_file
from competition.errors import UserError

RECIPE = parse_recipe({"lr": 0.01, "schedule": {"name": "step", "step_size": 3}, "model": {"dropout": 0.1}}, "test")


def read(tmp_path: Path, text: str, recipe=RECIPE):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    return load_space(path, recipe)


def draw(space, seed: int = 0):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [space.decode(study.ask(space.distributions()).params) for _ in range(60)]


def test_a_range_is_drawn_between_its_ends_on_its_scale(tmp_path):
    space = read(tmp_path, "lr: {low: 1e-4, high: 0.1, log: true}\nepochs: {low: 4, high: 12, step: 4}\n")
    drawn = draw(space)
    assert all(1e-4 <= values["lr"] <= 0.1 for values in drawn)
    assert 0.3 < sum(values["lr"] < 10**-2.5 for values in drawn) / len(drawn) < 0.7
    assert {values["epochs"] for values in drawn} == {4, 8, 12}


def test_times_is_a_range_around_the_recipes_own_value(tmp_path):
    space = read(tmp_path, "lr: {times: [0.1, 10]}\n")
    assert space.dimensions["lr"].low == pytest.approx(0.001)
    assert space.dimensions["lr"].high == pytest.approx(0.1)
    assert space.dimensions["lr"].log


def test_times_of_a_whole_number_draws_whole_numbers(tmp_path):
    space = read(tmp_path, "batch: {times: [0.25, 2]}\n")
    own = RECIPE.batch
    drawn = {values["batch"] for values in draw(space)}
    assert all(isinstance(batch, int) and own / 4 <= batch <= own * 2 for batch in drawn)
    assert len(drawn) > 5


def test_choices_of_any_kind_come_back_as_they_were_written(tmp_path):
    choices = [[8, 16], [32], {"name": "onecycle", "peak_at": 0.2}, True, "adamw", 3]
    space = read(tmp_path, "model.widths: [[8, 16], [32], {name: onecycle, peak_at: 0.2}, true, adamw, 3]\n")
    drawn = [values["model.widths"] for values in draw(space)]
    assert all(value in choices for value in drawn)
    assert len({str(value) for value in drawn}) == len(choices)


def test_a_whole_mapping_is_replaced_so_that_options_of_another_schedule_do_not_stay(tmp_path):
    space = read(tmp_path, "schedule: [{name: linear}, {name: onecycle}]\n")
    assert apply_settings(RECIPE, {"schedule": {"name": "linear"}}, "test").schedule == {"name": "linear"}
    assert space.own_values(RECIPE) == {}


def test_a_searched_key_is_not_overruled_by_a_rung_of_the_ladder():
    rungs = [{"min_epochs": 0, "lr": 0.5, "model": {"dropout": 0.9, "hidden": 3}}]
    recipe = parse_recipe({"lr": 0.01, "ladder": rungs}, "test")
    changed = apply_settings(recipe, {"lr": 0.2, "model.dropout": 0.3}, "test")
    assert changed.lr == 0.2
    assert changed.model == {"dropout": 0.3}
    assert changed.ladder == [{"min_epochs": 0, "model": {"hidden": 3}}]
    assert recipe.ladder == rungs


@pytest.mark.parametrize(("text", "told"), [
    ("lrr: {low: 1, high: 2}", "unknown key 'lrr': did you mean lr?"),
    ("zzz: {low: 1, high: 2}", "known keys: model"),
    ("lr.x: {low: 1, high: 2}", "lr has no parts"),
    ("lr: {low: 0.1, high: 0.01}", "low 0.1 is not below high 0.01"),
    ("lr: {low: 0.1, high: 0.1}", "is not below"),
    ("lr: {low: 0, high: 1, log: true}", "begins above 0"),
    ("lr: {lo: 0.1, high: 1}", "unknown 'lo': did you mean low"),
    ("lr: {low: 0.1}", "high is missing"),
    ("lr: {low: few, high: 1}", "'few' is no number"),
    ("lr: {low: 0.1, high: 1e999}", "is no number"),
    ("lr: {low: 0.1, high: 1, step: 2}", "step 2 fits no range"),
    ("batch: {low: 1, high: 9, step: 0.5}", "must be whole"),
    ("lr: 0.1", "is no range"),
    ("lr: [0.1]", "two choices"),
    ("weight_decay: {times: [0.1, 10]}", "no number to multiply"),
    ("lr: {times: 3}", "two factors"),
    ("batch: {low: 0, high: 8}", "batch = 0"),
    ("keep: [accuracy, best]", "keep = 'best'"),
    ("label_smoothing: {low: 0.0, high: 1.5}", "label_smoothing = 1.5"),
    ("lr: {low: 1", "line 2"),
    ("- lr", "key: value"),
    ("{}", "no keys"),
])  # fmt: skip
def test_a_wrong_space_is_told_in_one_line_before_anything_runs(tmp_path, text, told):
    with pytest.raises(UserError) as caught:
        read(tmp_path, text + "\n")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", kernel_names())
def test_the_default_space_of_every_kernel_fits_all_its_recipes(name):
    folder = Path(baselines.__file__).parent / name
    for recipe in recipe_names(folder / "recipes"):
        space = load_space(space_file(folder, None), load_recipe(folder / "recipes", recipe))
        assert "lr" in space.dimensions


def test_an_unknown_kernel_is_answered_with_the_nearest_name():
    with pytest.raises(UserError, match="did you mean fontchar_bottleneck"):
        find_kernel("fontchar_bottlenek")
    with pytest.raises(UserError, match="unknown"):
        find_kernel("baselines.tune")


def test_a_copied_kernel_is_found_by_its_folder(tmp_path):
    source = Path(baselines.__file__).parent / "fontchar_bottleneck"
    copy = tmp_path / "my_own_idea"
    copy.mkdir()
    for path in source.glob("*.py"):
        (copy / path.name).write_text(path.read_text())
    assert find_kernel(str(copy)).build.__module__ == "my_own_idea.__main__"


def test_a_space_holds_a_recipe_only_with_all_its_values_and_its_ladder(tmp_path):
    text = "lr: {low: 0.001, high: 0.1, log: true}\nmodel.dropout: {low: 0.0, high: 0.5}\n"
    assert read(tmp_path, text).holds(RECIPE)
    assert not read(tmp_path, text + "weight_decay: {low: 0.01, high: 0.1}\n").holds(RECIPE)
    rung = RECIPE.model_copy(update={"ladder": [{"min_epochs": 0, "model": {"dropout": 0.4}}]})
    assert not read(tmp_path, text, rung).holds(rung)
