from pathlib import Path

import pytest

from baselines.kit.recipe import Recipe, load_recipe, on_rung, parse_recipe, recipe_names, with_changes
from baselines.kit.schedules import SHAPES, create_schedule
from competition.errors import UserError

BASELINES = Path(__file__).resolve().parents[3] / "baselines"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "reference.yaml").write_text("lr: 1e-3\nepochs: 7\nschedule: {name: step, step_size: 3}\n")
    return tmp_path


def test_the_command_line_wins_over_the_file(folder):
    recipe = load_recipe(folder, "reference", ["lr=3e-4", "schedule.gamma=0.1", "model.width=8", "ema=0.99"])
    assert (recipe.lr, recipe.epochs, recipe.ema) == (3e-4, 7, 0.99)
    assert recipe.schedule == {"name": "step", "step_size": 3, "gamma": 0.1}
    assert recipe.model == {"width": 8}


def test_a_recipe_may_be_a_file_of_ones_own(folder, tmp_path):
    (tmp_path / "mine.yaml").write_text("batch: 17\n")
    assert load_recipe(folder, str(tmp_path / "mine.yaml")).batch == 17


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["lern=1"], "unknown key 'lern'"),
        (["bach=64"], "did you mean batch"),
        (["lr=fast"], "lr = 'fast'"),
        (["lr=-1"], "greater than 0"),
        (["batch=0"], "batch"),
        (["batch=1"], "greater than or equal to 2"),
        (["ladder=5"], "ladder"),
        (["ladder=[5]"], "ladder"),
        (["schedule.name=cosine", "schedule=linear"], "schedule"),
        (["std=[0]"], "std"),
        (["precision=fp8"], "precision"),
        (["lr"], "KEY=VALUE"),
        (["lr.x=1"], "lr has no parts"),
        (["model={"], "no YAML"),
        (["epochs=.inf"], "epochs = inf"),
        (["schedule.step_size=0"], "schedule step: .* by zero"),
        (["schedule.gamma=x"], "gamma = 'x' is no number"),
        (["schedule.warmup=x"], "warmup 'x' is no share"),
        (["schedule.name=cosin"], "did you mean cosine"),
        (["ladder=[{min_epochs: many}]"], "rung 1: min_epochs = 'many' is no number"),
        (["ladder=[{bach: 4}]"], "rung 1: unknown key 'bach'"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(folder, settings, told):
    with pytest.raises(UserError, match=told) as error:
        load_recipe(folder, "reference", settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["- a\n- b\n", "{", "\x00", "lr: [1\n", "1: 2\n", "on: true\n"])
def test_a_file_that_is_no_recipe_is_told_in_one_line(folder, content):
    (folder / "broken.yaml").write_text(content)
    with pytest.raises(UserError, match="broken") as error:
        load_recipe(folder, "broken")
    assert "\n" not in str(error.value)


def test_an_unknown_recipe_names_the_near_one(folder):
    with pytest.raises(UserError, match="did you mean reference"):
        load_recipe(folder, "refrence")


def test_changes_merge_into_the_model_options_and_replace_the_rest():
    recipe = parse_recipe({"model": {"net": "plain", "width": 4}, "lr": 0.1}, "test")
    changed = with_changes(recipe, {"model": {"width": 8}, "lr": 0.2}, "rung 1")
    assert (changed.model, changed.lr) == ({"net": "plain", "width": 8}, 0.2)
    assert recipe.lr == 0.1


def test_every_key_is_described():
    assert all(field.description for field in Recipe.model_fields.values())


@pytest.mark.parametrize("path", sorted(BASELINES.glob("*/recipes/*.yaml")), ids=lambda p: f"{p.parts[-3]}-{p.stem}")
def test_every_recipe_of_every_baseline_is_valid_and_so_is_each_rung(path):
    recipe = load_recipe(path.parent, path.stem)
    for rung in recipe.ladder:
        with_changes(recipe, {key: value for key, value in rung.items() if key != "min_epochs"}, "rung")
    assert path.stem in recipe_names(path.parent)
    assert recipe.about


def test_what_is_set_by_hand_holds_on_every_rung(folder):
    (folder / "ladder.yaml").write_text(
        "ladder:\n"
        "  - {min_epochs: 3, image_px: 64, model: {width: 9, depth: 3}}\n"
        "  - {min_epochs: 0, image_px: 32, augment: {crop: 1}}\n"
    )
    recipe = load_recipe(folder, "ladder", ["image_px=48", "model.width=5", "augment.crop=2"])
    assert recipe.ladder == [{"min_epochs": 3, "model": {"depth": 3}}, {"min_epochs": 0, "augment": {}}]
    assert (recipe.image_px, recipe.model, recipe.augment) == (48, {"width": 5}, {"crop": 2})


def test_a_schedule_named_by_hand_keeps_only_the_options_it_knows(folder):
    assert load_recipe(folder, "reference", ["schedule.name=cosine"]).schedule == {"name": "cosine"}
    assert load_recipe(folder, "reference", ["schedule.name=step"]).schedule == {"name": "step", "step_size": 3}
    with pytest.raises(UserError, match="peak_at"):  # what was asked for by hand is not dropped
        load_recipe(folder, "reference", ["schedule.name=cosine", "schedule.peak_at=0.2"])


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    "path", sorted(BASELINES.glob("*/recipes/*.yaml")), ids=lambda path: f"{path.parts[-3]}-{path.stem}"
)
def test_every_recipe_takes_every_schedule_by_name(path, name):
    assert load_recipe(path.parent, path.stem, [f"schedule.name={name}"]).schedule["name"] == name


def test_a_schedule_of_another_name_takes_the_old_ones_place_on_a_rung():
    recipe = Recipe(schedule={"name": "onecycle", "peak_at": 0.2, "warmup": 0.1})
    assert with_changes(recipe, {"schedule": {"name": "cosine"}}, "x").schedule == {"name": "cosine", "warmup": 0.1}
    assert with_changes(recipe, {"schedule": {"start": 0.1}}, "x").schedule == {**recipe.schedule, "start": 0.1}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("schedule.warmup=0.2", {"name": "linear", "end": 0.1, "warmup": 0.2}),
        ("schedule.end=0.05", {"name": "linear", "end": 0.05}),
        ("schedule.name=step", {"name": "step", "step_size": 3}),
        ("schedule={name: cosine}", {"name": "cosine"}),
    ],
)
def test_what_is_set_of_the_schedule_holds_on_a_rung_with_one_of_its_own(tmp_path, setting, expected):
    (tmp_path / "laddered.yaml").write_text(
        "schedule: {name: linear}\nladder: [{min_epochs: 3}, {schedule: {name: linear, end: 0.1}}, "
        "{schedule: {name: step, step_size: 3}}]\n"
    )
    recipe = load_recipe(tmp_path, "laddered", [setting])
    position = 2 if "step" in setting else 1
    assert on_rung(recipe, recipe.ladder[position], "x").schedule == expected


def test_numbers_may_be_written_with_an_exponent(folder):
    recipe = load_recipe(
        folder, "reference", ["schedule.warmup=5e-2", "schedule.gamma=1e-1", "ladder=[{min_epochs: 1e1}]"]
    )
    schedule = create_schedule(recipe.schedule, 7)
    assert (schedule.warmup, schedule.options["gamma"]) == (0.05, 0.1)
