"""A kernel's run from a notebook: the same steps as on the command line, and the outcome to look at.

torch is imported by the run and not before it, so that a budget sees how long that takes here.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from baselines.kit import files
from baselines.kit.budget import Clock, Watchdog, parse_duration, show_duration
from baselines.kit.kernel import Kernel, refuse_to_resume_nothing, train
from competition.layout import MANIFEST, bundle_folder

if TYPE_CHECKING:
    from baselines.kit.request import Outcome


def find_bundle(competition: str) -> Path:
    """The bundle a notebook is about, wherever the notebook lies.

    Returns:
        `GRADER_BUNDLE`; without a runner the bundle in `data/` (or `GRADER_DATA`) of the working folder or of the
        nearest folder above it. Where there is none, the place where `grader prepare` would put it.
    """
    given = os.environ.get("GRADER_BUNDLE")
    if given:
        return Path(given)
    bundle, here = bundle_folder(Path(os.environ.get("GRADER_DATA", "data")), competition), Path.cwd()
    found = (folder / bundle for folder in (here, *here.parents) if (folder / bundle / MANIFEST).is_file())
    return next(found, bundle)


def train_here(
    kernel: Kernel,
    data: Path | str,
    out: Path | str,
    recipe: str = "reference",
    settings: Sequence[str] = (),
    budget: str = "10m",
    seed: int = 42,
    device: str = "auto",
    threads: int | None = None,
    resume: bool = False,
    probabilities: bool = False,
) -> "Outcome":
    """Train within a budget that begins now (a runner's `GRADER_DEADLINE` ends it earlier) and write the run's files.

    A runner takes no file that comes late, so its notebook is ended just before the deadline with the CSV that lies
    there. A notebook that was opened by hand is never ended: a late run costs its owner less than all variables.

    Args:
        kernel: a baseline's `KERNEL`.
        data: folder of the bundle.
        out: folder the submission and the run's records go to.
        recipe: name of one of the kernel's recipes or path of a YAML file.
        settings: changes of the recipe, as `["lr=0.01", "schedule.name=cosine"]`.
        budget: wall clock, as `45s` or `10m`.
        seed: drives initial weights, order and augmentation.
        device: as on the command line.
        threads: CPU threads; None: the cores that other processes leave free.
        resume: go on with an interrupted run in `out`.
        probabilities: write `probabilities.csv` beside the submission, for ensembles.

    Raises:
        UserError: the bundle, the recipe or the device does not allow a run.
    """
    from baselines.kit.fallback import write_fallback
    from baselines.kit.recipe import load_recipe
    from competition.bundle import open_bundle

    clock = Clock.starting_now(parse_duration(budget)).ended_by()
    bundle = open_bundle(Path(data))
    chosen = load_recipe(kernel.recipes, recipe, settings)  # what is wrong with it is told before anything is cleared
    folder = files.make_output_folder(Path(out))
    if resume:
        refuse_to_resume_nothing(folder)
    files.clear_old_results(folder, keep_checkpoint=resume)
    write_fallback(folder, bundle)
    with _last_resort(clock, folder):
        return train(
            kernel,
            chosen,
            Path(recipe).stem,
            bundle,
            folder,
            clock,
            seed=seed,
            device=device,
            threads=threads,
            resume=resume,
            probabilities=probabilities,
        )


def _has_runner() -> bool:
    return "GRADER_DEADLINE" in os.environ


def _last_resort(clock: Clock, out: Path) -> AbstractContextManager[object]:
    told = f"the budget of {show_duration(clock.budget_seconds)} ended before the run did: {out / files.SUBMISSION}"
    last_words = lambda: f"{told} holds what was written before"  # noqa: E731
    return Watchdog(clock, last_words) if _has_runner() else nullcontext()
