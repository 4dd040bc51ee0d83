"""Train a linear model on pixels: `python -m baselines.pixels_linear --data data/fontchar --budget 1m`."""

import argparse
import math
import sys
from typing import TYPE_CHECKING

from baselines.kit import files
from baselines.kit.kernel import base_options, run_in_budget

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

    from baselines.kit.budget import Clock
    from baselines.pixels_linear.model import Round
    from competition.bundle import Bundle

_ABOUT = "Logistic regression on shrunk pixels (scikit-learn): the baseline every net must beat."


def command_line() -> argparse.ArgumentParser:
    """The shared options and those of the linear model."""
    examples = ["python -m baselines.pixels_linear --data data/fontchar --budget 60s"]
    parser = base_options("baselines.pixels_linear", _ABOUT, examples, "run.json")
    model = parser.add_argument_group("model")
    model.add_argument("--image-px", type=_whole, default=18, metavar="N", help="side the images are shrunk to (18)")
    model.add_argument("--strength", type=_positive, default=0.1, metavar="C", help="inverse of the L2 penalty (0.1)")
    model.add_argument("--iterations", type=_whole, default=200, metavar="N", help="of the solver, at most (200)")
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number from 1 on")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number above 0")
    return number


def work(options: argparse.Namespace, bundle: "Bundle", clock: "Clock") -> None:
    """Train, predict and write the run's files."""
    import numpy as np

    from baselines.kit.holdout import training_rows

    from .model import fit_in_rounds, predict_probabilities, shrink, standardise

    chosen = training_rows(bundle, options.seed)
    labels = np.asarray(bundle.train_labels)
    pixels = shrink(bundle.train_images, options.image_px)
    train, held_out, test = standardise(pixels[chosen], pixels[~chosen], shrink(bundle.test_images, options.image_px))
    _say(
        clock, f"{len(train):,} train, {len(held_out):,} validation, {len(test):,} test rows of {train.shape[1]} pixels"
    )

    def write_predictions(model: "LogisticRegression") -> None:
        probabilities = predict_probabilities(model, test, len(bundle.rules.labels))
        files.write_submission(options.out, bundle.rules, bundle.test_ids, probabilities)

    rounds = fit_in_rounds(
        (train, labels[chosen]),
        (held_out, labels[~chosen]),
        seed=options.seed,
        strength=options.strength,
        iterations=options.iterations,
        has_time_for=lambda seconds: clock.remaining > 1.5 * seconds + 1.0,
        note=lambda round: _say(clock, _describe(round)),
        keep=write_predictions,
    )
    if not rounds:
        _say(clock, "no time for a single round: the submission keeps the class shares")
        return
    _write_record(options, bundle, clock, rounds)
    best = max(rounds, key=lambda round: round.validation_accuracy)
    print(f"validation accuracy {100 * best.validation_accuracy:.2f} %, {options.out / files.SUBMISSION}")


def _describe(round: "Round") -> str:
    train, validation = 100 * round.train_accuracy, 100 * round.validation_accuracy
    return f"{round.iterations:4d} iterations  train acc {train:.2f} %  validation acc {validation:.2f} %"


def _write_record(options: argparse.Namespace, bundle: "Bundle", clock: "Clock", rounds: "list[Round]") -> None:
    from dataclasses import asdict

    import sklearn

    best = max(rounds, key=lambda round: round.validation_accuracy)
    record = {
        "kernel": "baselines.pixels_linear",
        "competition": bundle.rules.competition,
        "recipe": {name: getattr(options, name) for name in ("image_px", "strength", "iterations")},
        "seed": options.seed,
        "device": "cpu",
        "versions": {"scikit-learn": sklearn.__version__},
        "budget_seconds": clock.budget_seconds,
        "seconds": {"until_submission": clock.elapsed},
        "validation_accuracy": best.validation_accuracy,
        "rounds": [asdict(round) for round in rounds],
    }
    files.write_json(options.out / files.RUN, record)


def _say(clock: "Clock", text: str) -> None:
    print(f"[{clock.elapsed:6.1f} s] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    options = command_line().parse_args()
    sys.exit(run_in_budget(options, lambda bundle, clock: work(options, bundle, clock)))
