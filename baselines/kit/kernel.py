"""What makes a folder a kernel: its command line, its promise of a CSV, and the hand-over to training.

    python -m baselines.fontchar_bottleneck --data data/fontchar --out runs/first --budget 2m --recipe strong

Nothing heavy is imported before the options are read and a valid fallback CSV lies in its place.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.kit import files
from baselines.kit.budget import Clock, hold_to_budget, parse_duration, show_duration
from baselines.kit.load import CpuReading
from baselines.kit.memory import is_out_of_memory
from baselines.kit.openmp import let_idle_threads_sleep
from baselines.kit.ranks import Ranks
from competition.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from baselines.kit.data import ImageShape
    from baselines.kit.recipe import Recipe
    from baselines.kit.request import Outcome
    from competition.bundle import Bundle


_LEFT_BEHIND = "report.html, history.csv, curves.png, model_summary.txt, run.json and model.pt"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """An option of one kernel that stands for a recipe key, such as `--weights` for `model.weights`."""

    flag: str
    key: str
    help: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """A baseline: what it is called, where its recipes lie and how its model is built."""

    name: str
    about: str
    recipes: Path
    build: "Callable[[Recipe, ImageShape], nn.Module]"  # imports torch itself, so that --help stays quick
    complete: "Callable[[Recipe, ImageShape], Recipe] | None" = None  # fills in what a recipe leaves to the model
    shortcuts: tuple[Shortcut, ...] = field(default=())
    competition: str = "fontchar"  # what its examples are about


def run_kernel(kernel: Kernel, arguments: Sequence[str] | None = None) -> int:
    """Run a kernel from its command line.

    Returns:
        The exit code: 0 fine, 1 the bundle is bad, 2 wrong use or no way to write.
    """
    options = command_line(kernel).parse_args(arguments)
    if options.show_recipe:
        return guarded(lambda: print(_recipe(kernel, options).model_dump_json(indent=2)))
    work = lambda bundle, clock: _train(kernel, options, bundle, clock)  # noqa: E731
    return run_in_budget(options, work, lambda bundle: _check(kernel, options))


def run_in_budget(
    options: argparse.Namespace,
    work: "Callable[[Bundle, Clock], None]",
    check: "Callable[[Bundle], None]" = lambda bundle: None,
) -> int:
    """Write a fallback CSV, then do the work within the budget.

    Args:
        options: those of `base_options`.
        work: trains, predicts and writes.
        check: raises what can be known to be wrong in a tenth of a second, before earlier results are cleared.

    Returns:
        The exit code.
    """

    def run() -> int:
        from baselines.kit.fallback import write_fallback

        clock = Clock.of_process(parse_duration(options.budget))
        bundle = _open(options.data)
        ranks = Ranks.of_environment()
        try:
            check(bundle)
        except UserError as error:
            if not ranks.is_first:
                return error.exit_code  # the first process says it
            raise
        with ranks.output_folder(options.out) as folder:
            out = options.out = files.make_output_folder(folder)
            files.clear_old_results(out, keep_checkpoint=getattr(options, "resume", False))
            write_fallback(out, bundle)
            return hold_to_budget(clock, lambda: guarded(lambda: work(bundle, clock)), lambda: _last_words(clock, out))

    return guarded(run)


def guarded(run: Callable[[], int | None]) -> int:
    """Call `run`; a person's mistake becomes one line on standard error and an exit code."""
    try:
        return run() or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print("error: memory ran out: a smaller batch, smaller images or a smaller model need less", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the submission that was written last is valid", file=sys.stderr)
        return 130


def command_line(kernel: Kernel) -> argparse.ArgumentParser:
    """The options all kernels share, and the kernel's own shortcuts."""
    command = f"python -m {kernel.name} --data data/{kernel.competition}"
    examples = [f"{command} --budget 2m", f"{command} --out runs/mine --budget 10m --recipe strong --seed 1"]
    examples.append(f"{command} --set lr=0.003 --set batch=256")
    parser = base_options(kernel.name, kernel.about, examples, _LEFT_BEHIND)
    names = ", ".join(sorted(path.stem for path in kernel.recipes.glob("*.yaml")))
    training = parser.add_argument_group("training")
    training.add_argument("--recipe", default="reference", metavar="NAME", help=f"{names}, or a YAML file (reference)")
    training.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="settings",
        help="change a value of the recipe, as --set lr=0.01 --set schedule.name=cosine; may be repeated",
    )  # fmt: skip
    training.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps (auto)")
    training.add_argument("--threads", type=thread_count, metavar="N", help="CPU threads (the cores others leave free)")
    training.add_argument("--resume", action="store_true", help="go on with an interrupted run in --out")
    training.add_argument(
        "--probabilities", action="store_true", help="write probabilities.csv beside the submission, for ensembles"
    )
    training.add_argument("--show-recipe", action="store_true", help="print the recipe with all its keys and stop")
    for shortcut in kernel.shortcuts:
        training.add_argument(shortcut.flag, metavar="VALUE", dest=f"shortcut_{shortcut.key}", help=shortcut.help)
    return parser


def base_options(name: str, about: str, examples: Sequence[str], leaves: str) -> argparse.ArgumentParser:
    """Where the data is, where results go, the budget and the seed; each falls back to what a runner sets.

    Args:
        name: the module that is run.
        about: what it does, in a sentence.
        examples: whole commands.
        leaves: the files it writes beside the submission, in words.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_epilog(examples, leaves),
    )
    environment = os.environ
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", default=_path(environment.get("GRADER_BUNDLE")),
        help="bundle of a competition, made by `grader prepare` (environment: GRADER_BUNDLE)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", default=Path(environment.get("GRADER_OUT") or _default_out(name)),
        help="where submission.csv and the run's records go (environment: GRADER_OUT; runs/NAME)",
    )  # fmt: skip
    parser.add_argument(
        "--budget", metavar="TIME", default=environment.get("GRADER_BUDGET_SECONDS") or "10m",
        help="wall clock of the whole process, imports included: 45s, 10m (environment: GRADER_BUDGET_SECONDS; 10m)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=_seed, metavar="N", default=environment.get("GRADER_SEED") or "42",
        help="drives initial weights, order and augmentation (environment: GRADER_SEED; 42)",
    )  # fmt: skip
    return parser


def _epilog(examples: Sequence[str], leaves: str) -> str:
    shown = "".join(f"  {example}\n" for example in examples)
    return (
        f"examples:\n{shown}\n"
        "A valid submission.csv lies in --out from the first second on and is replaced by a better one before the\n"
        f"budget ends. Beside it: {leaves}.\n"
        "exit codes: 0 fine, 1 the bundle is bad, 2 wrong use or a missing prerequisite"
    )


def _check(kernel: Kernel, options: argparse.Namespace) -> None:
    _recipe(kernel, options)
    if options.resume and Ranks.of_environment().are_several:
        raise UserError("--resume works in one process only: start without torchrun")
    if options.resume:
        refuse_to_resume_nothing(options.out)


def refuse_to_resume_nothing(out: Path) -> None:
    """Before the results in `out` are cleared.

    Raises:
        UserError: no interrupted run lies there.
    """
    if not (out / files.RESUME).exists():
        raise UserError(f"{out}: no interrupted run to go on with; leave --resume away to begin one")


def _train(kernel: Kernel, options: argparse.Namespace, bundle: "Bundle", clock: Clock) -> None:
    ranks = Ranks.of_environment()
    outcome = train(
        kernel,
        _recipe(kernel, options),
        Path(options.recipe).stem,
        bundle,
        options.out,
        clock,
        seed=options.seed,
        device=options.device,
        threads=options.threads,
        resume=options.resume,
        probabilities=options.probabilities,
        ranks=ranks,
    )
    best = outcome.fit.best
    if best is not None and ranks.is_first:
        accuracy = f"validation accuracy {100 * best.validation_accuracy:.2f} % (epoch {best.epoch:.2f})"
        if best.validation_images < len(outcome.data.validation):
            accuracy += f" on {best.validation_images:,} of {len(outcome.data.validation):,} images"
        if outcome.kept_evaluation is None:
            accuracy += ", not of the last state, which no time was left to evaluate"
        print(f"{accuracy}, {options.out / files.SUBMISSION}")


def train(
    kernel: Kernel,
    recipe: "Recipe",
    recipe_name: str,
    bundle: "Bundle",
    out: Path,
    clock: Clock,
    **wishes: Any,
) -> "Outcome":
    """Import torch within the budget, train, predict and show both; `wishes` are further fields of a `Request`.

    Raises:
        UserError: the recipe, the device or the disk does not allow a run.
    """
    let_idle_threads_sleep()
    before = CpuReading.take()
    from baselines.kit.live import Silent, create_reporter
    from baselines.kit.request import Request
    from baselines.kit.session import stored_shape, train_and_predict

    if kernel.complete:
        recipe = kernel.complete(recipe, stored_shape(bundle))
    others_busy = CpuReading.take().others_since(before)
    request = Request(kernel.name, recipe_name, recipe, bundle, out, clock, others_busy=others_busy, **wishes)
    reporter = create_reporter(clock) if request.ranks.is_first else Silent()
    try:
        return train_and_predict(kernel.build, request, reporter)
    finally:
        reporter.close()


def _recipe(kernel: Kernel, options: argparse.Namespace) -> "Recipe":
    from baselines.kit.recipe import load_recipe

    return load_recipe(kernel.recipes, options.recipe, [*_shortcut_settings(kernel, options), *options.settings])


def _shortcut_settings(kernel: Kernel, options: argparse.Namespace) -> list[str]:
    given = {shortcut.key: getattr(options, f"shortcut_{shortcut.key}") for shortcut in kernel.shortcuts}
    return [f"{key}={value}" for key, value in given.items() if value is not None]


def _open(folder: Path | None) -> "Bundle":
    from competition.bundle import open_bundle

    if folder is None:
        raise UserError("no data: give --data FOLDER, the bundle that `grader prepare` made (or set GRADER_BUNDLE)")
    return open_bundle(folder)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: give a whole number from 0 to 4294967295")
    return int(text)


def thread_count(text: str) -> int:
    """The value of a `--threads` option."""
    if not text.isdecimal() or not 0 < int(text) < 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of threads: give a whole number from 1 on")
    return int(text)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _default_out(name: str) -> str:
    return f"runs/{name.rsplit('.', 1)[-1]}"


def _last_words(clock: Clock, out: Path) -> str:
    return (
        f"the budget of {show_duration(clock.budget_seconds)} ended before the run did: "
        f"{out / files.SUBMISSION} holds what was written before; give a longer --budget"
    )
