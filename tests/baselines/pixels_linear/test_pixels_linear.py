import json
import time

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from baselines.pixels_linear.model import fit_in_rounds, predict_probabilities, shrink, standardise
from tests.baselines.glyphs import accuracy_on_test, kernel_process, read_submission

KERNEL = "baselines.pixels_linear"


@pytest.mark.parametrize("shape", [(5, 12, 12), (5, 12, 12, 3)])
def test_shrinking_takes_the_mean_of_blocks(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    small = shrink(images, 4)
    by_hand = images[2, 3:6, 6:9].reshape(9, -1).mean(0) / 255
    channels = 1 if len(shape) == 3 else 3
    assert small.shape == (5, 16 * channels)
    assert small[2].reshape(4, 4, channels)[1, 2] == pytest.approx(by_hand, abs=1e-6)


def test_a_side_that_is_no_multiple_loses_its_margin_and_a_small_image_stays():
    assert shrink(np.zeros((2, 28, 28), np.uint8), 18).shape == (2, 28 * 28)
    assert shrink(np.zeros((2, 50, 37), np.uint8), 18).shape == (2, 25 * 18)


def test_all_parts_get_the_training_parts_mean_and_deviation():
    random = np.random.default_rng(0)
    train, test = random.random((50, 4), dtype=np.float32), random.random((9, 4), dtype=np.float32)
    scaled = standardise(train, test)
    assert scaled[0].mean(0) == pytest.approx(np.zeros(4), abs=1e-6)
    assert scaled[1] == pytest.approx((test - train.mean(0)) / train.std(), rel=1e-5)


def test_rounds_arrive_where_scikit_learn_arrives_at_once():
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, 5)).astype(np.float32)
    labels = (rows @ random.normal(size=(5, 3))).argmax(1)
    data = (rows[:200], labels[:200]), (rows[200:], labels[200:])
    kept = []

    def keep(model):
        kept.append(model.predict_proba(rows))

    rounds = fit_in_rounds(*data, 1, 0.1, 400, lambda seconds: True, lambda round: None, keep)
    whole = LogisticRegression(C=0.1, max_iter=1000).fit(*data[0])
    assert rounds[-1].validation_accuracy == pytest.approx(whole.score(*data[1]), abs=0.02)
    assert np.abs(kept[-1] - whole.predict_proba(rows)).max() < 0.05
    accuracies = [round.validation_accuracy for round in rounds]
    assert len(kept) == sum(value > max(accuracies[:at], default=-1) for at, value in enumerate(accuracies))


def test_no_time_is_no_round():
    rows, labels = np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1])
    kept = []
    rounds = fit_in_rounds(
        (rows, labels), (rows, labels), 1, 1.0, 100, lambda seconds: False, lambda round: None, kept.append
    )
    assert rounds == kept == []


def test_a_class_without_images_gets_no_probability():
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model = LogisticRegression().fit(rows, [0, 2] * 10)
    assert predict_probabilities(model, rows, 4)[:, [1, 3]].sum() == 0


def test_the_kernel_beats_guessing_and_leaves_its_record(glyphs, tmp_path):
    done = kernel_process(KERNEL, "--data", str(glyphs), "--out", str(tmp_path), "--budget", "30s")
    assert done.returncode == 0, done.stderr
    assert accuracy_on_test(glyphs, tmp_path) > 0.4
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["validation_accuracy"] > 0.4
    assert record["rounds"]


def test_the_same_seed_gives_the_same_bytes(glyphs, tmp_path):
    for name in "ab":
        kernel_process(KERNEL, "--data", str(glyphs), "--out", str(tmp_path / name), "--budget", "30s")
    assert (tmp_path / "a" / "submission.csv").read_bytes() == (tmp_path / "b" / "submission.csv").read_bytes()


def test_a_budget_of_a_second_still_leaves_a_valid_csv(glyphs, tmp_path):
    start = time.time()
    done = kernel_process(KERNEL, "--data", str(glyphs), "--out", str(tmp_path), "--budget", "1s")
    assert done.returncode == 0, done.stderr
    assert time.time() - start < 20
    assert len(read_submission(tmp_path)) == 60


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--image-px", "0"], "whole number"),
        (["--iterations", "0"], "whole number"),
        (["--strength", "nan"], "above 0"),
    ],
)
def test_wrong_options_are_told_before_anything_is_cleared(arguments, told, glyphs, tmp_path):
    (tmp_path / "submission.csv").write_text("of the last run")
    done = kernel_process(KERNEL, "--data", str(glyphs), "--out", str(tmp_path), *arguments)
    assert (done.returncode, told in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
    assert (tmp_path / "submission.csv").read_text() == "of the last run"
