"""Search for a better recipe: `python -m baselines.tune fontchar_bottleneck --data data/fontchar --budget 30m`."""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.kit import files
from baselines.kit.budget import show_duration
from baselines.kit.kernel import guarded, run_in_budget
from baselines.kit.load import CpuReading
from baselines.tune.kernels import find_kernel
from baselines.tune.options import completed_recipe, identity, opened_bundle, starting_recipe, tuning_options
from baselines.tune.sole_use import sole_use
from competition.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from baselines.kit.budget import Clock
    from baselines.kit.kernel import Kernel
    from baselines.kit.recipe import Recipe
    from baselines.tune.space import Space
    from baselines.tune.study import SearchStudy
    from competition.bundle import Bundle

_COMMAND = "python -m baselines.tune"
_EPILOG = f"""examples:
  {_COMMAND} fontchar_bottleneck --data data/fontchar --out runs/tune --trials 20 --budget 30m
  {_COMMAND} fontchar_bottleneck --data data/fontchar --out runs/tune --trials 40 --budget 30m --resume
  {_COMMAND} fashion_cnn --data data/fashion_mnist --space my_space.yaml --recipe strong --parallel 2
  python -m baselines.fontchar_bottleneck --data data/fontchar --recipe runs/tune/best_recipe.yaml --budget 10m

Trial 0 is the recipe as it is, which all others are compared with.
In --out: best_recipe.yaml, trials.csv, summary.md, search.png, study.db (Optuna), submission.csv of the best trial, and
a folder a trial; tables and recipe are written anew after every trial. Also here: baselines.tune.lr_range,
baselines.tune.batch_size, baselines.tune.cross_validate.
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
    return guarded(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    """All that may be refused is refused before the earlier submission in --out is touched."""
    bundle = opened_bundle(options.data)
    kernel, recipe, space = _kernel_recipe_space(options)
    with sole_use(files.make_output_folder(options.out)):
        from baselines.tune.study import check_study

        check_study(options.out, space, identity(kernel, recipe, bundle, options), options.resume)
        code = run_in_budget(options, lambda bundle, clock: _search(options, bundle, clock))
    return code or _finished_any(options.out)


def _finished_any(out: Path) -> int:
    """A search that ended, or was cut, with nothing to show is no success."""
    from baselines.tune.report import BEST_RECIPE

    if (out / BEST_RECIPE).exists():
        return 0
    raise UserError(f"{out}: no trial finished; give a longer --budget or fewer --trials")


def _kernel_recipe_space(options: argparse.Namespace) -> "tuple[Kernel, Recipe, Space]":
    from baselines.tune.space import load_space, space_file

    kernel = find_kernel(options.kernel)
    recipe = starting_recipe(kernel, options)
    return kernel, recipe, load_space(space_file(kernel.recipes.parent, options.space), recipe)


def _search(options: argparse.Namespace, bundle: "Bundle", clock: "Clock") -> None:
    from baselines.tune import report
    from baselines.tune.messages import Setup
    from baselines.tune.search import Limits, Search
    from baselines.tune.study import open_study

    before = CpuReading.take()
    kernel, starting, space = _kernel_recipe_space(options)
    known = identity(kernel, starting, bundle, options)
    study = open_study(options.out, space, known, options.seed, options.trials, options.resume)
    recipe = completed_recipe(kernel, options, bundle)
    if not study.records():
        report.clear_results(options.out)
    finish_seconds = max(2.0, 2 * clock.elapsed)  # drawing slows down with the machine just as the imports did
    limits = Limits(options.trials, options.parallel, clock.last_call - finish_seconds)
    threads = options.threads or max(1, (_cores() - round(CpuReading.take().others_since(before))) // options.parallel)
    setup = Setup(options.kernel, recipe.model_dump(), options.data, options.device, threads, options.seed, 0)
    results = _Results(options, kernel.name, recipe, study)
    search = Search(study, setup, recipe, limits, options.out, lambda text: _say(clock, text), results.write)
    try:
        search.run()
    finally:
        if study.records():
            results.finish(clock)


@dataclass(frozen=True, slots=True)
class _Results:
    """The files that a search leaves beside its study."""

    options: argparse.Namespace
    kernel: str
    recipe: "Recipe"
    study: "SearchStudy"

    @property
    def title(self) -> str:
        return f"Search for {self.kernel}, recipe {Path(self.options.recipe).stem}, seed {self.options.seed}"

    def write(self, importances: "Mapping[str, float] | None" = None) -> list[str]:
        """Write all but the picture; called after every trial, since a search may be cut at any moment.

        Returns:
            The sentences of the summary.
        """
        from baselines.tune import report
        from baselines.tune.search import best_of

        records, out = self.study.records(), self.options.out
        report.write_trials(out, records, self.study.space)
        best = best_of(records)
        if best is not None:
            report.write_best_recipe(out, self.recipe, best, self.kernel)
        trial_seconds = self.study.trial_seconds or 0.0
        sentences = report.summarise(records, self.study.space, importances, trial_seconds)
        ended = len([record for record in records if record.state != "interrupted"])
        if ended < self.options.trials:
            sentences.append(
                f"{ended} of {self.options.trials} trials have ended: --resume goes on, with at least "
                f"{show_duration(trial_seconds)} of the budget for each trial left."
            )
        report.write_summary(out, self.title, sentences)
        return sentences

    def finish(self, clock: "Clock") -> None:
        """Write once more, with what mattered, tell it and draw it."""
        from baselines.tune.picture import draw_search
        from baselines.tune.report import BEST_RECIPE

        importances, out = self.study.importances(), self.options.out
        print("\n".join(self.write(importances)))
        if clock.remaining > 0.5:
            draw_search(out, self.study.records(), self.study.space, importances, self.title)
        if (out / BEST_RECIPE).exists():
            print(f"{out / BEST_RECIPE} is for --recipe; {out / files.SUBMISSION} is the best trial's")


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
