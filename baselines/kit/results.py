"""What a run leaves beside its submission: figures, weights, curves, the record and the report."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.kit import files
from baselines.kit.checkpoint import save_checkpoint
from baselines.kit.curves import draw_curves
from baselines.kit.device import peak_memory
from baselines.kit.diagnosis import describe
from baselines.kit.history import write_history
from baselines.kit.live import Reporter
from baselines.kit.machine import describe_machine
from baselines.kit.report import write_report
from baselines.kit.request import Outcome, Request
from baselines.kit.summary import count_parameters
from competition.errors import UserError

_DRAWING_SECONDS = 1.0  # what importing matplotlib and drawing takes on a machine that others use too
_PAGE_SECONDS = 0.3
_ACCURACY_OF = {
    "accuracy": "best validation accuracy",
    "loss": "validation accuracy at the lowest loss",
    "last": "last validation accuracy",
}


def show_versions() -> str:
    """Versions of what the figures of a run depend on."""
    return f"torch {torch.__version__}, Python {platform.python_version()}"


def write_results(
    request: Request,
    outcome: Outcome,
    best: dict[str, Tensor] | None,
    threads: int,
    imports_took: float,
    reporter: Reporter,
) -> None:
    """Write everything beside the submission; pictures come last because they can be left out when time is short.

    Args:
        request: what was asked.
        outcome: what it came to.
        best: the kept weights; None where there are none.
        threads: CPU threads.
        imports_took: seconds, by which the time that drawing takes is estimated.
        reporter: told what was written and what was left out.
    """
    fit, out = outcome.fit, request.out
    record = _run_record(request, outcome, threads, imports_took)
    (out / files.RESUME).unlink(missing_ok=True)  # first: the others may need its room
    with _told(reporter):
        write_history(out, fit.rows)
    with _told(reporter):
        files.write_json(out / files.RUN, record)
    with _told(reporter):
        if best is not None:
            save_checkpoint(out / files.WEIGHTS, best)
    reporter.note(describe(outcome.findings))
    if fit.rows and request.clock.remaining > max(_DRAWING_SECONDS, 0.35 * imports_took):
        with _told(reporter):
            draw_curves(out, fit.rows, _title(request, outcome), outcome.kept_evaluation)
    elif fit.rows:
        reporter.note("no time was left to draw the curves; history.csv has their figures")
    if request.clock.remaining > max(_PAGE_SECONDS, 0.1 * imports_took):
        with _told(reporter):
            reporter.note(f"{write_report(out, record, fit.rows)} shows the run")
    reporter.note(f"done with {request.clock.remaining:.1f} s of the budget left")


@contextmanager
def _told(reporter: Reporter) -> Iterator[None]:
    """A file that finds no room is told and no more: the submission is there, and that is what counts."""
    try:
        yield
    except UserError as error:
        reporter.note(str(error))


def _title(request: Request, outcome: Outcome) -> str:
    fit = outcome.fit
    name = _ACCURACY_OF[outcome.plan.recipe.keep]
    best = f", {name} {100 * fit.best.validation_accuracy:.2f} %" if fit.best else ""
    what = f"{request.kernel}, recipe {request.recipe_name}, seed {request.seed}"
    return f"{what}: {fit.epochs:.1f} epochs in {fit.seconds:.0f} s{best}"


def _run_record(request: Request, outcome: Outcome, threads: int, imports_took: float) -> dict[str, Any]:
    fit, plan = outcome.fit, outcome.plan
    best, memory = fit.best, peak_memory(plan.placement)
    return {
        "kernel": request.kernel,
        "competition": request.bundle.rules.competition,
        "recipe_name": request.recipe_name,
        "recipe": plan.recipe.model_dump(),
        "plan": plan.reason,
        "seed": request.seed,
        "device": str(plan.placement.device),
        "device_reason": plan.placement.device_reason,
        "precision": plan.placement.precision,
        "precision_reason": plan.placement.precision_reason,
        "channels_last": plan.placement.channels_last,
        "compiled": outcome.compiled,
        "machine": describe_machine(request.others_busy),
        "threads": threads,
        "versions": {"torch": torch.__version__, "python": platform.python_version(), "numpy": np.__version__},
        "budget_seconds": request.clock.budget_seconds,
        "seconds": {
            "imports": imports_took,
            "data": outcome.data.seconds,
            "training": fit.seconds,
            "until_submission": request.clock.elapsed,
        },
        "parameters": count_parameters(outcome.model),
        "train_images": len(outcome.data.train),
        "steps": fit.steps,
        "epochs": fit.epochs,
        "batch_parts": fit.batch_parts,
        "images_per_second": fit.images_per_second,
        "peak_memory_mib": memory.mib,
        "peak_memory_of": memory.of,
        "ending": fit.ending,
        "diverged": fit.diverged,
        "best_epoch": best.epoch if best else None,
        "validation_accuracy": best.validation_accuracy if best else None,
        "validation_loss": best.validation_loss if best else None,
        "validation_images": best.validation_images if best else 0,  # that these were measured on
        "validation_size": len(outcome.data.validation),
        "predicted_rows": outcome.predicted_rows,
        "diagnosis": [asdict(finding) for finding in outcome.findings],
    }
