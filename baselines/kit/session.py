"""One run from an open bundle to a submission: plan, train, predict, write, explain; no command line needed."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from baselines.kit import files
from baselines.kit.allocator import freed_memory_kept
from baselines.kit.budget import Allowance, Reserve, SteadyAllowance
from baselines.kit.checkpoint import load_checkpoint
from baselines.kit.claim import bundle_identity
from baselines.kit.compiling import Compiled, compile_for_training
from baselines.kit.data import ImageData, ImageShape, batches_an_epoch, load_images
from baselines.kit.device import choose_device, forget_trials, laid_out_for, move_model, use_threads
from baselines.kit.diagnosis import diagnose
from baselines.kit.fallback import fill_with_shares, replace_by_shares
from baselines.kit.features import cache_features, show_images
from baselines.kit.holdout import training_rows
from baselines.kit.live import Reporter
from baselines.kit.losses import class_probabilities, guessing_loss
from baselines.kit.parallel import AgreedAllowance, ParallelTrainer, agree_on_plan, device_of, process_group
from baselines.kit.plan import Build, Plan, make_plan, seconds_an_image, told_where_images_do_not_fit
from baselines.kit.predict import PREDICTION_BATCH, create_views, predict_logits
from baselines.kit.recipe import Recipe, on_rung
from baselines.kit.request import Outcome, Request
from baselines.kit.results import show_versions, write_results
from baselines.kit.seeds import seed_everything
from baselines.kit.summary import count_parameters, outline, summarise
from baselines.kit.trainer import Trainer

if TYPE_CHECKING:
    from competition.bundle import Bundle

_CACHING_SHARE = 0.75  # of what is left; the rest is for the head and for drawing and writing


def train_and_predict(build: Build, request: Request, reporter: Reporter) -> Outcome:
    """Train within the budget and write the run's files, `submission.csv` first.

    Raises:
        UserError: the bundle, recipe, device or disk does not allow a run; what was written before stays valid.
    """
    with process_group(request.ranks, request.clock), freed_memory_kept():
        return _train_and_predict(build, request, reporter)


def _train_and_predict(build: Build, request: Request, reporter: Reporter) -> Outcome:
    imports_took = request.clock.elapsed
    # Another number of threads adds up in another order: bytes that are to be the same must not depend on the load.
    others_busy = 0.0 if request.recipe.deterministic else request.others_busy
    threads, threads_reason = use_threads(request.threads, others_busy)
    reporter.note(f"{threads} thread{'s' * (threads > 1)} ({threads_reason}), {show_versions()}")
    plan = _plan(build, request)
    _tell_plan(plan, reporter)
    seed_everything(request.seed, plan.recipe.deterministic)
    data = _load(request, plan)
    reporter.note(_describe_data(data))
    model = build(plan.recipe, data.shape)
    plan = replace(plan, placement=laid_out_for(model, plan.placement))
    model = move_model(model, plan.placement)
    show_images(model, data, plan.placement, request.seed)
    with told_where_images_do_not_fit(data.shape):
        layers = summarise(model, data.shape)
    files.write_text(request.out / files.MODEL_SUMMARY, layers)
    reporter.note(f"the model:\n{outline(model, data.shape)}")
    layout = ", channels_last" if plan.placement.channels_last else ""
    reporter.note(f"{count_parameters(model):,} trainable parameters{layout}; layers in {files.MODEL_SUMMARY}")
    whole = model
    if plan.recipe.cache_features and not request.ranks.are_several:
        seconds = _CACHING_SHARE * request.clock.remaining
        data = cache_features(model, data, plan.placement, seconds, request.seed, reporter.note)
        model = whole.get_submodule("head")
    compiled = compile_for_training(model, data, plan, request)
    reporter.note(f"compiled: {compiled.reason}")
    reserve = _first_reserve(model, data, plan, request, imports_took)
    trainer = _make_trainer(model, data, plan, request, reporter, reserve, compiled)
    if request.resume:
        trainer.resume(request.out / files.RESUME)
    fit = trainer.fit()
    reporter.note(f"training ended: {fit.ending}")
    kept = trainer.evaluated_model
    if not request.ranks.is_first:  # the first process predicts and writes; the cores are its
        return Outcome(plan, fit, [], kept, data, 0, compiled.reason)
    # Without any evaluation the last state is all there is; `keep: last` has put it where the best one would be.
    usable = trainer.best.restore(kept) or (fit.steps > 0 and not fit.diverged and not fit.rows)
    if whole is not model:  # where weights are averaged, the averaged head is the one that predicts
        model.load_state_dict(kept.state_dict())
    rows = _predict(kept, data, plan, request, reporter) if usable else 0
    classes = data.shape.classes
    guessing = guessing_loss(plan.recipe, classes)
    findings = diagnose(fit.rows, fit.losses, classes, guessing, fit.best, fit.extent, fit.divergence)
    outcome = Outcome(plan, fit, findings, kept if whole is model else whole, data, rows, compiled.reason)
    best = trainer.best.state if whole is model else whole.state_dict()
    write_results(request, outcome, best, threads, imports_took, reporter)
    return outcome


def _plan(build: Build, request: Request) -> Plan:
    bundle = request.bundle
    stored = stored_shape(bundle)
    count = int(training_rows(bundle, request.seed).sum())
    device = choose_device(device_of(request.ranks, request.device))
    plan = None
    if request.ranks.is_first:
        recipe = _resumed(request.out / files.RESUME, request.recipe) if request.resume else request.recipe
        gpus = request.ranks.count if device.device.type == "cuda" else 1
        plan = make_plan(build, recipe, stored, count, device, request.clock, request.seed, gpus)
        forget_trials(plan.placement)
    return plan if plan and not request.ranks.are_several else agree_on_plan(plan, device)


def _resumed(checkpoint: Path, recipe: Recipe) -> Recipe:
    """The rung of the ladder that the interrupted run was on: less time is left now, so another one might be chosen."""
    if not checkpoint.exists():
        return recipe
    saved = load_checkpoint(checkpoint).get("recipe")
    rungs = [on_rung(recipe, rung, "resumed") for rung in recipe.ladder]
    return next((rung for rung in rungs if rung.model_dump_json() == saved), recipe)


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
    reporter.note(f"device={placement.device} ({placement.device_reason})")
    reporter.note(f"dtype={placement.precision} ({placement.precision_reason})")
    reporter.note(f"plan: {plan.reason}")


def _describe_data(data: ImageData) -> str:
    shape = data.shape
    sizes = f"{len(data.train):,} train, {len(data.validation):,} validation, {len(data.test):,} test"
    size = f"{shape.height}x{shape.width}x{shape.channels}"
    return f"{sizes} images of {size}, {shape.classes} classes, read in {data.seconds:.1f} s"


def _first_reserve(model: nn.Module, data: ImageData, plan: Plan, request: Request, imports_took: float) -> Reserve:
    """What to keep for the end, from the measured time of one batch and of the imports."""
    batch = min(PREDICTION_BATCH, max(8, len(data.validation)))
    seconds = seconds_an_image(model, data.shape, plan.placement, batch)
    views = len(create_views(plan.recipe.tta))
    sample = min(Trainer.sample_size, len(data.train))
    return Reserve(
        predict_seconds=seconds * len(data.test) * views,
        evaluate_seconds=seconds * (len(data.validation) + sample),
        finish_seconds=max(1.2, 0.5 * imports_took) + _seconds_to_write(request),
        predicted_images=len(data.test) * views,
        evaluated_images=len(data.validation) + sample,
        processes=request.ranks.count,
    )


def _make_trainer(
    model: nn.Module,
    data: ImageData,
    plan: Plan,
    request: Request,
    reporter: Reporter,
    reserve: Reserve,
    compiled: Compiled,
) -> Trainer:
    epoch_steps = batches_an_epoch(len(data.train), plan.recipe.batch)
    total = max(1, round(plan.recipe.epochs * epoch_steps))
    now, ranks = time.monotonic(), request.ranks
    if not ranks.are_several:
        kind = SteadyAllowance if plan.recipe.deterministic else Allowance
        allowance = kind(request.clock, reserve, total, now)
        return Trainer(
            model, data, plan.recipe, plan.placement, allowance, reporter, request.seed, request.out, compiled.forward,
            bundle_identity(request.bundle),
        )  # fmt: skip
    agreed, out = AgreedAllowance(request.clock, reserve, total, now), request.out if ranks.is_first else None
    return ParallelTrainer(model, data, plan.recipe, plan.placement, agreed, reporter, request.seed, out, ranks=ranks)


def _seconds_to_write(request: Request) -> float:
    """What the CSVs take: formatting a number costs a microsecond or two."""
    rows, classes = len(request.bundle.test_ids), len(request.bundle.rules.labels)
    tables = (request.bundle.rules.form == "probabilities") + request.probabilities
    return 0.3 + files.SECONDS_A_CELL * rows * (2 + tables * classes)


def _predict(model: nn.Module, data: ImageData, plan: Plan, request: Request, reporter: Reporter) -> int:
    """Put predictions in the fallback's place, class shares where time ran out. Returns the rows predicted."""
    bundle = request.bundle
    stop_at = request.clock.last_call - _seconds_to_write(request)
    views = create_views(plan.recipe.tta)
    logits = predict_logits(model, data, data.test, plan.placement, PREDICTION_BATCH, views, stop_at)
    if len(logits) < len(data.test):
        reporter.note(f"only {len(logits):,} of {len(data.test):,} test images were predicted in time")
    probabilities = fill_with_shares(class_probabilities(logits).numpy(), bundle)
    broken = replace_by_shares(probabilities, bundle)
    if broken:
        reporter.note(f"{broken:,} predictions were no numbers: these rows hold the classes' shares")
    path = files.write_submission(request.out, bundle.rules, bundle.test_ids, probabilities)
    if request.probabilities:
        files.write_probabilities(request.out / files.PROBABILITIES, bundle.rules, bundle.test_ids, probabilities)
    reporter.note(f"{path} written")
    return len(logits)
