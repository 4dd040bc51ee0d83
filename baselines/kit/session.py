"""One run from an open bundle to a submission: plan, train, predict, write, explain; no command line needed."""

import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from baselines.kit import files
from baselines.kit.budget import Allowance, Clock, Reserve
from baselines.kit.checkpoint import save_checkpoint
from baselines.kit.curves import draw_curves
from baselines.kit.data import ImageData, ImageShape, batches_an_epoch, load_images
from baselines.kit.device import choose_device, move_model, peak_memory_mib, use_threads
from baselines.kit.diagnosis import Finding, describe, diagnose
from baselines.kit.fallback import fill_with_shares
from baselines.kit.features import LooksAtImages, cache_features
from baselines.kit.history import write_history
from baselines.kit.holdout import training_rows
from baselines.kit.live import Reporter
from baselines.kit.losses import class_probabilities
from baselines.kit.parallel import AgreedAllowance, ParallelTrainer, agree_on_plan, device_of, process_group
from baselines.kit.plan import Build, Plan, make_plan, seconds_an_image
from baselines.kit.predict import create_views, predict_logits
from baselines.kit.ranks import Ranks
from baselines.kit.recipe import Recipe
from baselines.kit.seeds import seed_everything
from baselines.kit.summary import count_parameters, summarise
from baselines.kit.trainer import Fit, Trainer
from competition.errors import UserError

if TYPE_CHECKING:
    from competition.bundle import Bundle

_PREDICTION_BATCH = 256
_LOOKED_AT = 5000  # images
_CACHING_SHARE = 0.75  # of what is left; the rest is for the head and for drawing and writing


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to do."""

    kernel: str
    recipe_name: str
    recipe: Recipe
    bundle: "Bundle"
    out: Path
    clock: Clock
    seed: int = 42
    device: str = "auto"
    threads: int | None = None
    resume: bool = False
    others_busy: float = 0.0  # cores that other processes use
    ranks: Ranks = field(default_factory=Ranks)  # of several processes that train together
    probabilities: bool = False  # write probabilities.csv beside the submission


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    plan: Plan
    fit: Fit
    findings: list[Finding]
    model: nn.Module
    data: ImageData
    predicted_rows: int


def train_and_predict(build: Build, request: Request, reporter: Reporter) -> Outcome:
    """Train within the budget and write the run's files, `submission.csv` first.

    Raises:
        UserError: the bundle, recipe, device or disk does not allow a run; what was written before stays valid.
    """
    with process_group(request.ranks):
        return _train_and_predict(build, request, reporter)


def _train_and_predict(build: Build, request: Request, reporter: Reporter) -> Outcome:
    imports_took = request.clock.elapsed
    threads, threads_reason = use_threads(request.threads, request.others_busy)
    reporter.note(f"{threads} threads ({threads_reason}), {show_versions()}")
    plan = _plan(build, request)
    _tell_plan(plan, reporter)
    seed_everything(request.seed, plan.recipe.deterministic)
    data = _load(request, plan)
    reporter.note(_describe_data(data))
    model = move_model(build(plan.recipe, data.shape), plan.placement)
    if isinstance(model, LooksAtImages):
        model.look_at(data.batch(data.train, torch.arange(min(_LOOKED_AT, len(data.train))), plan.placement))
    files.write_text(request.out / files.MODEL_SUMMARY, summarise(model, data.shape))
    reporter.note(f"{count_parameters(model):,} trainable parameters; layers in {files.MODEL_SUMMARY}")
    whole = model
    if plan.recipe.cache_features and not request.ranks.are_several:
        seconds = _CACHING_SHARE * request.clock.remaining
        data = cache_features(model, data, plan.placement, seconds, request.seed, reporter.note)
        model = whole.get_submodule("head")
    trainer = _make_trainer(model, data, plan, request, reporter, _first_reserve(model, data, plan, imports_took))
    if request.resume:
        trainer.resume(request.out / files.RESUME)
    fit = trainer.fit()
    reporter.note(f"training ended: {fit.ending}")
    kept = trainer.evaluated_model
    usable = trainer.best.restore(kept) or (fit.steps > 0 and not fit.diverged)
    rows = _predict(kept, data, plan, request, reporter) if usable else 0
    findings = diagnose(fit.rows, fit.losses, data.shape.classes, fit.diverged, fit.best)
    outcome = Outcome(plan, fit, findings, kept if whole is model else whole, data, rows)
    best = trainer.best.state if whole is model else whole.state_dict()
    _write_results(request, outcome, best, threads, imports_took, reporter)
    return outcome


def show_versions() -> str:
    """Versions of what the figures of a run depend on."""
    return f"torch {torch.__version__}, Python {platform.python_version()}"


def _plan(build: Build, request: Request) -> Plan:
    bundle = request.bundle
    stored = stored_shape(bundle)
    count = int(training_rows(bundle, request.seed).sum())
    device = choose_device(device_of(request.ranks, request.device))
    plan = None
    if request.ranks.is_first:
        plan = make_plan(build, request.recipe, stored, count, device, request.clock, request.seed)
    return plan if plan and not request.ranks.are_several else agree_on_plan(plan, device)


def stored_shape(bundle: "Bundle") -> ImageShape:
    """The shape of a bundle's images, and its number of classes."""
    images = bundle.train_images
    channels = images.shape[3] if images.ndim == 4 else 1
    return ImageShape(channels, images.shape[1], images.shape[2], len(bundle.rules.labels))


def _load(request: Request, plan: Plan) -> ImageData:
    recipe = plan.recipe
    return load_images(
        request.bundle, plan.placement, request.seed, recipe.image_px, recipe.mean, recipe.std, recipe.interpolation
    )


def _tell_plan(plan: Plan, reporter: Reporter) -> None:
    placement = plan.placement
    layout = ", channels_last" if placement.channels_last else ""
    reporter.note(f"device={placement.device} ({placement.device_reason})")
    reporter.note(f"dtype={placement.precision}{layout} ({placement.precision_reason})")
    reporter.note(f"plan: {plan.reason}")


def _describe_data(data: ImageData) -> str:
    shape = data.shape
    sizes = f"{len(data.train):,} train, {len(data.validation):,} validation, {len(data.test):,} test"
    size = f"{shape.height}x{shape.width}x{shape.channels}"
    return f"{sizes} images of {size}, {shape.classes} classes, read in {data.seconds:.1f} s"


def _first_reserve(model: nn.Module, data: ImageData, plan: Plan, imports_took: float) -> Reserve:
    """What to keep for the end, from the measured time of one batch and of the imports."""
    batch = min(_PREDICTION_BATCH, max(8, len(data.validation)))
    seconds = seconds_an_image(model, data.shape, plan.placement, batch)
    views = len(create_views(plan.recipe.tta))
    sample = min(2000, len(data.train))
    return Reserve(
        predict_seconds=seconds * len(data.test) * views,
        evaluate_seconds=seconds * (len(data.validation) + sample),
        finish_seconds=max(0.8, 0.5 * imports_took),
        predicted_images=len(data.test) * views,
        evaluated_images=len(data.validation) + sample,
    )


def _make_trainer(
    model: nn.Module, data: ImageData, plan: Plan, request: Request, reporter: Reporter, reserve: Reserve
) -> Trainer:
    epoch_steps = batches_an_epoch(len(data.train), plan.recipe.batch)
    total = max(1, round(plan.recipe.epochs * epoch_steps))
    now, ranks = time.monotonic(), request.ranks
    if not ranks.are_several:
        allowance = Allowance(request.clock, reserve, total, now)
        return Trainer(model, data, plan.recipe, plan.placement, allowance, reporter, request.seed, request.out)
    if request.resume or plan.recipe.cache_features:
        what = "--resume works" if request.resume else "features are computed"
        raise UserError(f"{what} in one process only: start without torchrun")
    agreed, out = AgreedAllowance(request.clock, reserve, total, now), request.out if ranks.is_first else None
    return ParallelTrainer(model, data, plan.recipe, plan.placement, agreed, reporter, request.seed, out, ranks=ranks)


def _predict(model: nn.Module, data: ImageData, plan: Plan, request: Request, reporter: Reporter) -> int:
    """Put predictions in the fallback's place, class shares where time ran out. Returns the rows predicted."""
    bundle = request.bundle
    stop_at = request.clock.last_call - 0.3  # the file itself takes a moment
    views = create_views(plan.recipe.tta)
    logits = predict_logits(model, data, data.test, plan.placement, _PREDICTION_BATCH, views, stop_at)
    if len(logits) < len(data.test):
        reporter.note(f"only {len(logits):,} of {len(data.test):,} test images were predicted in time")
    probabilities = fill_with_shares(class_probabilities(logits).numpy(), bundle)
    path = files.write_submission(request.out, bundle.rules, bundle.test_ids, probabilities)
    if request.probabilities:
        files.write_probabilities(request.out / files.PROBABILITIES, bundle.rules, bundle.test_ids, probabilities)
    reporter.note(f"{path} written")
    return len(logits)


def _write_results(
    request: Request,
    outcome: Outcome,
    best: dict[str, Tensor] | None,
    threads: int,
    imports_took: float,
    reporter: Reporter,
) -> None:
    """Everything beside the submission; figures come last because they can be left out when time is short."""
    fit, out = outcome.fit, request.out
    write_history(out, fit.rows)
    if best is not None:
        save_checkpoint(out / files.WEIGHTS, best)
    (out / files.RESUME).unlink(missing_ok=True)
    files.write_json(out / files.RUN, _run_record(request, outcome, threads, imports_took))
    reporter.note(describe(outcome.findings))
    if fit.rows and request.clock.remaining > max(0.5, 0.35 * imports_took):
        draw_curves(out, fit.rows, _title(request, fit), fit.best)
    elif fit.rows:
        reporter.note("no time was left to draw the curves; history.csv has their figures")
    reporter.note(f"done with {request.clock.remaining:.1f} s of the budget left")


def _title(request: Request, fit: Fit) -> str:
    best = f", best validation accuracy {100 * fit.best.validation_accuracy:.2f} %" if fit.best else ""
    what = f"{request.kernel}, recipe {request.recipe_name}, seed {request.seed}"
    return f"{what}: {fit.epochs:.1f} epochs in {fit.seconds:.0f} s{best}"


def _run_record(request: Request, outcome: Outcome, threads: int, imports_took: float) -> dict[str, Any]:
    fit, plan = outcome.fit, outcome.plan
    best = fit.best
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
        "peak_memory_mib": peak_memory_mib(plan.placement),
        "ending": fit.ending,
        "diverged": fit.diverged,
        "best_epoch": best.epoch if best else None,
        "validation_accuracy": best.validation_accuracy if best else None,
        "validation_loss": best.validation_loss if best else None,
        "predicted_rows": outcome.predicted_rows,
        "diagnosis": [asdict(finding) for finding in outcome.findings],
    }
