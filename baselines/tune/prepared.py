"""A kernel's model, optimizer and images made ready for measurements outside a whole run."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from torch import Tensor

from baselines.kit.batches import Batches
from baselines.kit.budget import Clock
from baselines.kit.data import ImageData, load_images
from baselines.kit.device import Placement, choose_device, laid_out_for, move_model, use_threads
from baselines.kit.features import show_images
from baselines.kit.holdout import training_rows
from baselines.kit.kernel import Kernel
from baselines.kit.losses import training_loss
from baselines.kit.optimizers import create_optimizer
from baselines.kit.plan import Plan, make_plan
from baselines.kit.recipe import Recipe
from baselines.kit.seeds import seed_everything
from baselines.kit.session import stored_shape
from baselines.kit.step import TrainStep

if TYPE_CHECKING:
    from competition.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a measurement works with: the plan a run would follow, and the images."""

    kernel: Kernel
    plan: Plan
    data: ImageData
    seed: int

    @property
    def recipe(self) -> Recipe:
        """The recipe, its ladder resolved."""
        return self.plan.recipe

    @property
    def placement(self) -> Placement:
        """Device and precision."""
        return self.plan.placement

    def new_step(self, batch: int) -> TrainStep:
        """A training step over a new model; all of `batch` images go through it at once."""
        seed_everything(self.seed, self.recipe.deterministic)
        model = move_model(self.kernel.build(self.recipe, self.data.shape), self.placement).train()
        show_images(model, self.data, self.placement, self.seed)
        optimizer = create_optimizer(model, self.recipe)
        return TrainStep(model, optimizer, training_loss(self.recipe), self.placement, batch, self.recipe.clip_gradient)

    def batches(self, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches that a run with this seed trains on, without end; small data are repeated."""
        made = Batches(self.data, self.recipe.model_copy(update={"batch": batch}), self.placement, self.seed)
        for step in count():
            yield made.make(step, made.rows(step))


def prepare(
    kernel: Kernel, recipe: Recipe, bundle: "Bundle", clock: Clock, seed: int, device: str, threads: int | None
) -> Prepared:
    """Choose device and precision as a run would, and load the images.

    Raises:
        UserError: the bundle, the recipe or the device does not allow a run.
    """
    use_threads(threads)
    placement = choose_device(device)
    images = int(training_rows(bundle, seed).sum())
    plan = make_plan(kernel.build, recipe, stored_shape(bundle), images, placement, clock, seed)
    taken = plan.recipe
    data = load_images(bundle, plan.placement, seed, taken.image_px, taken.mean, taken.std, taken.interpolation)
    laid_out = laid_out_for(kernel.build(taken, data.shape), plan.placement)
    return Prepared(kernel, replace(plan, placement=laid_out), data, seed)
