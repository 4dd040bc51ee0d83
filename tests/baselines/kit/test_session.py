"""Whole runs on small bundles: what they write, that they keep their budget, and that they can be trusted again."""

import csv
import json
import math
import resource
import time

import numpy as np
import pytest
import torch
from torch import nn

from baselines.kit.checkpoint import load_checkpoint
from baselines.kit.claim import bundle_identity
from baselines.kit.fallback import replace_by_shares, write_fallback
from baselines.kit.history import read_history
from baselines.kit.recipe import parse_recipe, with_changes
from competition.bundle import open_bundle
from competition.errors import UserError
from tests.baselines.glyphs import accuracy_on_test, read_submission, write_bundle
from tests.baselines.runs import FAST, Notes, run, small_net


def test_a_run_learns_and_writes_everything_it_promises(glyphs, bundle, tmp_path):
    outcome = run(bundle, tmp_path)
    assert accuracy_on_test(glyphs, tmp_path) > 0.9
    names = {path.name for path in tmp_path.iterdir()}
    pictures = {"curves.png", "report.html"}
    assert names == {"submission.csv", "history.csv", "model_summary.txt", "run.json", "model.pt", *pictures}
    assert list(read_submission(tmp_path)) == bundle.test_ids
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["seed"] == 3
    assert record["recipe"]["lr"] == 0.01
    assert record["precision_reason"] == "asked for"
    assert record["images_per_second"] > 0
    assert record["peak_memory_mib"] > 50
    assert record["validation_accuracy"] == max(row.validation_accuracy for row in outcome.fit.rows)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "Conv2d" in (tmp_path / "model_summary.txt").read_text()


def test_the_checkpoint_holds_the_best_state_and_gives_its_accuracy(bundle, tmp_path):
    outcome = run(bundle, tmp_path)
    model = small_net(None, outcome.data.shape)
    model.load_state_dict(load_checkpoint(tmp_path / "model.pt"))
    model.eval()
    part = outcome.data.validation
    images = outcome.data.batch(part, torch.arange(len(part)), outcome.plan.placement)
    accuracy = float((model(images).argmax(1) == part.labels).float().mean())
    assert accuracy == pytest.approx(outcome.fit.best.validation_accuracy)


def test_the_history_is_read_back_as_it_was(bundle, tmp_path):
    rows = run(bundle, tmp_path).fit.rows
    read = read_history(tmp_path)
    assert [row.step for row in read] == [row.step for row in rows]
    assert [row.validation_loss for row in read] == pytest.approx([row.validation_loss for row in rows], rel=1e-5)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(bundle, tmp_path):
    options = {"deterministic": True, "epochs": 2, "augment": {"rotate": 5, "noise": 0.1}, "form": None}
    options.pop("form")
    csvs, weights = [], []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        run(bundle, tmp_path / name, seed=seed, **options)
        csvs.append((tmp_path / name / "submission.csv").read_bytes())
        weights.append(load_checkpoint(tmp_path / name / "model.pt"))
    torch.use_deterministic_algorithms(False)
    assert csvs[0] == csvs[1]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not all(torch.equal(weights[0][key], weights[2][key]) for key in weights[0])


def test_probabilities_are_written_where_the_rules_ask_for_them(tmp_path):
    bundle = open_bundle(write_bundle(tmp_path / "bundle", form="probabilities"))
    run(bundle, tmp_path / "out", epochs=2)
    with (tmp_path / "out" / "submission.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == bundle.test_ids
    for row in rows:
        assert math.isclose(sum(float(row[label]) for label in "AHTX"), 1, abs_tol=1e-4)


@pytest.mark.parametrize("changes", [
    {"ema": 0.99},
    {"mixup": 0.2, "cutmix": 1.0, "label_smoothing": 0.1},
    {"accumulate": 4, "clip_gradient": 1.0},
    {"loss": "bce_one_hot"},
    {"optimizer": "sgd", "lr": 0.05},
    {"optimizer": "rmsprop", "lr": 0.001},
    {"precision": "bf16"},
    {"tta": ["flip", "shift"]},
    {"schedule": {"name": "plateau", "patience": 1, "factor": 0.5}},
    {"keep": "loss"},
    {"keep": "last"},
    {"schedule": {"name": "onecycle", "momentum": [0.85, 0.95]}},
], ids=lambda changes: next(iter(changes)))  # fmt: skip
def test_every_part_of_a_recipe_trains(glyphs, bundle, tmp_path, changes):
    run(bundle, tmp_path, **changes)
    assert accuracy_on_test(glyphs, tmp_path) > 0.7


def test_the_rate_follows_the_schedule(bundle, tmp_path):
    rows = run(bundle, tmp_path, schedule={"name": "step", "step_size": 2, "gamma": 0.1}, epochs=6).fit.rows
    rates = {round(row.epoch): row.learning_rate for row in rows}
    assert [rates[epoch] for epoch in (2, 4, 6)] == pytest.approx([1e-2, 1e-3, 1e-4])


def test_early_stopping_ends_a_run_that_no_longer_gains(bundle, tmp_path):
    outcome = run(bundle, tmp_path, epochs=500, patience=3, keep="loss", schedule={"name": "constant"})
    assert "early stopping" in outcome.fit.ending
    assert outcome.fit.epochs < 500
    assert len(outcome.fit.rows) - 1 - outcome.fit.rows.index(outcome.fit.best) == 3


@pytest.mark.slow
def test_a_run_without_end_is_cut_annealed_and_in_time(bundle, tmp_path):
    start = time.monotonic()
    outcome = run(bundle, tmp_path, budget=6, epochs=100_000)
    assert time.monotonic() - start < 16  # within one process nothing cuts a slow step short
    assert "budget" in outcome.fit.ending
    assert outcome.fit.rows[-1].learning_rate < 0.25 * 0.01
    assert outcome.predicted_rows == len(bundle.test_ids)


@pytest.mark.parametrize("keep", ["accuracy", "last"])
def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_best_state(keep, glyphs, bundle, tmp_path):
    class Exploding(nn.Module):
        """Learns for 30 steps, then returns what no number is."""

        def __init__(self, net):
            super().__init__()
            self.net, self.steps = net, 0

        def forward(self, images):
            self.steps += self.training
            logits = self.net(images)
            return logits * float("nan") if self.training and self.steps > 94 else logits

    notes = Notes()
    outcome = run(bundle, tmp_path, build=lambda r, s: Exploding(small_net(r, s)), reporter=notes, epochs=20, keep=keep)
    assert outcome.fit.diverged
    assert outcome.kept_evaluation is outcome.fit.best
    assert 90 < outcome.fit.steps < 100
    assert f"nan at step {outcome.fit.steps}" in outcome.fit.ending
    assert outcome.predicted_rows == len(bundle.test_ids)
    assert accuracy_on_test(glyphs, tmp_path) > 0.7


def test_predictions_that_are_no_numbers_never_replace_the_valid_fallback(bundle, tmp_path):
    class Deaf(nn.Module):
        """Learns, but says nothing outside of training."""

        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, images):
            return self.net(images) * (1.0 if self.training else float("nan"))

    write_fallback(tmp_path, bundle)
    before = (tmp_path / "submission.csv").read_bytes()
    outcome = run(bundle, tmp_path, build=lambda r, s: Deaf(small_net(r, s)), epochs=2)
    assert outcome.predicted_rows == 0
    assert (tmp_path / "submission.csv").read_bytes() == before


def test_rows_that_are_no_numbers_become_class_shares(bundle):
    probabilities = np.array([[0.1, 0.2, 0.3, 0.4], [np.nan, 0.5, 0.25, 0.25], [np.inf, 0, 0, 0]])
    assert replace_by_shares(probabilities, bundle) == 2
    assert probabilities[0].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert probabilities[1].tolist() == probabilities[2].tolist() == [0.25] * 4


def test_pictures_too_small_for_the_net_are_told_in_one_line(bundle, tmp_path):
    def deep(recipe, shape):
        return nn.Sequential(*[nn.MaxPool2d(2) for _ in range(5)], nn.Flatten(), nn.Linear(1, shape.classes))

    for budget in (60, 3):  # with and without the time to measure speeds
        with pytest.raises(UserError, match=r"cannot take images of 16x16x1 .* --set image_px") as told:
            run(bundle, tmp_path, build=deep, budget=budget)
        assert "\n" not in str(told.value)


def test_a_rate_that_explodes_is_named_as_the_cause(bundle, tmp_path):
    outcome = run(bundle, tmp_path, optimizer="sgd", lr=1e12, epochs=40, schedule={"name": "constant"})
    assert outcome.findings[0].illness == "learning rate too high"


def test_a_full_disk_is_told_in_one_line_and_the_old_submission_stays(bundle, tmp_path):
    (tmp_path / "submission.csv").write_text("id,label\n")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, old[1]))
    try:
        with pytest.raises(UserError, match="cannot be written") as told:
            run(bundle, tmp_path, epochs=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert "\n" not in str(told.value)
    assert (tmp_path / "submission.csv").read_text() == "id,label\n"
    assert not list(tmp_path.glob(".*partial"))


def test_a_disk_that_fills_up_after_the_submission_costs_the_other_files_alone(bundle, tmp_path, monkeypatch):
    def full(path, content):
        raise UserError(f"{path}: cannot be written (no space left on device)")

    notes = Notes()
    monkeypatch.setattr("baselines.kit.results.save_checkpoint", full)
    outcome = run(bundle, tmp_path, epochs=1, reporter=notes)
    assert outcome.predicted_rows == len(bundle.test_ids)
    assert [text for text in notes.texts if "model.pt: cannot be written" in text]
    assert (tmp_path / "run.json").exists()
    assert (tmp_path / "report.html").exists()


def test_memory_that_runs_out_halves_the_batch_and_the_run_goes_on(glyphs, bundle, tmp_path):
    class SmallDevice(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, images):
            if len(images) > 6:
                raise torch.OutOfMemoryError("out of memory")
            return self.net(images)

    notes = Notes()
    outcome = run(bundle, tmp_path, build=lambda r, s: SmallDevice(small_net(r, s)), reporter=notes)
    assert outcome.fit.batch_parts == 4
    assert accuracy_on_test(glyphs, tmp_path) > 0.8
    assert any("out of memory" in text for text in notes.texts)


def test_the_ladder_takes_the_first_rung_that_fits_and_says_why(bundle, tmp_path):
    notes = Notes()
    ladder = [{"min_epochs": 1_000_000_000, "image_px": 16}, {"min_epochs": 0, "image_px": 8, "lr": 0.02}]
    outcome = run(bundle, tmp_path, reporter=notes, ladder=ladder, epochs=2)
    assert (outcome.data.shape.height, outcome.plan.recipe.lr) == (8, 0.02)
    assert any("rung 1 of 2 would get" in text for text in notes.texts)


def test_a_damaged_checkpoint_is_told_in_one_line(bundle, tmp_path):
    for content in (b"", b"PK\x03\x04 rubbish", b"\x80\x04."):
        (tmp_path / "resume.pt").write_bytes(content)
        with pytest.raises(UserError, match=r"resume\.pt.*start anew") as told:
            run(bundle, tmp_path, resume=True)
        assert "\n" not in str(told.value)


def test_a_checkpoint_of_another_recipe_is_refused(bundle, tmp_path):
    torch.save({"recipe": "{}", "seed": 3}, tmp_path / "resume.pt")
    with pytest.raises(UserError, match="another recipe"):
        run(bundle, tmp_path, resume=True)


def test_a_checkpoint_of_other_data_is_refused(bundle, tmp_path):
    recipe = parse_recipe(FAST, "test").model_dump_json()
    other = {**bundle_identity(bundle), "bundle": "prepared anew, with other folds"}
    torch.save({"recipe": recipe, "seed": 3, "bundle": other}, tmp_path / "resume.pt")
    with pytest.raises(UserError, match="another bundle;"):
        run(bundle, tmp_path, resume=True)


def test_a_resumed_run_stays_on_its_rung(bundle, tmp_path):
    ladder = [{"min_epochs": 0, "lr": 0.02}, {"min_epochs": 0, "lr": 0.03}]
    second = with_changes(parse_recipe({**FAST, "ladder": ladder}, "test"), {"lr": 0.03, "ladder": []}, "test")
    saved = {"recipe": second.model_dump_json(), "seed": 3, "bundle": bundle_identity(bundle)}
    torch.save(saved, tmp_path / "resume.pt")
    with pytest.raises(UserError, match="does not fit this model"):  # it is of the right recipe, only empty
        run(bundle, tmp_path, resume=True, ladder=ladder)


def test_the_summary_is_printed_to_its_second_level(bundle, tmp_path):
    notes = Notes()
    run(bundle, tmp_path, epochs=1, reporter=notes)
    printed = next(text for text in notes.texts if "Total params" in text)
    assert "Conv2d" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_a_clock_that_ran_out_while_speeds_were_measured_ends_without_training(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("baselines.kit.plan._SMALLEST_BUDGET", -math.inf)  # it measures although the time is up
    outcome = run(bundle, tmp_path, budget=1e-3)
    assert outcome.fit.steps == 0
    assert not json.loads((tmp_path / "run.json").read_text())["diverged"]
