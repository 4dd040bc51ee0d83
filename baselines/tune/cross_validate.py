"""k-fold cross validation: `python -m baselines.tune.cross_validate fontchar_bottleneck --folds 5 --budget 30m`.

Every training row is predicted by the one model that has not seen it (out of fold); the test part by all models.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.kit import files
from baselines.kit.budget import Clock, show_duration
from baselines.kit.kernel import guarded, run_in_budget
from baselines.tune.kernels import find_kernel
from baselines.tune.options import completed_recipe, opened_bundle, starting_recipe, tuning_options
from competition.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from baselines.kit.kernel import Kernel
    from baselines.kit.recipe import Recipe
    from baselines.kit.request import Outcome
    from competition.bundle import Bundle

OUT_OF_FOLD, RECORD = "oof.csv", "cross_validation.json"
_FEWEST_SECONDS = 3.0  # a fold
_PREDICTION_BATCH = 256
_COMMAND = "python -m baselines.tune.cross_validate"
_EPILOG = f"""examples:
  {_COMMAND} fontchar_bottleneck --data data/fontchar --folds 5 --budget 30m --recipe strong
  {_COMMAND} fontchar_bottleneck --data data/fontchar --folds 5 --budget 30m --recipe strong --resume

In --out: {OUT_OF_FOLD} (id and one probability a class for every training row), probabilities.csv and submission.csv
(test part, mean of the folds' models), {RECORD} and a folder a fold.
exit codes: 0 fine, 1 the bundle is bad, 2 wrong use or a missing prerequisite"""


@dataclass(frozen=True, slots=True)
class Fold:
    """What the model of one fold came to."""

    number: int
    validation: "NDArray[np.bool_]"  # rows of train.csv it has not seen
    probabilities: "NDArray[np.floating[Any]]"  # of those rows, in their order
    predicted: int  # rows; the rest are class shares, for want of time


def command_line() -> argparse.ArgumentParser:
    """The options of cross validation."""
    parser = tuning_options("baselines.tune.cross_validate", "k-fold cross validation of a recipe.", _EPILOG)
    cross = parser.add_argument_group("cross validation")
    cross.add_argument("--folds", type=int, default=5, metavar="K", help="models to train (5)")
    cross.add_argument("--resume", action="store_true", help="keep the folds in --out that are finished")
    return parser


def main() -> int:
    """Run cross validation from the command line. Returns the exit code."""
    options = command_line().parse_args()
    checked = guarded(lambda: _check(options))
    return checked or run_in_budget(options, lambda bundle, clock: _cross_validate(options, bundle, clock))


def _check(options: argparse.Namespace) -> None:
    opened_bundle(options.data)
    starting_recipe(find_kernel(options.kernel), options)
    if not 2 <= options.folds <= 100:
        raise UserError(f"--folds {options.folds}: give 2 to 100")


def _cross_validate(options: argparse.Namespace, bundle: "Bundle", clock: Clock) -> None:
    import numpy as np

    from baselines.tune.folds import assign_folds

    kernel = find_kernel(options.kernel)
    recipe = completed_recipe(kernel, options, bundle)
    of_row, reason = assign_folds(bundle, options.folds, options.seed)
    _say(clock, f"{options.folds} folds: {reason}")
    identity = _identity(kernel, recipe, bundle, options)
    finish_seconds = 1.0 + 0.3 * clock.elapsed + 2e-6 * len(of_row) * len(bundle.rules.labels) * options.folds
    folds: list[Fold] = []
    for number in range(options.folds):
        out = files.make_output_folder(options.out / f"fold{number}")
        validation = of_row == number
        if not (options.resume and _is_finished(out, identity)):
            left = (clock.remaining - finish_seconds) / (options.folds - number)
            _train_fold(kernel, recipe, bundle, validation, number, out, left, options, clock)
            files.write_json(out / RECORD, identity)
        folds.append(_read_fold(out, number, validation, bundle))
        _say(clock, f"fold {number}: {100 * _accuracy(folds[-1], bundle):.2f} % of {int(validation.sum()):,} rows")
    _write_results(options.out, folds, bundle, identity | {"folds_from": reason})
    accuracies = 100 * np.array([_accuracy(fold, bundle) for fold in folds])
    print(f"{accuracies.mean():.2f} ± {accuracies.std(ddof=1):.2f} % over {options.folds} folds")


def _identity(kernel: "Kernel", recipe: "Recipe", bundle: "Bundle", options: argparse.Namespace) -> dict[str, Any]:
    return {
        "kernel": kernel.name,
        "competition": bundle.rules.competition,
        "recipe": recipe.model_dump(mode="json"),
        "seed": options.seed,
        "folds": options.folds,
    }


def _is_finished(out: Path, identity: dict[str, Any]) -> bool:
    """Whether a fold was finished before, with the same settings; its record is written last."""
    try:
        return bool(json.loads((out / RECORD).read_text(encoding="utf-8")) == identity)
    except (OSError, ValueError):
        return False


def _train_fold(
    kernel: "Kernel",
    recipe: "Recipe",
    bundle: "Bundle",
    validation: "NDArray[np.bool_]",
    number: int,
    out: Path,
    seconds: float,
    options: argparse.Namespace,
    clock: Clock,
) -> None:
    """Train on the other folds and write `oof.csv` of this one beside the run's own files."""
    if seconds < _FEWEST_SECONDS:
        raise UserError(f"{show_duration(max(0, seconds))} are left for fold {number}; give a longer --budget")
    import numpy as np

    from baselines.kit.live import Silent
    from baselines.kit.request import Request
    from baselines.kit.session import train_and_predict
    from baselines.tune.folds import hold_out

    held_out = hold_out(bundle, validation)
    (out / RECORD).unlink(missing_ok=True)
    started = time.monotonic()
    # The predictions of the rows held out follow the run: a tenth of the time is theirs.
    fold_clock = Clock(started, started + 0.9 * seconds)
    request = Request(
        kernel=kernel.name, recipe_name=f"{Path(options.recipe).stem}, fold {number}", recipe=recipe, bundle=held_out,
        out=out, clock=fold_clock, seed=options.seed, device=options.device, threads=options.threads,
        probabilities=True,
    )  # fmt: skip
    outcome = train_and_predict(kernel.build, request, Silent())
    if outcome.fit.best is None:
        raise UserError(f"fold {number} learnt nothing ({outcome.fit.ending}); give a longer --budget")
    found = _predict_held_out(outcome, held_out, options.seed, stop_at=started + seconds)
    if len(found) < validation.sum():
        _say(clock, f"fold {number}: only {len(found):,} of {int(validation.sum()):,} rows were predicted in time")
    ids = [bundle.train_ids[row] for row in np.flatnonzero(validation)[: len(found)]]
    files.write_probabilities(out / OUT_OF_FOLD, bundle.rules, ids, found)


def _predict_held_out(outcome: "Outcome", bundle: "Bundle", seed: int, stop_at: float) -> "NDArray[Any]":
    """Probabilities of the rows held out, in their order, by the state that was kept."""
    import torch

    from baselines.kit.data import load_images
    from baselines.kit.losses import class_probabilities
    from baselines.kit.predict import create_views, predict_logits

    data, recipe, placement = outcome.data, outcome.plan.recipe, outcome.plan.placement
    if data.validation.images.dtype != torch.uint8:  # the head was trained on features; the model wants images
        data = load_images(bundle, placement, seed, recipe.image_px, recipe.mean, recipe.std, recipe.interpolation)
    views = create_views(recipe.tta)
    logits = predict_logits(outcome.model, data, data.validation, placement, _PREDICTION_BATCH, views, stop_at)
    return class_probabilities(logits).numpy()


def _read_fold(out: Path, number: int, validation: "NDArray[np.bool_]", bundle: "Bundle") -> Fold:
    """The predictions of a fold, class shares in the place of rows for which time was lacking."""
    import numpy as np

    from baselines.ensemble.tables import read_probabilities
    from baselines.kit.fallback import class_shares

    table = read_probabilities(out / OUT_OF_FOLD, bundle.rules)
    place = {name: row for row, name in enumerate(table.ids)}
    ids = [bundle.train_ids[row] for row in np.flatnonzero(validation)]
    rows = np.array([place.get(name, -1) for name in ids])
    found = np.where(rows[:, None] >= 0, table.probabilities[rows], class_shares(bundle))
    return Fold(number, validation, found, int((rows >= 0).sum()))


def _accuracy(fold: Fold, bundle: "Bundle") -> float:
    import numpy as np

    labels = np.asarray(bundle.train_labels)[fold.validation]
    return float((fold.probabilities.argmax(1) == labels).mean())


def _write_results(out: Path, folds: list[Fold], bundle: "Bundle", record: dict[str, Any]) -> None:
    import numpy as np

    from baselines.ensemble.mixing import log_loss
    from baselines.ensemble.tables import read_probabilities

    labels = np.asarray(bundle.train_labels)
    whole = np.empty((len(labels), len(bundle.rules.labels)))
    for fold in folds:
        whole[fold.validation] = fold.probabilities
    files.write_probabilities(out / OUT_OF_FOLD, bundle.rules, bundle.train_ids, whole)
    test = [read_probabilities(out / f"fold{fold.number}" / files.PROBABILITIES, bundle.rules) for fold in folds]
    mean = np.mean([table.in_order(bundle.test_ids) for table in test], axis=0)
    files.write_probabilities(out / files.PROBABILITIES, bundle.rules, bundle.test_ids, mean)
    files.write_submission(out, bundle.rules, bundle.test_ids, mean)
    accuracies = [_accuracy(fold, bundle) for fold in folds]
    figures = {
        "accuracy_of_folds": accuracies,
        "mean": float(np.mean(accuracies)),
        "standard_deviation": float(np.std(accuracies, ddof=1)),
        "out_of_fold_accuracy": float((whole.argmax(1) == labels).mean()),
        "out_of_fold_log_loss": log_loss(whole, labels),
        "predicted_rows": sum(fold.predicted for fold in folds),
    }
    files.write_json(out / RECORD, record | figures)


def _say(clock: Clock, text: str) -> None:
    print(f"[{clock.elapsed:6.1f} s] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
