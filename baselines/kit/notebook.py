"""A kernel's run from a notebook: the same steps as on the command line, and the outcome to look at."""

import os
from collections.abc import Sequence
from pathlib import Path

from baselines.kit import files
from baselines.kit.budget import Clock, parse_duration
from baselines.kit.fallback import write_fallback
from baselines.kit.kernel import Kernel
from baselines.kit.live import create_reporter
from baselines.kit.recipe import load_recipe
from baselines.kit.request import Outcome, Request
from baselines.kit.session import stored_shape, train_and_predict
from competition.bundle import open_bundle


def train_here(
    kernel: Kernel,
    data: Path | str,
    out: Path | str,
    recipe: str = "reference",
    settings: Sequence[str] = (),
    budget: str = "10m",
    seed: int = 42,
    device: str = "auto",
) -> Outcome:
    """Train within a budget that begins now (a runner's `GRADER_DEADLINE` ends it earlier) and write the run's files.

    Args:
        kernel: a baseline's `KERNEL`.
        data: folder of the bundle.
        out: folder the submission and the run's records go to.
        recipe: name of one of the kernel's recipes or path of a YAML file.
        settings: changes of the recipe, as `["lr=0.01", "schedule.name=cosine"]`.
        budget: wall clock, as `45s` or `10m`.
        seed: drives initial weights, order and augmentation.
        device: as on the command line.

    Raises:
        UserError: the bundle, the recipe or the device does not allow a run.
    """
    seconds = parse_duration(budget)
    clock = Clock.of_process(seconds) if "GRADER_DEADLINE" in os.environ else Clock.starting_now(seconds)
    bundle = open_bundle(Path(data))
    folder = files.make_output_folder(Path(out))
    files.clear_old_results(folder)
    write_fallback(folder, bundle)
    chosen = load_recipe(kernel.recipes, recipe, settings)
    if kernel.complete:
        chosen = kernel.complete(chosen, stored_shape(bundle))
    request = Request(kernel.name, Path(recipe).stem, chosen, bundle, folder, clock, seed, device)
    reporter = create_reporter(clock)
    try:
        return train_and_predict(kernel.build, request, reporter)
    finally:
        reporter.close()
