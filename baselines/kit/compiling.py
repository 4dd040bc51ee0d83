"""`torch.compile` where it pays: faster steps against the seconds that compiling takes before the first of them."""

from dataclasses import dataclass

import torch
from torch import nn

from baselines.kit.batches import Batches
from baselines.kit.budget import show_duration
from baselines.kit.data import ImageData, batch_sizes
from baselines.kit.device import Placement, kept_random_state
from baselines.kit.losses import training_loss
from baselines.kit.plan import Plan
from baselines.kit.recipe import Recipe
from baselines.kit.request import Request
from competition.errors import first_line

# Compiling takes 10 to 60 s. On CUDA it wins that back in a long run; on two CPU cores steps even get slower
# (0.63 to 0.96 of the speed, measured with the nets of these baselines).
_WORTH_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a training step calls in the model's place, and why."""

    forward: nn.Module
    reason: str


def compile_for_training(model: nn.Module, data: ImageData, plan: Plan, request: Request) -> Compiled:
    """Compile the model for training steps where the recipe or the budget asks for it.

    The compiled module shares its weights with `model`, which evaluations and predictions go on using. Compiling
    happens here, for every batch size that training will use, and leaves weights and random numbers as they were.
    """
    wish, before = plan.recipe.compile, request.clock.elapsed
    if wish == "never":
        return Compiled(model, "no (the recipe says never)")
    if request.ranks.are_several:
        return Compiled(model, "no (several processes train together)")
    if wish == "auto" and plan.placement.device.type != "cuda":
        return Compiled(model, f"no (it does not pay on {plan.placement.device.type})")
    if wish == "auto" and request.clock.budget_seconds < _WORTH_SECONDS:
        return Compiled(model, f"no (it pays in budgets from {show_duration(_WORTH_SECONDS)} on)")
    try:
        forward: nn.Module = torch.compile(model, dynamic=False)  # type: ignore[assignment]
        _warm_up(forward, model, data, plan.recipe, plan.placement, request.seed)
    except Exception as error:  # whatever a compiler stumbles over, the model trains without it
        model.zero_grad(set_to_none=True)
        return Compiled(model, f"no (it failed: {first_line(error)})")
    return Compiled(forward, f"yes, in {show_duration(request.clock.elapsed - before)}")


def _warm_up(
    forward: nn.Module, model: nn.Module, data: ImageData, recipe: Recipe, placement: Placement, seed: int
) -> None:
    """One step without an optimizer for each batch size, on real batches; batch norms get their statistics back."""
    batches, loss = Batches(data, recipe, placement, seed), training_loss(recipe)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    forward.train()
    with kept_random_state():
        for size in batch_sizes(len(data.train), recipe.batch, recipe.accumulate):
            images, target = batches.make(0, torch.arange(size, device=data.train.images.device))
            with placement.autocast():
                logits = forward(images)
            torch.autograd.backward(loss(logits, target))
    placement.synchronise()
    model.load_state_dict(before)
    model.zero_grad(set_to_none=True)
