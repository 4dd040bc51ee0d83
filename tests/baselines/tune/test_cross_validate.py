"""Cross validation: folds that cover every row once, predictions by models that have not seen the row."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.ensemble.tables import read_probabilities
from baselines.kit.budget import Clock
from baselines.kit.files import write_json, write_probabilities
from baselines.kit.holdout import training_rows
from baselines.tune.cross_validate import command_line
from baselines.tune.fold_results import keep_fold, read_fold, write_results
from baselines.tune.fold_training import Fold, Training, planned, reserved_seconds, train_fold
from baselines.tune.folds import _stratified, assign_folds, hold_out, refuse_plateau
from baselines.tune.kernels import find_kernel
from baselines.tune.options import identity, starting_recipe
from competition.bundle import open_bundle
from competition.errors import BadInputError, UserError
from tests.baselines.glyphs import LETTERS, kernel_process, read_submission, write_bundle, write_rows
from tests.baselines.tune.small import KERNEL, options, recipe


@given(st.lists(st.integers(0, 5), min_size=10, max_size=200), st.integers(2, 7), st.integers(0, 100))
def test_stratified_folds_are_even_in_every_class_and_in_all(labels, count, seed):
    labels = np.array(labels)
    folds = _stratified(labels, count, np.random.default_rng(seed))
    sizes = np.bincount(folds, minlength=count)
    assert sizes.sum() == len(labels)
    assert np.ptp(sizes) <= 1
    for label in np.unique(labels):
        assert np.ptp(np.bincount(folds[labels == label], minlength=count)) <= 1


def test_the_rows_held_out_become_the_validation_part(bundle):
    validation = np.arange(len(bundle.train_labels)) % 3 == 1
    assert (training_rows(hold_out(bundle, validation), 1) == ~validation).all()
    assert hold_out(bundle, validation).train_ids == bundle.train_ids


def test_own_folds_are_used_where_there_are_as_many(bundle):
    class Folded(type(bundle)):
        train_folds = np.arange(220) % 4

    own = Folded(bundle.folder, bundle.rules, bundle.manifest)
    folds, reason = assign_folds(own, 4, 1)
    assert (folds == own.train_folds).all()
    assert "own folds" in reason
    assert "anew" in assign_folds(own, 3, 1)[1]
    with pytest.raises(BadInputError, match="too few"):
        assign_folds(bundle, 500, 1)


def test_every_row_is_predicted_once_by_a_model_that_has_not_seen_it(tmp_path):
    # Labels are drawn at random: who has seen a row may know its label, who has not cannot.
    folder = write_bundle(tmp_path, noise=1.0, test=5)
    out = tmp_path / "cv"
    arguments = options("--data", str(folder), "--out", str(out), "--budget", "60s", "--folds", "3", "--set", "lr=0.02")
    settings = ["--set", "lr=0.02", "--set", "epochs=40", "--set", "keep=last", "--set", "label_smoothing=0"]
    done = kernel_process("baselines.tune.cross_validate", *arguments, *settings)
    assert done.returncode == 0, done.stderr
    bundle = open_bundle(folder)
    labels = np.asarray(bundle.train_labels)
    table = read_probabilities(out / "oof.csv", bundle.rules)
    assert table.ids == bundle.train_ids
    record = json.loads((out / "cross_validation.json").read_text())
    accuracy = (table.probabilities.argmax(1) == labels).mean()
    assert record["predicted_rows"] == len(labels)
    assert record["out_of_fold_accuracy"] == pytest.approx(accuracy)
    assert accuracy < 0.45
    histories = [(out / f"fold{number}" / "history.csv").read_text().splitlines()[-1] for number in range(3)]
    assert min(float(line.split(",")[7]) for line in histories) > 0.6  # measured on rows they have seen
    assert record["mean"] == pytest.approx(np.mean(record["accuracy_of_folds"]))
    assert record["standard_deviation"] == pytest.approx(np.std(record["accuracy_of_folds"], ddof=1))
    tests = [read_probabilities(out / f"fold{n}" / "probabilities.csv", bundle.rules) for n in range(3)]
    mean = np.mean([one.probabilities for one in tests], axis=0)
    assert np.allclose(read_probabilities(out / "probabilities.csv", bundle.rules).probabilities, mean, atol=2e-6)
    assert list(read_submission(out)) == bundle.test_ids

    before = {path: path.stat().st_mtime_ns for path in out.glob("fold*/oof.csv")}
    (out / "fold1" / "cross_validation.json").unlink()
    again = kernel_process("baselines.tune.cross_validate", *arguments, *settings, "--resume")
    assert again.returncode == 0, again.stderr
    changed = {path.parent.name for path, moment in before.items() if path.stat().st_mtime_ns != moment}
    assert changed == {"fold1"}
    assert read_probabilities(out / "oof.csv", bundle.rules).probabilities == pytest.approx(table.probabilities)


def training_on(folder, *changes):
    bundle = open_bundle(folder)
    return Training(find_kernel(KERNEL), recipe(*changes), "test", bundle, 3, "cpu", 1)


def contradict(folder, fold):
    """Give the rows held out labels that make every prediction of a fold's model wrong, and touch nothing else."""
    with (folder / "train.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    for row, predicted in zip(fold.rows, fold.probabilities.argmax(1), strict=True):
        rows[row][1] = LETTERS[(predicted + 1) % len(LETTERS)]
    write_rows(folder / "train.csv", header, rows)


@pytest.mark.parametrize("changes", [["keep=accuracy"], ["keep=loss"], ["keep=accuracy", "patience=2"]])
def test_the_labels_of_the_rows_held_out_do_not_reach_their_predictions(tmp_path, changes):
    folder = write_bundle(tmp_path, noise=1.0, test=2)
    validation = np.arange(220) % 3 == 0
    found = []
    for name in ("as_they_are", "contradicted"):
        out = tmp_path / name
        out.mkdir()
        asked = training_on(folder, "lr=0.02", "epochs=12", "evaluations=12", *changes)
        training, _ = planned(asked, 147, Clock.starting_now(60))
        fold = train_fold(training, 0, validation, out, 60.0, print)
        assert fold.is_complete
        found.append(fold.probabilities)
        contradict(folder, fold)  # whoever chooses a state by these rows will not choose this one again
    assert (found[0] == found[1]).all()
    assert fold.epochs == 12


@pytest.mark.parametrize(
    "changes", [["schedule={name: plateau}"], ["ladder=[{min_epochs: 0, schedule: {name: plateau}}]"]]
)
def test_a_schedule_that_follows_the_rows_held_out_is_refused(changes):
    with pytest.raises(UserError, match="flatter"):
        refuse_plateau(recipe(*changes))


def made_up_fold(bundle, number, predicted, held_out=None):
    """A fold of every third row of which the first ones were predicted, all of them right."""
    rows = np.flatnonzero(np.arange(len(bundle.train_labels)) % 3 == number)[:predicted]
    probabilities = 0.7 * np.eye(4)[np.asarray(bundle.train_labels)[rows]] + 0.075
    held_out = len(rows) if held_out is None else held_out
    return Fold(number, rows, probabilities, held_out, len(rows) == held_out, 2.0, 1.0, 0.001)


def test_rows_that_were_not_predicted_count_nowhere(bundle, tmp_path):
    shares = np.full((len(bundle.test_ids), 4), 0.25)
    folds = [made_up_fold(bundle, 0, 30), made_up_fold(bundle, 1, 20, 73), made_up_fold(bundle, 2, 0, 73)]
    for fold in folds:
        out = tmp_path / f"fold{fold.number}"
        out.mkdir()
        write_probabilities(out / "probabilities.csv", bundle.rules, bundle.test_ids, shares)
        keep_fold(out, fold, {"seed": 1})
        assert (out / "cross_validation.json").exists() == (fold.number == 0)
    told = " ".join(write_results(tmp_path, folds, bundle, {}))
    record = json.loads((tmp_path / "cross_validation.json").read_text())
    assert record["accuracy_of_folds"] == [1.0, 1.0, None]
    assert (record["mean"], record["out_of_fold_accuracy"], record["predicted_rows"]) == (1.0, 1.0, 50)
    assert len(read_probabilities(tmp_path / "oof.csv", bundle.rules).ids) == 50
    assert "over 50 of 220 rows" in told
    assert "standard deviation" in told
    assert "log loss" in told
    assert "folds 1, 2" in told
    with pytest.raises(UserError, match="longer --budget"):
        write_results(tmp_path, folds[2:], bundle, {})


def test_a_fold_is_kept_only_with_all_its_rows_and_the_same_settings(bundle, tmp_path):
    fold, validation = made_up_fold(bundle, 0, 220), np.arange(220) % 3 == 0
    ids = [bundle.train_ids[row] for row in fold.rows]
    write_probabilities(tmp_path / "oof.csv", bundle.rules, ids, fold.probabilities)
    keep_fold(tmp_path, fold, {"seed": 1})
    kept = read_fold(tmp_path, validation, bundle, {"seed": 1})
    assert (kept.rows == fold.rows).all()
    assert kept.probabilities == pytest.approx(fold.probabilities)
    assert read_fold(tmp_path, validation, bundle, {"seed": 2}) is None
    write_probabilities(tmp_path / "oof.csv", bundle.rules, ids[:-1], fold.probabilities[:-1])
    assert read_fold(tmp_path, validation, bundle, {"seed": 1}) is None
    (tmp_path / "oof.csv").write_text("id,A,H,T,X\n")
    assert read_fold(tmp_path, validation, bundle, {"seed": 1}) is None


def test_the_time_kept_for_the_rows_held_out_grows_with_what_a_prediction_takes(glyphs):
    quick = training_on(glyphs)
    slow = replace(quick, seconds_a_row=0.05)
    assert reserved_seconds(slow, 100, 60.0) > 1.3 * 5
    assert reserved_seconds(quick, 100, 60.0) < 0.5
    assert reserved_seconds(slow, 10_000, 60.0) == 30.0


def test_all_folds_train_one_rung_in_one_precision(glyphs):
    rungs = [{"min_epochs": 1e9, "model": {"widths": [8, 24]}}, {"min_epochs": 0, "model": {"widths": [8, 12]}}]
    asked = replace(training_on(glyphs), recipe=recipe(f"ladder={rungs}", "precision=auto", "deterministic=false"))
    shared, plan = planned(asked, 100, Clock.starting_now(20))
    assert plan.startswith("rung 2 of 2")
    assert shared.recipe.ladder == []
    assert shared.recipe.model["widths"] == [8, 12]
    assert shared.recipe.precision in ("fp32", "bf16")
    assert (shared.recipe.keep, shared.recipe.patience) == ("last", None)
    assert shared.seconds_a_row > 0


def test_an_earlier_cross_validation_is_not_trained_over(glyphs, tmp_path):
    arguments = options("--data", str(glyphs), "--out", str(tmp_path), "--budget", "9s", "--folds", "2")
    given = command_line().parse_args(arguments)
    kernel = find_kernel(KERNEL)
    known = identity(kernel, starting_recipe(kernel, given), open_bundle(glyphs), given, folds=2)
    write_json(tmp_path / "cross_validation.json", known)
    (tmp_path / "submission.csv").write_text("id,label\nof earlier folds\n")
    for more, told in [([], "--resume"), (["--resume", "--folds", "3", "--seed", "7"], "another seed, folds")]:
        done = kernel_process("baselines.tune.cross_validate", *arguments, *more)
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr
    (tmp_path / "cross_validation.json").write_text(json.dumps({**known, "bundle": "of other data"}))
    done = kernel_process("baselines.tune.cross_validate", *arguments, "--resume")
    assert (done.returncode, "another bundle" in done.stderr) == (2, True), done.stderr
    assert (tmp_path / "submission.csv").read_text() == "id,label\nof earlier folds\n"


def test_a_fold_that_comes_to_nothing_takes_nothing_from_the_others(glyphs, bundle, tmp_path, monkeypatch, capsys):
    from baselines.tune import cross_validate, fold_training

    def failing(training, number, *arguments):
        if number == 1:
            raise UserError("fold 1 came to no predictions (nan at step 3)")
        return train_fold(training, number, *arguments)

    monkeypatch.setattr(fold_training, "train_fold", failing)
    given = command_line().parse_args(
        options("--data", str(glyphs), "--out", str(tmp_path), "--budget", "60s", "--folds", "3")
    )
    known = identity(find_kernel(KERNEL), starting_recipe(find_kernel(KERNEL), given), bundle, given, folds=3)
    with pytest.raises(UserError, match=r"fold 1 came to no predictions .*what the other folds came to"):
        cross_validate._cross_validate(given, bundle, Clock.starting_now(60), known, {})
    assert len(read_submission(tmp_path)) == len(bundle.test_ids)
    record = json.loads((tmp_path / "cross_validation.json").read_text())
    assert len(record["accuracy_of_folds"]) == 2
    assert record["predicted_rows"] == pytest.approx(len(bundle.train_ids) * 2 / 3, abs=1)
    assert "the mean of 2 folds" in capsys.readouterr().out
