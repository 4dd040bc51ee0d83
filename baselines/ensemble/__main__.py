"""Mix probabilities of several runs: `python -m baselines.ensemble a.csv b.csv --data data/fontchar --out runs/mix`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.kit import files
from baselines.kit.kernel import guarded
from competition.errors import BadInputError, UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from competition.bundle import Bundle

RECORD = "ensemble.json"
_COMMAND = "python -m baselines.ensemble"
_EPILOG = f"""examples:
  {_COMMAND} runs/a/probabilities.csv runs/b/probabilities.csv --data data/fontchar --out runs/mix
  {_COMMAND} runs/a/probabilities.csv runs/b/probabilities.csv --data data/fontchar --mean geometric --weights 2 1
  {_COMMAND} cv_a/probabilities.csv cv_b/probabilities.csv --data data/fontchar --fit cv_a/oof.csv cv_b/oof.csv

Runs write probabilities.csv with --probabilities, cross validation (baselines.tune.cross_validate) oof.csv too.
In --out: submission.csv in the competition's form, probabilities.csv and {RECORD}.
exit codes: 0 fine, 1 a file is bad, 2 wrong use or a missing prerequisite"""


def command_line() -> argparse.ArgumentParser:
    """The options of the ensemble."""
    parser = argparse.ArgumentParser(
        prog=_COMMAND,
        description="One submission out of several files of probabilities.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_EPILOG,
    )
    parser.add_argument("tables", type=Path, nargs="+", metavar="CSV", help="id and one probability column a class")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="bundle of the competition")
    parser.add_argument("--out", type=Path, default=Path("runs/ensemble"), metavar="FOLDER", help="(runs/ensemble)")
    parser.add_argument(
        "--mean", default="weighted", choices=["weighted", "geometric", "rank"], help="how they are mixed (weighted)"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--weights", type=float, nargs="+", metavar="W", help="one a file; equal ones where left out")
    how.add_argument(
        "--fit", type=Path, nargs="+", metavar="OOF", help="out-of-fold CSVs, one a file: weights of least log loss"
    )
    return parser


def main() -> int:
    """Write the ensemble from the command line. Returns the exit code."""
    options = command_line().parse_intermixed_args()
    return guarded(lambda: _mix(options))


def _mix(options: argparse.Namespace) -> None:
    from baselines.ensemble.mixing import MEANS
    from competition.bundle import open_bundle

    bundle = open_bundle(options.data)
    if not bundle.rules.labels:
        raise BadInputError(f"{options.data}: no label set; only classifications have probabilities")
    members = _read_all(options.tables, bundle, bundle.test_ids)
    weights, figures = _weights(options, bundle, len(members))
    mixed = MEANS[options.mean](members, weights)
    out = files.make_output_folder(options.out)
    files.write_probabilities(out / files.PROBABILITIES, bundle.rules, bundle.test_ids, mixed)
    path = files.write_submission(out, bundle.rules, bundle.test_ids, mixed)
    shown = {str(table): float(weight) for table, weight in zip(options.tables, weights, strict=True)}
    files.write_json(out / RECORD, {"mean": options.mean, "weights": shown, **figures})
    for table, weight in shown.items():
        print(f"{weight:.3f}  {table}")
    if figures:
        print(f"out of fold: {_describe(figures)}")
    print(f"{path} written")


def _read_all(tables: list[Path], bundle: "Bundle", ids: list[str]) -> "NDArray[np.float64]":
    """Files x rows x classes, rows in the order of `ids`."""
    import numpy as np

    from baselines.ensemble.tables import read_probabilities

    return np.stack([read_probabilities(table, bundle.rules).in_order(ids) for table in tables])


def _weights(options: argparse.Namespace, bundle: "Bundle", count: int) -> "tuple[NDArray[np.float64], dict[str, Any]]":
    from baselines.ensemble.mixing import checked_weights, fit_weights

    if not options.fit:
        return checked_weights(options.weights, count), {}
    if len(options.fit) != count:
        raise UserError(f"--fit has {len(options.fit)} files for {count} files of predictions")
    import numpy as np

    members, labels = _read_all(options.fit, bundle, bundle.train_ids), np.asarray(bundle.train_labels)
    weights = fit_weights(members, labels, options.mean)
    return weights, _figures(options, members, labels)


def _figures(options: argparse.Namespace, members: "NDArray[Any]", labels: "NDArray[Any]") -> dict[str, Any]:
    """What fitted weights come to on rows they were not fitted on, and each file alone."""
    from baselines.ensemble.mixing import cross_fitted, log_loss

    mixed = cross_fitted(members, labels, options.mean)
    alone = {str(path): float((one.argmax(1) == labels).mean()) for path, one in zip(options.fit, members, strict=True)}
    return {
        "out_of_fold_accuracy": float((mixed.argmax(1) == labels).mean()),
        "out_of_fold_log_loss": log_loss(mixed, labels),
        "accuracy_alone": alone,
    }


def _describe(figures: dict[str, Any]) -> str:
    best = max(figures["accuracy_alone"].values())
    return (
        f"{100 * figures['out_of_fold_accuracy']:.2f} % (log loss {figures['out_of_fold_log_loss']:.4f}), "
        "each fifth of the rows by weights fitted on the others; "
        f"the best file alone {100 * best:.2f} %"
    )


if __name__ == "__main__":
    sys.exit(main())
