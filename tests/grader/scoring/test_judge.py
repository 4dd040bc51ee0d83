"""The judge scores an aligned file on both splits, and says nothing of the labels otherwise."""

import csv
import io
import random
from fractions import Fraction

import pytest
from sklearn.metrics import accuracy_score, f1_score

from grader.metrics import BrokenMetricError, MetricError
from grader.scoring.judge import Judge
from tests.grader.conftest import LABELS, Course


def scores(judgement) -> dict[tuple[str, str], float]:
    return {(score.split, score.metric): score.value for score in judgement.scores}


def test_a_perfect_file_scores_one_on_both_splits(course: Course, tmp_path):
    judgement = course.judge().judge(course.write(tmp_path / "a.csv", course.perfect()))
    assert scores(judgement) == {("Public", "accuracy"): 1.0, ("Private", "accuracy"): 1.0}


def test_a_wrong_answer_counts_in_its_own_split_alone(course: Course, tmp_path):
    judgement = course.judge().judge(course.write(tmp_path / "a.csv", course.with_wrong(1, "Private")))
    private = sum(usage == "Private" for _, usage in course.truth().values())
    assert scores(judgement)["Public", "accuracy"] == 1.0
    assert scores(judgement)["Private", "accuracy"] == float(Fraction(private - 1, private))


def test_rows_may_come_in_any_order(course: Course, tmp_path):
    rows = list(course.with_wrong(2).items())
    judge = course.judge()
    expected = judge.judge(course.write(tmp_path / "a.csv", dict(rows))).scores
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        assert judge.judge(course.write(tmp_path / "b.csv", dict(rows))).scores == expected


def test_every_score_is_what_scikit_learn_says_of_rows_joined_by_hand(course: Course, tmp_path):
    course.respec(extra_metrics=["f1"])
    guess = random.Random(3)
    answers = {item: guess.choice(LABELS) for item in course.truth()}
    found = scores(course.judge().judge(course.write(tmp_path / "a.csv", answers)))
    for split in ("Public", "Private"):
        rows = [(label, answers[item]) for item, (label, usage) in course.truth().items() if usage == split]
        truth, predicted = zip(*rows, strict=True)
        assert found[split, "accuracy"] == accuracy_score(truth, predicted)
        assert found[split, "f1"] == pytest.approx(
            f1_score(truth, predicted, average="macro", zero_division=0), abs=1e-12
        )


def test_a_bad_file_has_problems_and_no_score(course: Course, tmp_path):
    answers = course.perfect()
    answers.popitem()
    judgement = course.judge().judge(course.write(tmp_path / "a.csv", answers))
    assert [problem.code for problem in judgement.problems] == ["row_count", "missing_id"]
    assert judgement.scores == ()


def permuted(course: Course, seed: int) -> Judge:
    """The judge of the same competition with its hidden labels dealt out anew."""
    rows = list(csv.DictReader(io.StringIO(course.solution.read_text())))
    labels = [row["label"] for row in rows]
    random.Random(seed).shuffle(labels)
    lines = [f"{row['id']},{label},{row['Usage']}\n" for row, label in zip(rows, labels, strict=True)]
    course.solution.write_text("id,label,Usage\n" + "".join(lines))
    return course.judge()


def test_what_is_said_of_a_bad_file_does_not_depend_on_the_hidden_labels(course: Course, tmp_path):
    """Every kind of mistake, judged against the labels and against permutations of them."""
    ids = list(course.truth())
    mistakes = {
        "no label": "".join(f"{item},\n" for item in ids),
        "other label": "".join(f"{item},circl\n" for item in ids),
        "twice": "".join(f"{item},circle\n" for item in [*ids, ids[0]]),
        "unknown": "".join(f"x{item},circle\n" for item in ids),
        "ragged": "".join(f"{item},circle,1\n" for item in ids),
    }
    files = []
    for name, body in mistakes.items():
        files.append(tmp_path / f"{name}.csv")
        files[-1].write_text("id,label\n" + body)
    said = [course.judge().judge(file).problems for file in files]
    assert all(said)
    for seed in range(5):
        judge = permuted(course, seed)
        assert [judge.judge(file).problems for file in files] == said


def test_an_extra_metric_that_is_undefined_costs_nothing(course: Course, tmp_path):
    course.respec(extra_metrics=[{"name": "balanced_accuracy", "options": {"adjusted": True}}])
    text = course.solution.read_text()
    for label in LABELS:
        text = text.replace(f",{label},", ",circle,")
    course.solution.write_text(text)  # one class is left: chance-adjusted recall is undefined
    judgement = course.judge().judge(course.write(tmp_path / "a.csv", course.perfect()))
    assert set(scores(judgement)) == {("Public", "accuracy"), ("Private", "accuracy")}


CUSTOM = '''
class ParticipantVisibleError(Exception):
    """Shown to participants."""


def score(solution, submission, row_id_column_name):
    """The share of right rows, in percent.

    >>> import pandas
    >>> one = pandas.DataFrame({"id": ["a"], "label": ["circle"]})
    >>> score(one, one, "id")
    100.0
    """
    if (submission["label"] == "cross").all():
        raise ParticipantVisibleError("not all of them are crosses")
    if (submission["label"] == "square").all():
        raise KeyError(solution["label"].iloc[0])
    return float((solution["label"] == submission["label"]).mean() * 100)
'''


@pytest.fixture
def custom(course: Course) -> Course:
    (course.folder / "percent.py").write_text(CUSTOM)
    course.respec(metric={"file": "percent.py", "options": {"direction": "higher"}})
    return course


def test_a_custom_metric_scores_each_split(custom: Course, tmp_path):
    judgement = custom.judge().judge(custom.write(tmp_path / "a.csv", custom.with_wrong(3)))
    public = sum(usage == "Public" for _, usage in custom.truth().values())
    assert scores(judgement) == {
        ("Public", "percent"): pytest.approx(100 * (public - 3) / public),
        ("Private", "percent"): 100.0,
    }


def test_of_a_custom_metric_participants_read_only_what_is_meant_for_them(custom: Course, tmp_path):
    judge = custom.judge()
    with pytest.raises(MetricError, match="not all of them are crosses"):
        judge.judge(custom.write(tmp_path / "a.csv", dict.fromkeys(custom.truth(), "cross")))
    with pytest.raises(BrokenMetricError) as broken:
        judge.judge(custom.write(tmp_path / "b.csv", dict.fromkeys(custom.truth(), "square")))
    assert not any(label in str(broken.value) for label in LABELS)
