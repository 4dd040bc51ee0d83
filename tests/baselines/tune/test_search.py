"""Whole searches as a person starts them: what they find, that they keep their budget and outlive a kill."""

import csv
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import psutil
import pytest

from baselines.kit.recipe import load_recipe
from baselines.tune import worker
from baselines.tune.__main__ import _kernel_recipe_space, command_line
from baselines.tune.kernels import find_kernel
from baselines.tune.messages import Setup, Task
from baselines.tune.options import identity
from baselines.tune.search import Limits, Search
from baselines.tune.sole_use import sole_use
from baselines.tune.space import load_space
from baselines.tune.study import open_study
from competition.bundle import open_bundle
from competition.errors import UserError
from tests.baselines.glyphs import ROOT, kernel_process, read_submission, write_bundle
from tests.baselines.tune.folders import write_waiting_kernel
from tests.baselines.tune.small import BAD_RATE, KERNEL, options, recipe, space_file


def rows(out):
    with (out / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def command(glyphs, folder, *more):
    space = space_file(folder)
    return options("--data", str(glyphs), "--out", str(folder / "out"), "--space", str(space), *more)


@pytest.mark.slow
def test_a_search_finds_a_better_rate_than_a_bad_default_within_its_budget(glyphs, tmp_path):
    began = time.monotonic()
    done = kernel_process(
        "baselines.tune", *command(glyphs, tmp_path, "--trials", "6", "--budget", "60s", "--parallel", "2")
    )
    assert time.monotonic() - began < 75  # how soon a run ends is measured in bench
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    trials = rows(out)
    own = next(trial for trial in trials if float(trial["lr"]) == BAD_RATE)
    best = load_recipe(find_kernel(KERNEL).recipes, str(out / "best_recipe.yaml"))
    found = max(float(trial["validation_accuracy"]) for trial in trials if trial["state"] == "finished")
    assert len(trials) == 6
    assert best.lr > 100 * BAD_RATE
    assert found > float(own["validation_accuracy"]) + 0.2
    assert f"{100 * found:.2f} %" in best.about
    assert best.model == recipe().model
    assert list(read_submission(out)) == open_bundle(glyphs).test_ids
    assert (out / "search.png").read_bytes().startswith(b"\x89PNG")
    assert f"{100 * found:.2f} %" in (out / "summary.md").read_text()
    assert len(list(out.glob("trials/*/model.pt"))) == 1


@pytest.mark.slow
def test_a_killed_search_leaves_no_process_behind_and_goes_on_without_losing_a_trial(glyphs, tmp_path):
    arguments = command(glyphs, tmp_path, "--budget", "60s")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "baselines.tune", *arguments, "--trials", "12"],
        cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    told = []  # number, state and accuracy of every trial that ended
    while sum(state == "finished" for _, state, _ in told) < 2:
        line = process.stderr.readline()
        assert line, "the search ended early"
        told += re.findall(r"trial (\d+) (\w+)(?: ([\d.]+) %)?", line)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert children
    assert not psutil.wait_procs(children, timeout=5)[1]
    wanted = ["--trials", str(len(told) + 1)]
    refused = kernel_process("baselines.tune", *arguments, *wanted)
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    done = kernel_process("baselines.tune", *arguments, *wanted, "--resume")
    assert done.returncode == 0, done.stderr
    kept = {trial["trial"]: trial for trial in rows(tmp_path / "out")}
    for number, state, accuracy in told:
        assert kept[number]["state"] == state
        assert not accuracy or 100 * float(kept[number]["validation_accuracy"]) == pytest.approx(
            float(accuracy), abs=0.01
        )
    assert sum(trial["state"] != "interrupted" for trial in kept.values()) == len(told) + 1


def test_too_many_trials_for_the_budget_are_told_with_a_number_that_fits(glyphs, tmp_path):
    done = kernel_process("baselines.tune", *command(glyphs, tmp_path, "--trials", "5000", "--budget", "40s"))
    assert done.returncode == 2
    assert "at most --trials" in done.stderr
    assert "Traceback" not in done.stderr


class Judge(threading.Thread):
    """Answers a worker's evaluations in this process, as the search does in another."""

    def __init__(self, connection, answer):
        super().__init__(daemon=True)
        self.connection, self.answer, self.heard = connection, answer, []

    def run(self):
        while self.connection.poll(30):
            try:
                message = self.connection.recv()
            except EOFError:
                return
            self.heard.append(message)
            self.connection.send(self.answer(message))


def run_here(glyphs, out, settings, answer, number=0):
    ours, theirs = multiprocessing.Pipe()
    judge = Judge(ours, answer)
    judge.start()
    setup = Setup(KERNEL, recipe().model_dump(), glyphs, "cpu", 1, 3, 0)
    bench = worker._Bench(find_kernel(KERNEL), recipe(), open_bundle(glyphs), setup, theirs)
    ended = worker._run(bench, Task(number, settings, 30.0, out))
    theirs.close()
    judge.join()
    return ended, judge.heard


def test_a_pruned_trial_stops_at_once_and_leaves_nothing(glyphs, tmp_path):
    ended, heard = run_here(glyphs, tmp_path / "trial", {"lr": 1e-6}, lambda message: message.tenth >= 5)
    assert ended.state == "pruned"
    assert [message.tenth for message in heard] == [2, 5]
    assert not (tmp_path / "trial").exists()


@pytest.mark.parametrize(("settings", "told"), [
    ({"model.widths": [8, -1]}, "model.widths = [8, -1]"),
    ({"model.pool_after": [1, 2, 3], "model.depth": 3}, "depth"),
])  # fmt: skip
def test_an_impossible_combination_fails_alone_with_its_reason(glyphs, tmp_path, settings, told):
    ended, _ = run_here(glyphs, tmp_path / "trial", settings, lambda message: False)
    assert ended.state == "failed"
    assert told in ended.facts["reason"]


def test_the_same_seed_gives_the_same_search(glyphs, tmp_path):
    def search(folder):
        folder.mkdir()
        study = open_study(folder, load_space(space_file(tmp_path), recipe()), {}, 5, 4, False)
        for _ in range(2):
            number, settings = study.suggest()
            study.close(run_here(glyphs, folder / str(number), settings, study.judge, number)[0])
        return [(record.state, record.accuracy, record.settings) for record in study.records()]

    first, second = search(tmp_path / "a"), search(tmp_path / "b")
    assert first == second
    assert len({accuracy for _, accuracy, _ in first}) > 1


def test_a_bad_space_is_told_before_anything_is_written(glyphs, tmp_path):
    arguments = command(glyphs, tmp_path)
    space_file(tmp_path, "lrr: {low: 0.1, high: 1}\n")
    done = kernel_process("baselines.tune", *arguments)
    assert done.returncode == 2
    assert "did you mean lr?" in done.stderr
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError):
        load_space(tmp_path / "space.yaml", recipe())


def test_what_runs_at_the_end_of_the_time_is_interrupted_and_what_finished_is_kept(glyphs, tmp_path):
    folder = write_waiting_kernel(tmp_path, patient=0.01)
    kernel, out = find_kernel(str(folder)), tmp_path / "out"
    own = load_recipe(kernel.recipes, "reference")
    out.mkdir()
    study = open_study(out, load_space(space_file(tmp_path), own), {}, 5, 2, False)
    saved = []

    def tell(text):
        if "trial 0 finished" in text:
            assert [record.number for record in saved[-1]] == [0]
            search.limits = replace(search.limits, end=time.monotonic() + 0.3)

    setup = Setup(str(folder), own.model_dump(), glyphs, "cpu", 1, 3, 0)
    limits = Limits(2, 2, time.monotonic() + 90)
    search = Search(study, setup, own, limits, out, tell, lambda: saved.append(study.records()))
    assert [(record.state, record.is_recipe) for record in search.run()] == [("finished", True), ("interrupted", False)]
    assert list(read_submission(out)) == open_bundle(glyphs).test_ids


def test_a_search_in_which_nothing_finished_is_no_success(glyphs, tmp_path):
    folder = write_waiting_kernel(tmp_path, patient=None)
    out = tmp_path / "out"
    done = kernel_process(
        "baselines.tune", str(folder), "--data", str(glyphs), "--out", str(out), "--trials", "1", "--budget", "7s"
    )
    assert done.returncode == 2
    assert "give a longer --budget" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(read_submission(out)) == open_bundle(glyphs).test_ids


def begun(glyphs, folder, *more):
    """A search with a study and a submission but no trial; returns its arguments and the submission's bytes."""
    arguments = command(glyphs, folder, "--budget", "60s", *more)
    given = command_line().parse_args(arguments)
    kernel, own, space = _kernel_recipe_space(given)
    given.out.mkdir()
    known = identity(kernel, own, open_bundle(glyphs), given)
    open_study(given.out, space, known, given.seed, given.trials, False).trial_seconds = 300.0
    (given.out / "submission.csv").write_text("id,label\nof an earlier search\n")
    return arguments, given.out / "submission.csv"


def test_a_refused_search_leaves_the_earlier_submission(tmp_path):
    glyphs = write_bundle(tmp_path, train=4, validation=2, test=2)
    arguments, submission = begun(glyphs, tmp_path)
    before = submission.read_bytes()
    for more, told in [(["--seed", "9", "--resume"], "another seed"), ([], "--resume")]:
        done = kernel_process("baselines.tune", *arguments, *more)
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr
        assert submission.read_bytes() == before
    with sole_use(submission.parent):
        done = kernel_process("baselines.tune", *arguments, "--resume")
    assert (done.returncode, "another process" in done.stderr) == (2, True), done.stderr
    assert submission.read_bytes() == before
    manifest = glyphs / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"seed": 42', '"seed": 43'))
    done = kernel_process("baselines.tune", *arguments, "--resume")
    assert (done.returncode, "another bundle" in done.stderr) == (2, True), done.stderr
    assert submission.read_bytes() == before


def test_a_budget_too_short_for_one_trial_of_a_resumed_search_is_told(glyphs, tmp_path):
    arguments, _ = begun(glyphs, tmp_path)
    done = kernel_process("baselines.tune", *arguments, "--resume")
    assert done.returncode == 2
    assert "one of this search has 5 min 00 s" in done.stderr


FIRST_TRIAL = """
import sys
from multiprocessing import Pipe
from pathlib import Path
from baselines.tune import worker
from baselines.tune.messages import Setup, Task
from tests.baselines.tune.small import KERNEL, recipe
from tests.baselines.tune.test_search import Judge

data, out = map(Path, sys.argv[1:])
ours, theirs = Pipe()
bench = worker._set_up(theirs, Setup(KERNEL, recipe().model_dump(), data, "cpu", 1, 3, 0))
Judge(ours, lambda message: False).start()
before = {name.partition(".")[0] for name in sys.modules}
assert worker._run(bench, Task(0, {}, 30.0, out)).state == "finished"
print(*sorted({name.partition(".")[0] for name in sys.modules} - before))
"""


def test_the_first_trial_pays_for_no_import_of_a_library(glyphs, tmp_path):
    process = [sys.executable, "-c", FIRST_TRIAL, str(glyphs), str(tmp_path / "out")]
    done = subprocess.run(process, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert not {"timm", "matplotlib", "torchinfo", "torchvision"} & set(done.stdout.split())
