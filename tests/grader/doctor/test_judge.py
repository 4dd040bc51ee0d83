"""The judge's self-test: what it must score is counted by hand, and a judge that scores otherwise is found out."""

import csv
import json
import math
from pathlib import Path

import pytest
from sklearn import metrics as theirs

from competition.catalog import find
from competition.prepare import prepare
from grader.doctor.by_hand import BY_HAND
from grader.doctor.judge import judged
from tests.competition.conftest import write_competition
from tests.grader.conftest import LABELS, Course


def levels(course: Course) -> dict[str, str]:
    return {finding.code: finding.level for finding in judged(course.home, course.bundle, "shapes")}


def test_a_sound_competition_is_judged_right(course: Course):
    assert levels(course) == {"sample": "ok", "perfect": "ok", "constant": "ok"}


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc", "f1", "matthews", "top_k_accuracy", "balanced_accuracy"])
def test_every_kind_of_metric_is_tried(course: Course, metric: str):
    course.respec(metric=metric)
    found = levels(course)
    assert (found["sample"], found["perfect"]) == ("ok", "ok")
    assert found["constant"] == ("ok" if metric in BY_HAND else "note")


def test_a_solution_that_was_edited_is_still_judged_by_counting(course: Course):
    """Labels may change, the count by hand changes with them."""
    text = course.solution.read_text().replace(",circle,", ",cross,")
    course.solution.write_text(text)
    course.solution.chmod(0o600)
    assert levels(course)["constant"] == "ok"


def test_a_judge_that_scores_wrong_is_found(course: Course, monkeypatch: pytest.MonkeyPatch):
    from grader.metrics import classification

    monkeypatch.setattr(classification, "accuracy_score", lambda truth, prediction: 0.99 * (truth == prediction).mean())
    assert levels(course) == {"sample": "ok", "perfect": "fault", "constant": "fault"}


def test_a_sample_that_is_refused_is_a_fault(course: Course):
    with (course.bundle / "sample_submission.csv").open("a") as file:
        file.write("x,circle\n")
    assert levels(course)["sample"] == "fault"


def test_a_judge_that_cannot_be_opened_is_a_fault(course: Course):
    course.solution.write_text("id,label\n")
    course.solution.chmod(0o600)
    assert levels(course) == {"judge": "fault"}


def test_a_custom_metric_is_tried_and_not_counted(course: Course):
    (course.folder / "metric.py").write_text(
        "def score(solution, submission, row_id_column_name):\n"
        "    return float((solution['label'] == submission['label']).mean())\n"
    )
    course.respec(metric={"file": "metric.py", "options": {"direction": "higher"}})
    found = levels(course)
    assert (found["perfect"], found["constant"]) == ("ok", "note")


def test_regressions_are_counted(tmp_path: Path):
    folder = tmp_path / "prices"
    folder.mkdir()
    (folder / "t.csv").write_text("a,price\n" + "".join(f"{n % 7},{n * 1.5}\n" for n in range(60)))
    spec = {"task": "regression", "metric": "rmse", "labels": None, "image": None, "target_column": "price"}
    extra = ["mae", "mse", "r2"]
    source = {"kind": "table", "path": "t.csv", "label_column": "price"}
    write_competition(folder, **spec, extra_metrics=extra, source=source)
    prepare(find(f"{folder}/"), tmp_path / "data", tmp_path / "home")
    found = {finding.code: finding for finding in judged(tmp_path / "home", tmp_path / "data" / "prices", "prices")}
    assert {code: finding.level for code, finding in found.items()} == {
        "sample": "ok",
        "perfect": "ok",
        "constant": "ok",
    }
    assert found["constant"].message.startswith("16 scores")  # two constants, two splits, four metrics


TRUTH = ["circle"] * 5 + ["cross"] * 3 + ["square"]
VALUES = ["1.5", "-2", "7.25", "0"]


@pytest.mark.parametrize("answer", LABELS)
def test_counts_of_labels_are_those_of_scikit_learn(answer: str):
    said = [answer] * len(TRUTH)
    assert BY_HAND["accuracy"](TRUTH, answer, LABELS) == theirs.accuracy_score(TRUTH, said)
    assert BY_HAND["balanced_accuracy"](TRUTH, answer, LABELS) == pytest.approx(
        theirs.balanced_accuracy_score(TRUTH, said)
    )
    assert BY_HAND["f1"](TRUTH, answer, LABELS) == pytest.approx(
        theirs.f1_score(TRUTH, said, average="macro", zero_division=0)
    )


@pytest.mark.parametrize("answer", ["1.5", "3"])
def test_counts_of_values_are_those_of_scikit_learn(answer: str):
    truth, said = [float(value) for value in VALUES], [float(answer)] * len(VALUES)
    assert BY_HAND["mse"](VALUES, answer, ()) == pytest.approx(theirs.mean_squared_error(truth, said))
    assert BY_HAND["rmse"](VALUES, answer, ()) == pytest.approx(math.sqrt(theirs.mean_squared_error(truth, said)))
    assert BY_HAND["mae"](VALUES, answer, ()) == pytest.approx(theirs.mean_absolute_error(truth, said))
    assert BY_HAND["r2"](VALUES, answer, ()) == pytest.approx(theirs.r2_score(truth, said))


def test_uniform_probabilities_cost_the_logarithm_of_the_classes():
    assert BY_HAND["log_loss"](TRUTH, "", LABELS) == pytest.approx(
        theirs.log_loss(TRUTH, [[1 / 3] * 3] * len(TRUTH), labels=LABELS)
    )


def test_no_message_tells_a_label(course: Course):
    with course.solution.open(newline="") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    text = json.dumps([finding.to_json() for finding in judged(course.home, course.bundle, "shapes")])
    assert not any(label in text for label in LABELS)
    assert not any(item in text for item in ids)
