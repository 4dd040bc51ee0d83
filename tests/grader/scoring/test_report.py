"""The instructor's report says where a submission is right and wrong, class by class."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from grader.scoring.record import hand_in
from grader.scoring.report import misleading_accuracy, write_report
from tests.grader.conftest import LABELS, Course


@pytest.fixture
def report(course: Course, tmp_path):
    def write(answers: dict[str, str]):
        with course.store() as store:
            judge = course.judge()
            handed = hand_in(store, judge, course.write(tmp_path / "alice.csv", answers), "alice")
            return write_report(store, judge, handed.submission, course.home)

    return write


def rows(path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_classes_and_confusion_are_what_scikit_learn_says(course: Course, report):
    answers = course.with_wrong(3)
    folder = report(answers)
    truth = [label for label, _ in course.truth().values()]
    predicted = list(answers.values())
    header, *matrix = rows(folder / "confusion.csv")
    assert header == ["truth", *LABELS]
    expected = confusion_matrix(truth, predicted, labels=LABELS)
    assert [[int(cell) for cell in row[1:]] for row in matrix] == expected.tolist()
    header, *classes = rows(folder / "classes.csv")
    assert header == ["label", "precision", "recall", "f1", "support"]
    of_all = precision_recall_fscore_support(truth, predicted, labels=LABELS, zero_division=0)
    found = np.array([row[1:] for row in classes], dtype=float)
    np.testing.assert_allclose(found.T, np.array(of_all, dtype=float))


def test_the_hardest_items_are_the_wrong_ones(course: Course, report):
    answers = course.with_wrong(3)
    wrong = {item for item, (label, _) in course.truth().items() if answers[item] != label}
    _, *hardest = rows(report(answers) / "hardest.csv")
    assert {row[0] for row in hardest} == wrong


def test_of_probabilities_the_hardest_item_is_the_least_probable_one(course: Course, tmp_path):
    course.respec(metric="log_loss")
    truth = course.truth()
    target = list(truth)[3]
    lines = ["id," + ",".join(LABELS)]
    for item, (label, _) in truth.items():
        sure = 0.05 if item == target else 0.8
        lines.append(",".join([item, *(str(sure if one == label else (1 - sure) / 2) for one in LABELS)]))
    file = tmp_path / "alice.csv"
    file.write_text("\n".join(lines) + "\n")
    with course.store() as store:
        judge = course.judge()
        folder = write_report(store, judge, hand_in(store, judge, file, "alice").submission, course.home)
    _, first, *_ = rows(folder / "hardest.csv")
    assert (first[0], first[1], float(first[3])) == (target, truth[target][0], pytest.approx(0.95))


def test_the_report_holds_scores_with_intervals_and_a_picture(course: Course, report):
    folder = report(course.with_wrong(2))
    told = json.loads((folder / "report.json").read_text())
    assert [(score["split"], score["metric"]) for score in told["scores"]] == [
        ("Public", "accuracy"),
        ("Private", "accuracy"),
    ]
    assert all(score["low"] <= score["score"] <= score["high"] for score in told["scores"])
    with Image.open(folder / "confusion.png") as picture:
        assert picture.size > (300, 300)


def test_the_report_is_for_its_owner_alone(report, course: Course):
    assert report(course.perfect()).stat().st_mode & 0o777 == 0o700


def test_high_accuracy_with_a_class_never_found_is_warned_of():
    """The course's example: useless on the rare class, and 99 % accurate."""
    (warning,) = misleading_accuracy(np.array([[990, 0], [10, 0]]), ["healthy", "ill"])
    assert warning == (
        "accuracy is 99.0%, yet of class 'ill' only 0.0% of 10 items are found: accuracy misleads here, look at recall"
    )
    assert misleading_accuracy(np.array([[990, 0], [2, 8]]), ["healthy", "ill"]) == []
    assert misleading_accuracy(np.array([[60, 0], [40, 0]]), ["healthy", "ill"]) == []  # nobody takes 60 % for good
