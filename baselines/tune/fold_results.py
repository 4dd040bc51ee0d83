"""What a cross validation leaves: a record a fold, the rows predicted out of fold, the test part's mean."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from baselines.ensemble.mixing import log_loss
from baselines.ensemble.tables import read_probabilities
from baselines.kit import files
from baselines.kit.budget import show_duration
from baselines.tune.fold_training import OUT_OF_FOLD, Fold
from competition.errors import BadInputError, UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from competition.bundle import Bundle

RECORD = "cross_validation.json"
_MEASURED = ("number", "held_out", "seconds", "epochs", "seconds_a_row")


def keep_fold(out: Path, fold: Fold, trained: dict[str, Any]) -> None:
    """Write the record of a complete fold, which lets `--resume` keep it; `trained` is what it depends on."""
    if fold.is_complete:
        files.write_json(out / RECORD, {"of": trained, **{name: getattr(fold, name) for name in _MEASURED}})


def read_fold(out: Path, validation: "NDArray[np.bool_]", bundle: "Bundle", trained: dict[str, Any]) -> Fold | None:
    """A fold that was completed before with the same settings; None where it has to be trained."""
    record = read_record(out / RECORD)
    if record.get("of") != trained:
        return None
    rows = np.flatnonzero(validation)
    try:
        table = read_probabilities(out / OUT_OF_FOLD, bundle.rules)
        probabilities = table.in_order([bundle.train_ids[row] for row in rows])
        return Fold(
            rows=rows, probabilities=probabilities, is_complete=True, **{name: record[name] for name in _MEASURED}
        )
    except (BadInputError, KeyError):
        return None


def read_record(path: Path) -> dict[str, Any]:
    """A record; empty where the file is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def show_fold(fold: Fold, bundle: "Bundle") -> str:
    """A fold as a line of text."""
    accuracy = fold.accuracy(np.asarray(bundle.train_labels))
    right = "nothing predicted" if accuracy is None else f"{100 * accuracy:.2f} % right"
    return (
        f"fold {fold.number}: {right} of {len(fold.rows):,} rows, "
        f"{fold.epochs:.1f} epochs in {show_duration(fold.seconds)}"
    )


def write_results(out: Path, folds: Sequence[Fold], bundle: "Bundle", record: dict[str, Any]) -> list[str]:
    """Write `oof.csv`, `probabilities.csv`, `submission.csv` and the record. Only rows that were predicted count.

    Returns:
        What they say, a sentence an item.

    Raises:
        UserError: no row was predicted.
    """
    _write_test_part(out, folds, bundle)
    labels = np.asarray(bundle.train_labels)
    rows = np.concatenate([fold.rows for fold in folds])
    if not len(rows):
        raise UserError("no row held out was predicted in time; give a longer --budget, with --resume")
    order = np.argsort(rows)
    rows, found = rows[order], np.concatenate([fold.probabilities for fold in folds])[order]
    files.write_probabilities(out / OUT_OF_FOLD, bundle.rules, [bundle.train_ids[row] for row in rows], found)
    accuracies = [accuracy for fold in folds if (accuracy := fold.accuracy(labels)) is not None]
    figures = {
        "accuracy_of_folds": [fold.accuracy(labels) for fold in folds],
        "seconds_of_folds": [fold.seconds for fold in folds],
        "epochs_of_folds": [fold.epochs for fold in folds],
        "mean": float(np.mean(accuracies)),
        "standard_deviation": float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None,
        "out_of_fold_accuracy": float((found.argmax(1) == labels[rows]).mean()),
        "out_of_fold_log_loss": log_loss(found, labels[rows]),
        "predicted_rows": len(rows),
    }
    files.write_json(out / RECORD, record | figures)
    return _sentences(figures, folds, len(labels))


def _write_test_part(out: Path, folds: Sequence[Fold], bundle: "Bundle") -> None:
    test = [read_probabilities(out / f"fold{fold.number}" / files.PROBABILITIES, bundle.rules) for fold in folds]
    mean = np.mean([table.in_order(bundle.test_ids) for table in test], axis=0)
    files.write_probabilities(out / files.PROBABILITIES, bundle.rules, bundle.test_ids, mean)
    files.write_submission(out, bundle.rules, bundle.test_ids, mean)


def _sentences(figures: dict[str, Any], folds: Sequence[Fold], rows: int) -> list[str]:
    deviation = figures["standard_deviation"]
    spread = "" if deviation is None else f" ± {100 * deviation:.2f} (standard deviation)"
    sentences = [
        f"{100 * figures['mean']:.2f} %{spread}: the mean of {len(folds)} folds",
        f"out of fold: {100 * figures['out_of_fold_accuracy']:.2f} %, log loss {figures['out_of_fold_log_loss']:.4f} "
        f"over {figures['predicted_rows']:,} of {rows:,} rows",
    ]
    unfinished = [str(fold.number) for fold in folds if not fold.is_complete]
    if unfinished:
        sentences.append(
            f"not all rows were predicted in folds {', '.join(unfinished)}: rows without a prediction count nowhere; "
            "--resume with a longer --budget trains these folds again"
        )
    return sentences
