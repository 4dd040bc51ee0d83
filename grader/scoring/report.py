"""The instructor's report of a submission: where it is right and wrong, class by class.

It is made from the hidden labels and tells them, so it lies in the home folder, for its owner alone.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from competition.errors import UserError
from competition.private import make_private_folder
from competition.seeds import stream
from grader.metrics import MetricError
from grader.metrics.classification import PerClass, confusion_matrix, per_class
from grader.metrics.interval import interval
from grader.scoring.judge import Judge, form_of
from grader.store.records import Submission
from grader.store.store import Store
from grader.submission.check import check_submission
from grader.submission.predictions import Predictions
from grader.submission.solution import IGNORED

HARDEST = 50  # ids that the report lists
HIGH_ACCURACY = 0.8  # above it, people take a model for a good one ...
LOW_RECALL = 0.1  # ... though it misses nine in ten of some class
RESAMPLES = 300
SEED = 42

Codes = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Hard:
    """A test item that the submission got most wrong; `loss` is 1 - p of its class, or the absolute error."""

    id: str
    truth: str
    predicted: str
    loss: float


def write_report(store: Store, judge: Judge, submission: Submission, home: Path) -> Path:
    """Write the report of a scored submission into `home/reports/<competition>/<number>/` and give that folder.

    `report.json` holds the scores with their 95 % intervals and the warnings, `hardest.csv` the hardest ids; for a
    classification also `classes.csv`, `confusion.csv` (rows are the truth) and `confusion.png`.

    Raises:
        UserError: the submission's bytes are not what was scored.
    """
    file = store.blobs.path(submission.sha256)
    predictions = check_submission(file, judge.rules, judge.solution.index).predictions
    if predictions is None:
        raise UserError(f"submission {submission.id} does not pass the check any more; run `grader rescore`")
    folder = home / "reports" / judge.rules.competition / str(submission.id)
    make_private_folder(folder)
    counted = np.flatnonzero(judge.solution.usage != IGNORED)
    warnings: list[str] = []
    if judge.rules.form in ("labels", "probabilities"):
        warnings = _report_classes(judge, predictions, counted, folder)
    hardest = hardest_items(judge, predictions, counted)
    if hardest:
        _write_csv(folder / "hardest.csv", ("id", "truth", "predicted", "loss"), (asdict(h).values() for h in hardest))
    told = {
        "competition": judge.rules.competition,
        "submission": submission.id,
        "team": submission.team,
        "scores": _scores_with_intervals(judge, predictions),
        "warnings": warnings,
    }
    (folder / "report.json").write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return folder


def misleading_accuracy(confusion: NDArray[np.int64], labels: Sequence[str]) -> list[str]:
    """The classic warning, for (C, C) counts, truth by prediction: accuracy is high while a class is hardly found."""
    accuracy = confusion.trace() / max(1, confusion.sum())
    if accuracy < HIGH_ACCURACY:
        return []
    classes = per_class(confusion)
    missed = np.flatnonzero((classes.support > 0) & (classes.recall < LOW_RECALL))
    return [
        f"accuracy is {accuracy:.1%}, yet of class '{labels[code]}' only {classes.recall[code]:.1%} "
        f"of {classes.support[code]} items are found: accuracy misleads here, look at recall"
        for code in missed.tolist()
    ]


def hardest_items(judge: Judge, predictions: Predictions, counted: NDArray[np.intp]) -> list[Hard]:
    """The items with the largest loss, worst first; of labels every wrong one has the same, so the first are taken."""
    rules, truth = judge.rules, judge.solution.truth
    if isinstance(truth, list):
        return []
    if predictions.probabilities is not None:
        codes = truth.astype(np.intp)
        loss = 1 - predictions.probabilities[counted, codes[counted]]
    elif predictions.labels is not None:
        loss = (predictions.labels[counted] != truth[counted]).astype(np.float64)
    else:
        loss = np.abs(np.asarray(form_of(predictions, rules))[counted] - truth[counted])
    worst = [row for row in np.argsort(-loss, kind="stable")[:HARDEST].tolist() if loss[row] > 0]
    predicted = _predicted_codes(predictions)

    def told(row: int) -> Hard:
        item = int(counted[row])
        if predicted is None:
            guess = np.asarray(form_of(predictions, rules))[item]
            return Hard(judge.solution.index.text(item), repr(float(truth[item])), repr(float(guess)), float(loss[row]))
        names = rules.labels[int(truth[item])], rules.labels[int(predicted[item])]
        return Hard(judge.solution.index.text(item), *names, float(loss[row]))

    return [told(row) for row in worst]


def _report_classes(judge: Judge, predictions: Predictions, counted: NDArray[np.intp], folder: Path) -> list[str]:
    """Write the tables and the picture of a classification; returns the warnings."""
    from grader.scoring.confusion_picture import save_confusion

    labels, predicted = judge.rules.labels, _predicted_codes(predictions)
    assert predicted is not None
    confusion = confusion_matrix(np.asarray(judge.solution.truth)[counted], predicted[counted], len(labels))
    rows = zip(labels, *(values.tolist() for values in per_class(confusion)), strict=True)
    _write_csv(folder / "classes.csv", ("label", *PerClass._fields), rows)
    matrix = ([label, *counts] for label, counts in zip(labels, confusion.tolist(), strict=True))
    _write_csv(folder / "confusion.csv", ("truth", *labels), matrix)
    save_confusion(confusion, labels, folder / "confusion.png")
    return misleading_accuracy(confusion, labels)


def _predicted_codes(predictions: Predictions) -> Codes | None:
    """The predicted label of each item; of probabilities the most probable, the first of equals."""
    if predictions.probabilities is not None:
        codes: Codes = predictions.probabilities.argmax(axis=1).astype(np.int32)
        return codes
    return predictions.labels


def _scores_with_intervals(judge: Judge, predictions: Predictions) -> list[dict[str, object]]:
    """Every score with the interval that holds the true value with 95 % probability."""
    told = []
    for split, rule, truth, predicted in judge.scored_parts(predictions):
        if rule.file is not None:
            continue  # a custom metric runs in a process of its own: hundreds of resamples would take minutes
        try:
            band = interval(rule, truth, predicted, judge.rules.labels, stream(SEED, "bootstrap"), resamples=RESAMPLES)
        except MetricError:
            continue
        told.append({"split": split, "metric": rule.label, **asdict(band)})
    return told


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
