"""Kernels as a participant starts them: in a process of their own, from a command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from baselines.kit.files import written_aside
from baselines.kit.kernel import guarded
from competition.errors import UserError
from tests.baselines.glyphs import ROOT, accuracy_on_test, kernel_process, read_submission, write_bundle

KERNEL = "baselines.fontchar_bottleneck"
SMALL = [
    "--recipe",
    "strong",
    "--set",
    "ladder=[]",
    "--set",
    "image_px=16",
    "--set",
    "batch=16",
    "--set",
    "precision=fp32",
]


def test_help_explains_itself_without_importing_torch():
    code = (
        "import sys, runpy\nsys.argv = ['x', '--help']\n"
        "try: runpy.run_module('baselines.fontchar_bottleneck', run_name='__main__')\n"
        "except SystemExit: print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "examples:" in done.stdout
    assert "--recipe NAME" in done.stdout
    assert done.stdout.rstrip().endswith("False False")


def test_no_kernel_imports_the_grader():
    code = (
        "import sys, baselines.kit.session, baselines.fontchar_bottleneck.__main__, baselines.pixels_linear.__main__\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'grader'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_runner_can_start_a_kernel_by_its_environment_alone(glyphs, tmp_path):
    done = kernel_process(
        KERNEL,
        *SMALL,
        "--set",
        "epochs=12",
        GRADER_BUNDLE=str(glyphs),
        GRADER_OUT=str(tmp_path),
        GRADER_BUDGET_SECONDS="60",
        GRADER_SEED="7",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run.json").read_text())["seed"] == 7
    assert "validation accuracy" in done.stdout
    assert accuracy_on_test(glyphs, tmp_path) > 0.8


@pytest.mark.parametrize("budget", [1, 5])
def test_a_budget_is_kept_with_a_valid_csv_however_short(glyphs, tmp_path, budget):
    start = time.time()
    done = kernel_process(
        KERNEL, *SMALL, "--set", "epochs=100000", "--data", str(glyphs), "--out", str(tmp_path),
        GRADER_DEADLINE=str(start + budget), GRADER_BUDGET_SECONDS=str(budget),
    )  # fmt: skip
    assert time.time() - start < budget + 10  # 100,000 epochs take longer; how soon it ends is measured in bench
    assert done.returncode == 0, done.stderr
    assert len(read_submission(tmp_path)) == 60


def test_a_killed_run_goes_on_where_it_stopped(glyphs, tmp_path):
    command = [sys.executable, "-m", KERNEL, *SMALL, "--data", str(glyphs), "--out", str(tmp_path), "--budget", "60s"]
    command += ["--set", "epochs=80"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    waited = time.monotonic()
    while not (tmp_path / "resume.pt").exists() and time.monotonic() - waited < 40:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(read_submission(tmp_path)) == 60  # the fallback
    again = kernel_process(KERNEL, *command[3:], "--resume")
    assert again.returncode == 0, again.stderr
    assert "resumed at step" in again.stderr
    assert not (tmp_path / "resume.pt").exists()
    assert accuracy_on_test(glyphs, tmp_path) > 0.8


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--data", "nowhere"], 1, "no bundle here"),
        ([], 2, "no data"),
        (["--data", "GLYPHS", "--budget", "soon"], 2, "no duration"),
        (["--data", "GLYPHS", "--recipe", "storng"], 2, "did you mean strong"),
        (["--data", "GLYPHS", "--set", "lerning_rate=1"], 2, "unknown key"),
        (["--data", "GLYPHS", "--out", "/dev/null/x"], 2, "cannot make the output folder"),
        (["--data", "GLYPHS", "--seed", "x"], 2, "is no seed"),
    ],
)
def test_wrong_use_gets_one_plain_line(glyphs, tmp_path, arguments, code, told):
    arguments = [str(glyphs) if part == "GLYPHS" else part for part in arguments]
    out = [] if "--out" in arguments else ["--out", str(tmp_path)]
    done = kernel_process(KERNEL, *arguments, *out)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].count("error:") == 1


def test_a_recipe_is_shown_with_its_settings_and_needs_no_data():
    done = kernel_process(KERNEL, "--show-recipe", "--set", "lr=0.5")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["lr"] == 0.5
    assert json.loads(done.stdout)["batch"] == 64


def test_a_runners_wrong_seed_is_told_and_not_replaced(glyphs, tmp_path):
    done = kernel_process(KERNEL, "--data", str(glyphs), "--out", str(tmp_path), GRADER_SEED="forty-two")
    assert done.returncode == 2
    assert "'forty-two' is no seed" in done.stderr


def test_a_cut_image_file_is_told_in_one_line(tmp_path):
    folder = write_bundle(tmp_path)
    whole = (folder / "train_images.npy").read_bytes()
    (folder / "train_images.npy").write_bytes(whole[: len(whole) // 2])
    done = kernel_process(KERNEL, "--data", str(folder), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "train_images.npy" in done.stderr


def test_the_reference_net_refuses_pictures_it_was_not_made_for(glyphs, tmp_path):
    done = kernel_process(
        KERNEL, "--data", str(glyphs), "--out", str(tmp_path), "--set", "image_px=16", "--budget", "20s"
    )
    assert done.returncode == 2
    assert "90x90" in done.stderr
    assert len(read_submission(tmp_path)) == 60


def test_files_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="stop"), written_aside(path) as aside:
        aside.write_text("half")
        raise ValueError("stop")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
    with pytest.raises(UserError, match="cannot be written"), written_aside(tmp_path / "no" / "file") as aside:
        aside.write_text("x")


def test_an_old_runs_figures_do_not_lie_beside_a_new_submission(glyphs, tmp_path):
    for name in ("run.json", "history.csv", "curves.png", "resume.pt", "mine.txt"):
        (tmp_path / name).write_text("old")
    kernel_process(KERNEL, *SMALL, "--data", str(glyphs), "--out", str(tmp_path), "--budget", "1s")
    assert {path.name for path in tmp_path.iterdir()} <= {"submission.csv", "mine.txt"}


def test_the_fallback_names_the_largest_class(tmp_path):
    folder = write_bundle(tmp_path / "b")
    from baselines.kit.fallback import write_fallback
    from competition.bundle import open_bundle

    bundle = open_bundle(folder)
    largest = bundle.rules.labels[int(np.bincount(bundle.train_labels).argmax())]
    write_fallback(tmp_path, bundle)
    assert set(read_submission(tmp_path).values()) == {largest}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--recipe", "storng"], "did you mean strong"),
        (["--set", "lern=1"], "unknown key 'lern'"),
        (["--set", "schedule.step_size=0"], "schedule"),
        (["--resume"], "no interrupted run to go on with"),
    ],
)
def test_wrong_use_leaves_the_results_of_the_last_run_alone(glyphs, tmp_path, wrong, told):
    for name in ("submission.csv", "run.json", "model.pt"):
        (tmp_path / name).write_text("of the last run")
    done = kernel_process(KERNEL, "--data", str(glyphs), "--out", str(tmp_path), *wrong)
    assert done.returncode == 2
    assert told in done.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ("submission.csv", "run.json", "model.pt"), "of the last run"
    )


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 5 bytes")])
def test_memory_that_runs_out_anywhere_is_one_line(capsys, error):
    def work():
        raise error

    assert guarded(work) == 2
    assert capsys.readouterr().err.startswith("error: memory ran out: ")


def test_any_other_error_of_a_kernel_is_its_authors_to_see():
    def work():
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        guarded(work)


@pytest.mark.slow
def test_a_deterministic_run_gives_the_same_bytes_on_a_busy_machine(glyphs, tmp_path):
    ladder = "ladder=[{min_epochs: 1000000}, {image_px: 8}]"
    settings = ("deterministic=true", "image_px=16", "batch=16", "epochs=1", ladder)
    command = ["--recipe", "strong", *(part for setting in settings for part in ("--set", setting)), "--budget", "110s"]
    command += ["--data", str(glyphs), "--probabilities", "--device", "cpu"]
    with contextlib.ExitStack() as others:
        for name in ("alone", "crowded"):
            done = kernel_process(KERNEL, *command, "--out", str(tmp_path / name), OMP_NUM_THREADS="")
            assert done.returncode == 0, done.stderr
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            others.callback(process.wait)
            others.callback(process.kill)
    alone, crowded = tmp_path / "alone", tmp_path / "crowded"
    assert (alone / "probabilities.csv").read_bytes() == (crowded / "probabilities.csv").read_bytes()
    assert (alone / "submission.csv").read_bytes() == (crowded / "submission.csv").read_bytes()
    records = [json.loads((folder / "run.json").read_text()) for folder in (alone, crowded)]
    assert [record["recipe"]["image_px"] for record in records] == [16, 16]  # the first rung, fast enough or not
    assert records[0]["threads"] == records[1]["threads"]
