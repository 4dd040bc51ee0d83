"""The grid of 18 runs on a tiny bundle: table, plot, going on after a stop, and the submission it hands in."""

import argparse
import csv
import dataclasses
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from baselines.fashion_cnn import grid
from baselines.fashion_cnn.__main__ import KERNEL
from baselines.fashion_cnn.cells import CELLS
from baselines.fashion_cnn.results import CellResult, markdown, read_result
from baselines.kit.budget import Clock
from baselines.kit.history import Row
from baselines.kit.recipe import load_recipe
from competition.bundle import open_bundle
from competition.errors import UserError
from tests.baselines.glyphs import ROOT, accuracy_on_test, kernel_process, read_submission, write_bundle
from tests.baselines.notebooks import run_notebook
from tests.baselines.runs import run


def options(out: Path, epochs: float = 2, seed: int = 3) -> argparse.Namespace:
    out.mkdir(exist_ok=True)
    return argparse.Namespace(out=out, epochs=epochs, seed=seed, device="cpu", threads=1)


def run_grid(bundle: Path, out: Path, budget: float = 900.0, **changes: float) -> None:
    grid.run_grid(options(out, **changes), open_bundle(bundle), Clock.starting_now(budget))


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "grid.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def moments(out: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("cells/*/run.json")}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("small"), px=16, train=24, validation=8, test=6)


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("grid")
    torch.set_num_threads(1)
    run_grid(small, out)
    return out


def test_the_table_has_18_rows_with_the_figures_of_their_runs(whole):
    rows = rows_of(whole)
    assert [(row["model"], row["loss"], row["optimizer"]) for row in rows] == [
        (cell.model, cell.loss, cell.optimizer) for cell in CELLS
    ]
    for cell, row in zip(CELLS, rows, strict=True):
        history = list(csv.DictReader((whole / "cells" / cell.name / "history.csv").open()))
        assert float(row["train_loss"]) == pytest.approx(float(history[-1]["train_loss"]), rel=1e-5)
        assert float(row["validation_loss"]) == pytest.approx(float(history[-1]["validation_loss"]), rel=1e-5)
        assert float(row["epochs"]) == 2
        recipe = json.loads((whole / "cells" / cell.name / "run.json").read_text())["recipe"]
        assert (recipe["model"]["net"], recipe["loss"], recipe["optimizer"]) == (cell.model, cell.loss, cell.optimizer)
    assert (whole / "grid.md").read_text().count("\n") == 2 + 18


def test_losses_are_given_after_whole_epochs_however_few(bundle, tmp_path):
    reference = load_recipe(KERNEL.recipes, "reference")
    outcome = run(bundle, tmp_path, epochs=2.5, evaluations=reference.evaluations)
    assert [row.epoch for row in outcome.fit.rows] == [1, 2, 2.5]


def test_all_cells_were_trained_in_the_precision_of_the_first(whole):
    precisions = [row["precision"] for row in rows_of(whole)]
    assert precisions == [json.loads((whole / "cells" / CELLS[0].name / "run.json").read_text())["precision"]] * 18


def test_the_submission_is_that_of_the_best_cell(whole):
    best = max(rows_of(whole), key=lambda row: float(row["validation_accuracy"]))
    name = f"{best['model']}-{best['loss']}-{best['optimizer']}"
    assert (whole / "submission.csv").read_bytes() == (whole / "cells" / name / "submission.csv").read_bytes()


def test_the_plot_is_a_picture_of_its_size(whole):
    with Image.open(whole / "grid.png") as picture:
        assert picture.size == (1440, 840)
        assert len(picture.convert("RGB").getcolors(10**6)) > 100


def test_a_grid_that_is_complete_trains_nothing_again(whole, small):
    before = moments(whole)
    run_grid(small, whole)
    assert moments(whole) == before


def test_a_lost_or_damaged_cell_is_run_again_and_no_other(whole, small):
    before, table = moments(whole), (whole / "grid.md").read_text()
    (whole / "cells" / CELLS[3].name / "run.json").write_text('{"seconds": []}')
    (whole / "cells" / CELLS[5].name / "history.csv").unlink()
    run_grid(small, whole)
    again = {name for name, moment in moments(whole).items() if moment != before[name]}
    assert again == {CELLS[3].name, CELLS[5].name}
    assert (whole / "grid.md").read_text() == table  # the same seed, the same figures


def test_another_grid_is_not_mixed_into_the_folder(whole, small):
    with pytest.raises(UserError, match="choose another --out"):
        run_grid(small, whole, epochs=3)
    with pytest.raises(UserError, match="choose another --out"):
        run_grid(small, whole, seed=4)


def test_a_grid_that_is_refused_leaves_what_lies_there(whole, small):
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert grid.main(["--data", str(small), "--out", str(whole), "--epochs", "2", "--seed", "4"]) == 2
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("epochs", "steps"), [(0.333, 281), (0.333, 280), (2.5, 2110), (1e-6, 1)])
def test_a_part_of_an_epoch_is_complete_when_its_whole_steps_are_made(epochs, steps):
    row = dataclasses.replace(a_row(0.25, 0.9), step=steps, epoch=float(f"{steps / 844:.6g}"))
    result = CellResult(CELLS[0], [row], 0.1, "fp32", steps / 844, 1.0, "the budget is used up", False)
    assert result.has_trained(epochs) == (steps != 280)


def test_a_budget_that_is_too_short_leaves_cells_for_the_next_call(small, tmp_path):
    short = kernel_process(
        "baselines.fashion_cnn.grid", "--data", str(small), "--out", str(tmp_path), "--budget", "12s",
        "--epochs", "100000",
    )  # fmt: skip
    assert short.returncode == 0, short.stderr
    assert "give a longer --budget" in short.stderr
    assert len(read_submission(tmp_path)) == 24
    assert "Traceback" not in short.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--epochs", "0"], "above 0"),
        (["--epochs", "inf"], "above 0"),
        (["--data", "nowhere"], "nowhere"),
        ([], "no data"),
    ],
)
def test_wrong_use_is_told_in_one_line(arguments, told, small, tmp_path):
    given = ["--data", str(small)] if "--epochs" in arguments else []
    done = kernel_process("baselines.fashion_cnn.grid", *given, "--out", str(tmp_path), *arguments)
    assert done.returncode in (1, 2)
    assert told in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def a_row(loss: float, accuracy: float) -> Row:
    return Row(10, 10.0, 1.0, 0.1, loss, 0.5, loss, 0.5, loss + 1, accuracy, 0.0, 100.0)


def test_the_table_shows_what_was_not_run_and_what_diverged():
    results = {
        CELLS[0]: CellResult(CELLS[0], [a_row(0.25, 0.9)], 0.1, "fp32", 10, 1.0, "all 10 epochs done", False),
        CELLS[1]: CellResult(CELLS[1], [], 0.1, "fp32", 0.3, 1.0, "the loss became nan at step 3", True),
    }
    lines = markdown(results).splitlines()[2:]
    assert lines[0] == "| Model 1 | CrossEntropy | Adam | 10.0 | 0.2500 | 0.2729 | 1.2500 | **90.00 %** |"
    assert lines[1] == "| Model 1 | CrossEntropy | SGD | 0.3 | diverged | 0.2451 | – | – |"
    assert lines[2] == "| Model 1 | CrossEntropy | RMSprop | – | – | 0.2298 | – | – |"


def test_a_folder_without_a_run_has_no_result(tmp_path):
    assert read_result(tmp_path, CELLS[0]) is None


def test_the_strong_recipe_learns_the_letters(glyphs, tmp_path):
    rung = "[{min_epochs: 0, model: {stem: 8, widths: [16, 32], convolutions: 1}}]"
    settings = [f"ladder={rung}", "batch=16", "epochs=8", "precision=fp32"]
    chosen = [part for setting in settings for part in ("--set", setting)]
    done = kernel_process(
        KERNEL.name, "--data", str(glyphs), "--out", str(tmp_path), "--budget", "60s", "--recipe", "strong", *chosen
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert accuracy_on_test(glyphs, tmp_path) > 0.8


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(glyphs, tmp_path):
    out = tmp_path / "out"
    settings = ["ladder=[]", "model.widths=[16,32]", "batch=16", "epochs=8", "precision=fp32"]
    notebook = ROOT / "baselines" / "fashion_cnn" / "kernel.ipynb"
    run_notebook(notebook, tmp_path, data=str(glyphs), out=str(out), budget="60s", settings=settings)
    assert accuracy_on_test(glyphs, out) > 0.7


def test_a_run_that_is_repeated_keeps_its_submission_until_it_is_done(small, tmp_path, monkeypatch):
    from baselines.kit import session

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    cell = tmp_path / "cells" / CELLS[0].name
    cell.mkdir(parents=True)
    (cell / "submission.csv").write_text("of the earlier run")
    monkeypatch.setattr(session, "train_and_predict", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_grid(small, tmp_path)
    assert (cell / "submission.csv").read_text() == "of the earlier run"
