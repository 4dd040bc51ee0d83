"""Cross validation: folds that cover every row once, predictions by models that have not seen the row."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.ensemble.tables import read_probabilities
from baselines.kit.holdout import training_rows
from baselines.tune.folds import _stratified, assign_folds, hold_out
from competition.bundle import open_bundle
from competition.errors import BadInputError
from tests.baselines.glyphs import kernel_process, read_submission, write_bundle
from tests.baselines.tune.small import options


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
