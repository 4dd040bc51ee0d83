"""The record of a search, without training: pruning, resuming, and the same seed drawing the same values."""

import pytest

from baselines.kit.recipe import load_recipe
from baselines.tune.messages import Ended, Evaluated
from baselines.tune.report import summarise, write_best_recipe
from baselines.tune.search import best_of
from baselines.tune.space import load_space
from baselines.tune.study import FILE, check_study, open_study
from competition.errors import UserError
from tests.baselines.tune.small import recipe, space_file


@pytest.fixture
def space(tmp_path):
    return load_space(space_file(tmp_path), recipe())


def opened(folder, space, resume=False, seed=1, trials=12, **identity):
    folder.mkdir(exist_ok=True)
    return open_study(folder, space, {"kernel": "test", **identity}, seed, trials, resume)


def finish(study, number, accuracy, **facts):
    study.close(Ended(number, "finished", 1.0, accuracy, {"validation_images": 100, **facts}))


def run_trials(study, count):
    """Trials whose accuracy depends on the values alone."""
    drawn = []
    for _ in range(count):
        number, settings = study.suggest()
        drawn.append(settings)
        finish(study, number, 1 - abs(settings["lr"] - 0.01))
    return drawn


def test_a_trial_below_the_median_of_the_others_is_stopped_and_a_good_one_is_not(tmp_path, space):
    study = opened(tmp_path / "a", space)
    for accuracy in (0.6, 0.8, 0.9):
        number, _ = study.suggest()
        assert not any(study.judge(Evaluated(number, tenth, accuracy * tenth / 10)) for tenth in range(1, 11))
        finish(study, number, accuracy)
    bad, good = study.suggest()[0], study.suggest()[0]
    assert [study.judge(Evaluated(bad, tenth, 0.1)) for tenth in range(1, 4)] == [False, True, True]
    assert not any(study.judge(Evaluated(good, tenth, 0.95)) for tenth in range(1, 10))
    study.close(Ended(bad, "pruned", 0.3))
    record = next(record for record in study.records() if record.number == bad)
    assert (record.state, record.accuracy) == ("pruned", 0.1)


def test_runs_with_few_and_with_many_evaluations_are_compared_at_the_same_share(tmp_path, space):
    study = opened(tmp_path / "a", space)
    for _ in range(3):
        number, _ = study.suggest()
        for tenth in range(1, 11):
            study.judge(Evaluated(number, tenth, 0.08 * tenth))
        finish(study, number, 0.8)
    rare, _ = study.suggest()
    assert not study.judge(Evaluated(rare, 3, 0.3))
    assert study.judge(Evaluated(rare, 7, 0.3))  # the others had 0.56 by then
    values = study.study.get_trials()[rare].intermediate_values
    assert values == {3: 0.3, 4: 0.3, 5: 0.3, 6: 0.3, 7: 0.3}


def test_an_interrupted_trial_is_tried_again_with_its_values(tmp_path, space):
    study = opened(tmp_path / "a", space)
    run_trials(study, 3)
    number, lost = study.suggest()
    again = opened(tmp_path / "a", space, resume=True)
    assert [record.state for record in again.records()] == ["finished"] * 3 + ["interrupted"]
    new, settings = again.suggest()
    assert new == number + 1
    assert settings == lost


def test_the_same_seed_draws_the_same_values_and_another_seed_others(tmp_path, space):
    drawn = [run_trials(opened(tmp_path / name, space, seed=seed), 5) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]
    assert len({values["lr"] for values in drawn[0]}) == 5


def test_a_resumed_search_draws_what_it_would_have_drawn(tmp_path, space):
    whole = run_trials(opened(tmp_path / "a", space), 5)
    parts = run_trials(opened(tmp_path / "b", space), 3) + run_trials(opened(tmp_path / "b", space, resume=True), 2)
    assert whole == parts


def test_a_study_is_neither_overwritten_nor_continued_with_something_else(tmp_path, space):
    opened(tmp_path / "a", space)
    with pytest.raises(UserError, match="--resume"):
        opened(tmp_path / "a", space)
    with pytest.raises(UserError, match="another kernel"):
        opened(tmp_path / "a", space, resume=True, kernel="other")
    wider = load_space(space_file(tmp_path, "lr: {low: 1e-6, high: 1.0, log: true}\n"), recipe())
    with pytest.raises(UserError, match="another space"):
        opened(tmp_path / "a", wider, resume=True)


def test_a_damaged_study_is_told_in_one_line(tmp_path, space):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(UserError, match="no readable study") as caught:
        opened(tmp_path / "a", space, resume=True)
    assert "\n" not in str(caught.value)


def test_what_decides_is_named_and_a_gain_within_the_noise_is_called_so(tmp_path, space):
    study = opened(tmp_path / "a", space)
    for place in range(12):
        number, settings = study.suggest() if place else study.measure_recipe({"lr": 1e-6, "label_smoothing": 0.1})
        finish(study, number, 0.80 + 0.002 * (settings["lr"] > 1e-3) + 1e-5 * place)
    importances = study.importances()
    assert next(iter(importances)) == "lr"
    assert sum(importances.values()) == pytest.approx(1)
    words = " ".join(summarise(study.records(), space, importances, 60.0))
    assert "12 trials: 12 finished" in words
    assert "standard error is 4.00 points" in words or "standard error is 3.9" in words
    assert "three seeds" in words


def test_a_recipe_outside_the_space_is_measured_without_the_sampler_learning_from_it(tmp_path, space):
    study = opened(tmp_path / "a", space)
    number, settings = study.measure_recipe(None)
    assert settings == {}
    assert not any(study.judge(Evaluated(number, tenth, 0.0)) for tenth in range(1, 11))
    finish(study, number, 1.0)
    drawn = run_trials(study, 12)
    assert len({tuple(values.items()) for values in drawn}) == 12
    record = study.records()[0]
    assert (record.is_recipe, record.state, record.accuracy, record.settings) == (True, "finished", 1.0, {})
    assert sum(study.importances().values()) == pytest.approx(1)
    assert "No trial was better than the unchanged recipe." in summarise(study.records(), space, None, 1.0)
    path = write_best_recipe(tmp_path, recipe(), best_of(study.records()), "test")
    found = load_recipe(tmp_path, str(path))
    assert found.model_copy(update={"about": ""}) == recipe().model_copy(update={"about": ""})
    assert found.about.startswith("the unchanged recipe: 100.00 %")


def test_a_gain_is_told_only_over_a_recipe_that_finished(tmp_path, space):
    study = opened(tmp_path / "a", space)
    number, _ = study.measure_recipe(None)
    study.close(Ended(number, "interrupted", 0.0))
    run_trials(study, 2)
    words = " ".join(summarise(study.records(), space, None, 1.0))
    assert "no gain over it can be told" in words
    assert "points" not in words


def test_an_interrupted_trial_does_not_take_the_recipes_place(tmp_path, space):
    study = opened(tmp_path / "a", space)
    study.measure_recipe(None)
    study.measure_recipe({"lr": 0.01, "label_smoothing": 0.1})
    study.suggest()
    again = opened(tmp_path / "a", space, resume=True)
    assert again.is_retrying
    assert again.suggest()[1]
    assert not again.is_retrying
    assert again.measure_recipe(None)[1] == {}
    assert [record.is_recipe for record in again.records()] == [True, True, False]


def test_the_time_told_with_the_best_recipe_is_the_trials_own(tmp_path, space):
    study = opened(tmp_path / "a", space)
    number, _ = study.suggest()
    study.close(Ended(number, "finished", 0.48, 0.5, {}))
    path = write_best_recipe(tmp_path, recipe(), best_of(study.records()), "test")
    assert "in 0.5 s" in load_recipe(tmp_path, str(path)).about


def test_a_check_of_a_study_writes_nothing(tmp_path, space):
    check_study(tmp_path, space, {}, False)
    assert not (tmp_path / FILE).exists()
    opened(tmp_path / "a", space)
    before = (tmp_path / "a" / FILE).read_bytes()
    check_study(tmp_path / "a", space, {"kernel": "test"}, True)
    with pytest.raises(UserError, match="another kernel"):
        check_study(tmp_path / "a", space, {"kernel": "other"}, True)
    assert (tmp_path / "a" / FILE).read_bytes() == before
