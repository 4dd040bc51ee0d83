"""Search for a better recipe: `python -m baselines.tune fontchar_bottleneck --data data/fontchar --budget 30m`."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.kit import files
from baselines.kit.kernel import guarded, run_in_budget
from baselines.kit.load import CpuReading
from baselines.tune.kernels import find_kernel
from baselines.tune.options import completed_recipe, opened_bundle, starting_recipe, tuning_options

if TYPE_CHECKING:
    from baselines.kit.budget import Clock
    from baselines.kit.kernel import Kernel
    from baselines.kit.recipe import Recipe
    from baselines.tune.search import Limits
    from baselines.tune.space import Space
    from baselines.tune.study import SearchStudy
    from competition.bundle import Bundle

_COMMAND = "python -m baselines.tune"
_EPILOG = f"""examples:
  {_COMMAND} fontchar_bottleneck --data data/fontchar --out runs/tune --trials 20 --budget 30m
  {_COMMAND} fontchar_bottleneck --data data/fontchar --out runs/tune --trials 40 --budget 30m --resume
  {_COMMAND} fashion_cnn --data data/fashion_mnist --space my_space.yaml --recipe strong --parallel 2
  python -m baselines.fontchar_bottleneck --data data/fontchar --recipe runs/tune/best_recipe.yaml --budget 10m

In --out: best_recipe.yaml, trials.csv, summary.md, search.png, study.db (Optuna), submission.csv of the best trial, and
a folder a trial. Also here: baselines.tune.lr_range, baselines.tune.batch_size, baselines.tune.cross_validate.
exit codes: 0 fine, 1 the bundle is bad, 2 wrong use or a missing prerequisite"""


def command_line() -> argparse.ArgumentParser:
    """The options of the search."""
    parser = tuning_options(
        "baselines.tune", "Search for a better recipe: TPE with median pruning, in one budget.", _EPILOG
    )
    search = parser.add_argument_group("search")
    search.add_argument("--space", type=Path, metavar="FILE", help="YAML of recipe keys and ranges (the kernel's own)")
    search.add_argument("--trials", type=_count, default=20, metavar="N", help="in all, earlier ones included (20)")
    search.add_argument(
        "--parallel", type=_count, default=1, metavar="N", help="trials at a time, sharing the cores (1)"
    )
    search.add_argument("--resume", action="store_true", help="go on with the search in --out")
    return parser


def main() -> int:
    """Run the search from the command line. Returns the exit code."""
    options = command_line().parse_args()
    checked = guarded(lambda: _check(options))
    return checked or run_in_budget(options, lambda bundle, clock: _search(options, bundle, clock))


def _check(options: argparse.Namespace) -> None:
    """Tell a wrong kernel, recipe or space before the earlier submission in --out is touched."""
    from baselines.tune.study import refuse_to_overwrite

    opened_bundle(options.data)
    _kernel_recipe_space(options)
    refuse_to_overwrite(options.out, options.resume)


def _kernel_recipe_space(options: argparse.Namespace) -> "tuple[Kernel, Recipe, Space]":
    from baselines.tune.space import load_space, space_file

    kernel = find_kernel(options.kernel)
    recipe = starting_recipe(kernel, options)
    return kernel, recipe, load_space(space_file(kernel.recipes.parent, options.space), recipe)


def _search(options: argparse.Namespace, bundle: "Bundle", clock: "Clock") -> None:
    from baselines.tune.messages import Setup
    from baselines.tune.search import Limits, Search

    before = CpuReading.take()
    kernel, recipe, space = _kernel_recipe_space(options)
    study = _study(options, kernel, recipe, space, bundle)
    recipe = completed_recipe(kernel, options, bundle)
    finish_seconds = max(2.0, 2 * clock.elapsed)  # drawing slows down with the machine just as the imports did
    limits = Limits(options.trials, options.parallel, clock.last_call - finish_seconds)
    threads = options.threads or max(1, (_cores() - round(CpuReading.take().others_since(before))) // options.parallel)
    setup = Setup(options.kernel, recipe.model_dump(), options.data, options.device, threads, options.seed, 0)
    search = Search(study, setup, space.own_values(recipe), limits, options.out, lambda text: _say(clock, text))
    try:
        search.run()
    finally:
        if search.trial_seconds:
            _write_results(options, kernel.name, recipe, study, search.trial_seconds, limits, clock)


def _study(
    options: argparse.Namespace, kernel: "Kernel", recipe: "Recipe", space: "Space", bundle: "Bundle"
) -> "SearchStudy":
    from baselines.tune.study import open_study

    identity = {
        "kernel": kernel.name,
        "competition": bundle.rules.competition,
        "recipe": recipe.model_dump(),
        "seed": options.seed,
    }
    return open_study(options.out, space, identity, options.seed, options.trials, options.resume)


def _write_results(
    options: argparse.Namespace,
    kernel: str,
    recipe: "Recipe",
    study: "SearchStudy",
    trial_seconds: float,
    limits: "Limits",
    clock: "Clock",
) -> None:
    from baselines.tune import report
    from baselines.tune.picture import draw_search
    from baselines.tune.search import best_of

    records, importances, out = study.records(), study.importances(), options.out
    report.write_trials(out, records, study.space)
    best = best_of(records)
    if best is not None:
        report.write_best_recipe(out, recipe, best, kernel, trial_seconds)
    sentences = report.summarise(records, study.space, importances, trial_seconds)
    if len([record for record in records if record.state != "interrupted"]) < limits.trials:
        sentences.append(f"The budget ended before all {limits.trials} trials: --resume goes on.")
    title = f"Search for {kernel}, recipe {Path(options.recipe).stem}, seed {options.seed}"
    report.write_summary(out, title, sentences)
    print("\n".join(sentences))
    if clock.remaining > 0.5:
        draw_search(out, records, study.space, importances, title)
    if best is not None:
        print(f"{out / report.BEST_RECIPE} is for --recipe; {out / files.SUBMISSION} is the best trial's")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of at least 1")
    return int(text)


def _say(clock: "Clock", text: str) -> None:
    print(f"[{clock.elapsed:6.1f} s] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
