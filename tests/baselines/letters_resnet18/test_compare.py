"""Adam against SGD on a tiny bundle: the table of both, where SGD goes on from, and wrong use."""

import argparse
import csv
import json
import shutil
from pathlib import Path

import pytest
import torch

from baselines.kit.budget import Clock
from baselines.kit.history import Row
from baselines.letters_resnet18 import compare
from competition.bundle import open_bundle
from competition.errors import UserError
from tests.baselines.glyphs import ROOT, accuracy_on_test, kernel_process, read_submission
from tests.baselines.notebooks import run_notebook

TINY = ["model.widths=[8,16]", "model.blocks=[1,1]", "epochs=12", "batch=16", "precision=fp32", "ladder=[]"]


@pytest.fixture(scope="module")
def compared(glyphs, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("compare")
    torch.set_num_threads(1)
    options = argparse.Namespace(out=out, epochs=2, seed=3, device="cpu", threads=1, weights="none")
    compare.compare(options, open_bundle(glyphs), Clock.starting_now(900))
    return out


def losses(out: Path, name: str) -> list[float]:
    with (out / name / "history.csv").open(newline="", encoding="utf-8") as file:
        return [float(row["validation_loss"]) for row in csv.DictReader(file)]


def test_the_table_has_a_row_an_epoch_with_the_losses_of_each_run(compared):
    lines = (compared / "compare.md").read_text().splitlines()
    assert len(lines) == 2 + 2
    for epoch, line in enumerate(lines[2:]):
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        assert cells[0] == str(epoch + 1)
        for column, name in ((2, "adam"), (4, "sgd"), (6, "sgd_after_adam")):
            assert cells[column] == f"{losses(compared, name)[epoch]:.3f}"
    assert "1.613" in lines[2] and "0.188" in lines[2]


def test_all_runs_of_a_comparison_were_trained_in_the_precision_of_the_first(compared):
    records = [json.loads((compared / name / "run.json").read_text()) for name in ("adam", "sgd", "sgd_after_adam")]
    assert len({record["precision"] for record in records}) == 1
    assert [record["recipe"]["precision"] for record in records] == ["auto", *[records[0]["precision"]] * 2]


def test_sgd_after_adam_begins_with_the_state_that_adams_run_kept(compared):
    """One epoch of SGD at 1e-3 changes little, so its weights lie near Adam's and far from the first ones."""
    adam, sgd, after = (
        torch.load(compared / name / "model.pt", weights_only=True)["layer1.0.conv1.weight"]
        for name in ("adam", "sgd", "sgd_after_adam")
    )
    assert (after - adam).norm() < 0.1 * (sgd - adam).norm()


def test_the_submission_is_that_of_the_lowest_validation_loss(compared):
    best = min(("adam", "sgd", "sgd_after_adam"), key=lambda name: min(losses(compared, name)))
    assert (compared / "submission.csv").read_bytes() == (compared / best / "submission.csv").read_bytes()


def test_what_an_earlier_start_left_is_no_part_of_a_comparison(glyphs, compared, tmp_path):
    """The time suffices for no evaluation, so Adam keeps no state that SGD could go on from."""
    out = tmp_path / "out"
    shutil.copytree(compared, out)
    options = argparse.Namespace(out=out, epochs=2, seed=3, device="cpu", threads=1, weights="none")
    compare.compare(options, open_bundle(glyphs), Clock.starting_now(0.1))
    assert not list(out.glob("*/model.pt"))
    assert json.loads((out / "sgd_after_adam" / "run.json").read_text())["recipe"]["model"]["weights"] == "none"


def test_another_comparison_is_refused_and_leaves_what_lies_there(glyphs, compared):
    before = {path: path.read_bytes() for path in compared.rglob("*") if path.is_file()}
    arguments = ["--data", str(glyphs), "--out", str(compared), "--epochs", "2", "--weights", "none", "--seed", "4"]
    assert compare.main(arguments) == 2
    assert {path: path.read_bytes() for path in compared.rglob("*") if path.is_file()} == before
    options = argparse.Namespace(out=compared, epochs=3, seed=3, device="cpu", threads=1, weights="none")
    with pytest.raises(UserError, match=r"holds another comparison.*choose another --out"):
        compare.compare(options, open_bundle(glyphs), Clock.starting_now(900))


def a_row(epoch: float, loss: float) -> Row:
    return Row(1, epoch, 1.0, 0.1, 0.5, 0.5, 0.5, 0.5, loss, 0.9, 0.0, 100.0)


def test_a_run_that_a_budget_cut_short_leaves_dashes():
    histories = {"adam": [a_row(1, 0.4), a_row(2, 0.3)], "sgd": [a_row(0.5, 0.6)], "sgd_after_adam": []}
    lines = compare.table(histories).splitlines()[2:]
    assert lines[0] == "| 0.5 | – | – | 0.500 | **0.600** | – | – |  |  |"
    assert lines[1] == "| 1 | 0.500 | 0.400 | – | – | – | – | 1.613 | 0.188 |"
    assert lines[2] == "| 2 | 0.500 | **0.300** | – | – | – | – |  |  |"


@pytest.mark.parametrize("module", ["baselines.letters_resnet18", "baselines.letters_resnet18.compare"])
def test_without_weights_the_run_says_how_to_get_them_and_leaves_a_valid_csv(module, glyphs, tmp_path):
    out = tmp_path / "out"
    done = kernel_process(module, "--data", str(glyphs), "--out", str(out), "--budget", "60s", TORCH_HOME=str(tmp_path))
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and "resnet18-f37072fd.pth" in last and "--weights none" in last
    assert "Traceback" not in done.stderr
    assert len(read_submission(out)) == 60


def test_the_strong_recipe_learns_the_letters(glyphs, tmp_path):
    chosen = [part for setting in TINY for part in ("--set", setting)]
    done = kernel_process(
        "baselines.letters_resnet18", "--data", str(glyphs), "--out", str(tmp_path), "--budget", "60s",
        "--recipe", "strong", *chosen,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert accuracy_on_test(glyphs, tmp_path) > 0.8


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(glyphs, tmp_path):
    out = tmp_path / "out"
    notebook = ROOT / "baselines" / "letters_resnet18" / "kernel.ipynb"
    run_notebook(notebook, tmp_path, data=str(glyphs), out=str(out), budget="60s", recipe="strong", settings=TINY)
    assert accuracy_on_test(glyphs, out) > 0.7
