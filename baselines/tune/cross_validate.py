"""k-fold: `python -m baselines.tune.cross_validate fontchar_bottleneck --data data/fontchar --folds 5`.

Every training row is predicted by the one model that has not seen it (out of fold); the test part by all models.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.kit import files
from baselines.kit.budget import Clock, show_duration
from baselines.kit.kernel import guarded, run_in_budget
from baselines.tune.kernels import find_kernel
from baselines.tune.options import (
    completed_recipe,
    differences,
    identity,
    opened_bundle,
    starting_recipe,
    tuning_options,
)
from baselines.tune.sole_use import sole_use
from competition.errors import UserError

if TYPE_CHECKING:
    from baselines.tune.fold_training import Training
    from competition.bundle import Bundle

_FEWEST_SECONDS = 3.0  # a fold
_AT_THE_END = "the last state is kept and none is chosen by the rows held out (no keep=accuracy or loss, no patience)"
_COMMAND = "python -m baselines.tune.cross_validate"
_EPILOG = f"""examples:
  {_COMMAND} fontchar_bottleneck --data data/fontchar --folds 5 --budget 30m --recipe strong
  {_COMMAND} fontchar_bottleneck --data data/fontchar --folds 5 --budget 30m --recipe strong --resume

A fold is trained to its end and its last state is kept, whatever the recipe says of keep and patience: a state chosen
by the rows held out would flatter the predictions of these rows. All folds train the same rung of the recipe's ladder.
In --out: oof.csv (id and one probability a class for every training row that was predicted), probabilities.csv and
submission.csv (test part, mean of the folds' models), cross_validation.json and a folder a fold.
exit codes: 0 fine, 1 the bundle is bad, 2 wrong use or a missing prerequisite"""


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
    return guarded(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    """All that may be refused is refused before the earlier submission in --out is touched."""
    from baselines.tune.folds import refuse_plateau

    bundle, kernel = opened_bundle(options.data), find_kernel(options.kernel)
    recipe = starting_recipe(kernel, options)
    if not 2 <= options.folds <= 100:
        raise UserError(f"--folds {options.folds}: give 2 to 100")
    refuse_plateau(recipe)
    known = identity(kernel, recipe, bundle, options, folds=options.folds)
    with sole_use(files.make_output_folder(options.out)):
        earlier = _earlier(options.out, known, options.resume)
        return run_in_budget(options, lambda bundle, clock: _cross_validate(options, bundle, clock, known, earlier))


def _earlier(out: Path, known: dict[str, Any], resume: bool) -> dict[str, Any]:
    """The record of the cross validation in `out` that is gone on with; empty where there is none.

    Raises:
        UserError: there is one and `resume` is not set, or it was made with something else.
    """
    from baselines.tune.fold_results import RECORD, read_record

    path = out / RECORD
    if not path.exists():
        return {}
    if not resume:
        raise UserError(
            f"{out}: holds a cross validation already; add --resume to go on with it, or choose another --out"
        )
    record = read_record(path)
    different = differences(record, known)
    if different:
        raise UserError(f"{path}: made with another {', '.join(different)}; give the same, or choose another --out")
    return record


def _cross_validate(
    options: argparse.Namespace, bundle: "Bundle", clock: Clock, known: dict[str, Any], earlier: dict[str, Any]
) -> None:
    from baselines.tune.fold_results import RECORD, keep_fold, read_fold, show_fold, write_results
    from baselines.tune.fold_training import train_fold
    from baselines.tune.folds import assign_folds

    of_row, reason = assign_folds(bundle, options.folds, options.seed)
    _say(clock, f"{options.folds} folds: {reason}")
    finish_seconds: float = 1.0 + 0.3 * clock.elapsed + 2e-6 * len(of_row) * len(bundle.rules.labels) * options.folds
    outs = [files.make_output_folder(options.out / f"fold{number}") for number in range(options.folds)]
    trained = known | {"trained_recipe": earlier.get("trained_recipe")}
    kept = [read_fold(out, of_row == number, bundle, trained) for number, out in enumerate(outs)]
    folds = {fold.number: fold for fold in kept if fold is not None}
    problems: list[str] = []  # of folds that came to nothing

    def share() -> float:
        return (clock.remaining - finish_seconds) / max(1, len(outs) - len(folds) - len(problems))

    training, plan = _plan(options, bundle, len(of_row), Clock.starting_now(share()), earlier)
    _say(clock, f"plan of every fold: {plan}; {_AT_THE_END}")
    trained = known | {"trained_recipe": training.recipe.model_dump(mode="json")}
    shared = trained | {"folds_from": reason, "plan": plan}
    files.write_json(options.out / RECORD, shared)  # a resumed cross validation trains the same rung
    for number, out in enumerate(outs):
        if number not in folds:
            seconds = share()
            if seconds < _FEWEST_SECONDS:
                problems.append(f"{show_duration(max(0, seconds))} are left for fold {number}; give a longer --budget")
                break
            (out / RECORD).unlink(missing_ok=True)
            try:
                fold = train_fold(training, number, of_row == number, out, seconds, lambda text: _say(clock, text))
            except UserError as problem:
                problems.append(str(problem))
                _say(clock, problems[-1])
                continue
            keep_fold(out, fold, trained)
            training = replace(training, seconds_a_row=fold.seconds_a_row)
            folds[number] = fold
        _say(clock, show_fold(folds[number], bundle))
    if folds:
        print("\n".join(write_results(options.out, [folds[number] for number in sorted(folds)], bundle, shared)))
    if problems:
        raise UserError("; ".join(problems) + (f"; {options.out} holds what the other folds came to" if folds else ""))


def _plan(
    options: argparse.Namespace, bundle: "Bundle", rows: int, clock: Clock, earlier: dict[str, Any]
) -> "tuple[Training, str]":
    """What all folds train and why: what earlier ones did, else what fits the time of one."""
    from baselines.kit.recipe import parse_recipe
    from baselines.tune.fold_training import Training, planned

    kernel = find_kernel(options.kernel)
    if earlier:
        recipe = parse_recipe(earlier["trained_recipe"], "of the earlier folds")
    else:
        recipe = completed_recipe(kernel, options, bundle)
    name = Path(options.recipe).stem
    training = Training(kernel, recipe, name, bundle, options.seed, options.device, options.threads)
    training, plan = planned(training, rows - rows // options.folds, clock)
    return training, earlier.get("plan", plan)


def _say(clock: Clock, text: str) -> None:
    print(f"[{clock.elapsed:6.1f} s] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
