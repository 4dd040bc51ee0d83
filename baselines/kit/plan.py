"""What fits the budget: training speed is measured first, and each decision is told with its reason."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import nn

from baselines.kit.budget import Clock
from baselines.kit.data import ImageShape
from baselines.kit.device import Placement, choose_precision, kept_random_state, move_model, precision_candidates
from baselines.kit.losses import training_loss
from baselines.kit.memory import is_out_of_memory
from baselines.kit.optimizers import create_optimizer
from baselines.kit.recipe import Recipe, on_rung
from baselines.kit.seeds import seed_everything
from baselines.kit.step import TrainStep
from competition.errors import UserError

Build = Callable[[Recipe, ImageShape], nn.Module]

_SMALLEST_BUDGET = 4.0  # seconds left below which measuring would cost more than it gives
_PROBING_SHARE = 0.03  # of what is left, for one rung
# Values of the images of a trial step on the CPU: enough to fill its cores, a larger batch only takes longer to time.
_TRIAL_VALUES = 2**21
_FEW_IMAGES = 16  # that tell how long a batch would take
_LONG_BATCH = 1.0  # seconds; one that takes longer says no more than a few of its images
_TRAINING_SHARE = 0.8  # of what is left; the rest goes to data, evaluations and predictions


@dataclass(frozen=True, slots=True)
class Plan:
    """The recipe and the placement that a run trains with."""

    recipe: Recipe
    placement: Placement
    images_per_second: float | None  # measured training speed; None when there was no time to measure
    reason: str


def make_plan(
    build: Build,
    recipe: Recipe,
    shape: ImageShape,
    train_images: int,
    placement: Placement,
    clock: Clock,
    seed: int,
    gpus: int = 1,
) -> Plan:
    """Take the first rung of the recipe's ladder whose epochs fit the budget at its measured speed.

    A deterministic recipe stays on its first rung: a measured speed is never the same twice.

    Args:
        build: makes the model of a recipe.
        recipe: with or without a ladder.
        shape: of the stored images; a rung's `image_px` changes it.
        train_images: images of one epoch.
        placement: the device; precision and memory format are decided here.
        clock: the running budget.
        seed: of the run; every trial starts from it, so that measuring changes no later random number.
        gpus: that share each batch.

    Raises:
        UserError: the model cannot take images of this size.
    """
    rungs = recipe.ladder or [{}]
    refused = []
    for position, rung in enumerate(rungs, 1):
        name = f"rung {position} of {len(rungs)}" if recipe.ladder else "the recipe as it is"
        plan = _plan_rung(build, recipe, rung, shape, placement, clock, seed, name)
        placement = plan.placement  # what was faster on the first rung is taken for the others: measuring costs time
        epochs = _TRAINING_SHARE * max(0.0, clock.remaining) * gpus * (plan.images_per_second or 0.0) / train_images
        if recipe.deterministic or epochs >= float(rung.get("min_epochs", 0)):
            break
        refused.append(f"{name} would get {epochs:.1f} of its {rung['min_epochs']} epochs")
    fits = f"about {min(epochs, plan.recipe.epochs):.1f} epochs fit the budget"
    if plan.recipe.cache_features and gpus == 1:
        fits = f"features computed once, then up to {plan.recipe.epochs:g} epochs on them"
    reason = f"{name}: {fits}"
    return replace(plan, reason="; ".join([reason, *refused]))


def target_shape(stored: ImageShape, image_px: int | None) -> ImageShape:
    """The shape a model sees."""
    return replace(stored, height=image_px, width=image_px) if image_px else stored


def _plan_rung(
    build: Build,
    recipe: Recipe,
    rung: dict[str, object],
    stored: ImageShape,
    placement: Placement,
    clock: Clock,
    seed: int,
    name: str,
) -> Plan:
    taken = on_rung(recipe, rung, name)
    wish = "fp32" if taken.deterministic and taken.precision == "auto" else taken.precision
    candidates = [placement] if placement.precision_reason else precision_candidates(placement, wish)
    if clock.remaining < _SMALLEST_BUDGET:
        last = candidates[-1]
        return Plan(taken, replace(last, precision_reason=last.precision_reason or "no time to measure"), None, name)
    shape = target_shape(stored, taken.image_px)
    images = _trial_images(taken.batch, shape) if placement.device.type == "cpu" else taken.batch
    trial = lambda candidate: _trial_steps(build, taken, shape, candidate, seed, images)  # noqa: E731
    with kept_random_state(), told_where_images_do_not_fit(shape):
        chosen, speed = choose_precision(candidates, trial, images, _PROBING_SHARE * clock.remaining)
    return Plan(taken, chosen, speed, name)


@contextmanager
def told_where_images_do_not_fit(shape: ImageShape) -> Iterator[None]:
    """Turn torch's complaint about sizes into one line: a net that pools four times cannot take 8 pixels."""
    try:
        yield
    except RuntimeError as error:
        said = str(error.__cause__ or error)  # torchinfo wraps it
        if is_out_of_memory(error) or "size" not in said:
            raise
        size = f"{shape.height}x{shape.width}x{shape.channels}"
        reason = said.strip().splitlines()[0][:160]
        raise UserError(f"the model cannot take images of {size} ({reason}): try --set image_px=…") from None


def _trial_images(batch: int, shape: ImageShape) -> int:
    return min(batch, max(16, min(256, _TRIAL_VALUES // (shape.channels * shape.height * shape.width))))


def _trial_steps(
    build: Build, recipe: Recipe, shape: ImageShape, placement: Placement, seed: int, count: int
) -> Callable[[], None]:
    """A function that does one real training step on `count` random images with a throw-away model."""
    seed_everything(seed, recipe.deterministic)
    model = move_model(build(recipe, shape), placement).train()
    step = TrainStep(model, create_optimizer(model, recipe), training_loss(recipe), placement, count)
    images = torch.randn(count, shape.channels, shape.height, shape.width, device=placement.device)
    images = images.contiguous(memory_format=placement.memory_format)
    target = torch.randint(shape.classes, (count,), device=placement.device)

    def take() -> None:
        step(images, target)

    return take


def seconds_an_image(model: nn.Module, shape: ImageShape, placement: Placement, batch: int) -> float:
    """Measured inference time of one image in seconds, in batches as large as memory allows and a second holds."""
    few = min(batch, _FEW_IMAGES)
    while True:
        try:
            with torch.inference_mode(), kept_random_state():
                seconds = _seconds_a_batch(model, shape, placement, few) / few
                if seconds * batch > _LONG_BATCH:
                    return seconds
                return min(_seconds_a_batch(model, shape, placement, batch) for _ in range(2)) / batch
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or batch == 1:
                raise
        batch //= 2
        few = min(few, batch)


def _seconds_a_batch(model: nn.Module, shape: ImageShape, placement: Placement, batch: int) -> float:
    images = torch.randn(batch, shape.channels, shape.height, shape.width, device=placement.device)
    images = images.contiguous(memory_format=placement.memory_format)
    model.eval()
    start = time.perf_counter()
    with placement.autocast():
        model(images)
    placement.synchronise()
    return time.perf_counter() - start
