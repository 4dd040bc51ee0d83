"""One model trained by several processes, one a GPU: equal shares of every batch, one clock, one set of figures.

    torchrun --nproc-per-node 2 -m baselines.cifar10_resnet50 --data data/cifar10

Every process goes through the same steps. What depends on time is decided by the first one and told to the others:
processes that disagree on the number of steps would wait for each other for ever.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from baselines.kit.budget import Allowance, Clock
from baselines.kit.data import Part
from baselines.kit.device import Placement, kept_random_state
from baselines.kit.losses import plain_loss
from baselines.kit.optimizers import create_optimizer
from baselines.kit.plan import Plan
from baselines.kit.predict import Evaluation, evaluate
from baselines.kit.ranks import Ranks
from baselines.kit.recipe import Recipe
from baselines.kit.seeds import seed_everything
from baselines.kit.step import TrainStep
from baselines.kit.trainer import Trainer
from competition.errors import UserError

_GRACE = 60.0  # seconds after the budget's end; torchrun has long ended the others where one of them failed


@contextmanager
def process_group(ranks: Ranks, clock: Clock) -> Iterator[None]:
    """Connect the processes for the length of the block; a process alone connects to nobody.

    They leave together. One that is done early would otherwise end while the first still predicts, and its end can be
    a crash, for which torchrun stops all: gloo's threads outlive the group as long as the wrapped model holds it, and
    one that lets go of a tensor while the interpreter shuts down brings the process down.
    """
    if not ranks.are_several:
        yield
        return
    # Times are agreed upon in the CPU's group, so that no GPU has to wait for them.
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    except RuntimeError as error:
        if ranks.is_first or not (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise
        raise UserError("the connection to the first process is lost: its own message says why") from None
    else:
        # One that is missing has told why itself, or was cut; older torch has no such barrier beside nccl (ValueError).
        with suppress(RuntimeError, ValueError):
            dist.monitored_barrier(timeout=timedelta(seconds=max(0.0, clock.remaining) + _GRACE))
    finally:
        dist.destroy_process_group()


def device_of(ranks: Ranks, wish: str) -> str:
    """The device wish of this process: its own GPU where there are several processes and GPUs."""
    if not ranks.are_several or wish not in ("auto", "cuda") or not torch.cuda.is_available():
        return wish
    if ranks.local >= torch.cuda.device_count():
        raise UserError(f"{ranks.count} processes but {torch.cuda.device_count()} GPUs: start one process a GPU")
    torch.cuda.set_device(ranks.local)
    return f"cuda:{ranks.local}"


def agree_on_plan(plan: Plan | None, placement: Placement) -> Plan:
    """The first process's plan, on this process's own device."""
    told: list[Any] = [None]
    if plan is not None:
        chosen = plan.placement
        told = [
            (plan.recipe.model_dump_json(), chosen.precision, chosen.channels_last, plan.images_per_second, plan.reason)
        ]
    dist.broadcast_object_list(told, device=torch.device("cpu"))
    recipe, precision, channels_last, speed, reason = told[0]
    here = replace(placement, precision=precision, channels_last=channels_last, precision_reason="as the first process")
    return plan or Plan(Recipe.model_validate_json(recipe), here, speed, reason)


def _of_first(*values: float) -> list[float]:
    """The first process's values, in every process."""
    shared = torch.tensor(values, dtype=torch.float64)
    dist.broadcast(shared, 0)
    return shared.tolist()


def _summed(values: Tensor) -> Tensor:
    dist.all_reduce(values)
    return values


@dataclass(slots=True)
class AgreedAllowance(Allowance):
    """An allowance whose clock is the first process's, which is asked once a step: before it."""

    _passed: float = 0.0  # what `_by_time` was then

    def _by_time(self) -> float:
        return self._passed

    def fits_another_step(self, step: int) -> bool:
        """As the first process sees it."""
        fits, self._passed = _of_first(Allowance.fits_another_step(self, step), Allowance._by_time(self))
        return bool(fits)


class ParallelStep(TrainStep):
    """A step whose gradients are averaged over the processes; so are the loss and the right answers it tells."""

    def __call__(self, images: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """One step. Returns the mean loss of the whole batch and the right answers in it."""
        loss, right = super().__call__(images, target)
        loss, right = _summed(torch.stack([loss.float(), right.float()])).unbind()
        return loss / dist.get_world_size(), right

    def _gradients_gathered(self, is_last: bool) -> AbstractContextManager[None]:
        return nullcontext() if is_last else self.model.no_sync()  # type: ignore[operator]

    def _halve(self, batch: int) -> None:
        raise UserError(
            f"out of memory with {batch} images in one process: add up parts of a batch with --set accumulate=2"
        )


class ParallelTrainer(Trainer):
    """A trainer that takes its share of every batch."""

    def __init__(self, *args: Any, ranks: Ranks, **kwargs: Any) -> None:
        """As `Trainer`; `ranks` says which share is this process's."""
        super().__init__(*args, **kwargs)
        self.ranks = ranks
        seed_everything(self.seed + ranks.rank, self.recipe.deterministic)  # dropout and mixup differ a process
        self._batches.share = partial(share_of, ranks=ranks)
        self._batches.augment_stream = f"augment, rank {ranks.rank}"
        own_gpu = [self.placement.device.index] if self.placement.device.type == "cuda" else None
        step = self._train_step
        part_size = self._part_size_that_fits(math.ceil(step.part_size / ranks.count))
        self._train_step = ParallelStep(
            DistributedDataParallel(self.model, device_ids=own_gpu),
            self.optimizer,
            step.loss,
            self.placement,
            part_size,
            self.recipe.clip_gradient,
            self.reporter.note,
        )

    def _part_size_that_fits(self, part_size: int) -> int:
        """The largest part that every process has the memory for, by trial: later none could halve it alone."""
        if self.placement.device.type != "cuda":
            return part_size
        before = {name: value.clone() for name, value in self.model.state_dict().items()}
        optimizer = create_optimizer(self.model, self.recipe)  # of its own, with all the memory that it takes
        trial = TrainStep(self.model, optimizer, plain_loss(self.recipe), self.placement, part_size)
        self.model.train()
        with kept_random_state():
            batch = self._batches.of_step(0)
            trial(batch.images, batch.target)
        self.model.load_state_dict(before)
        self.model.zero_grad(set_to_none=True)
        smallest = torch.tensor(trial.part_size)
        dist.all_reduce(smallest, dist.ReduceOp.MIN)
        if int(smallest) < part_size:
            self.reporter.note(f"out of memory: {int(smallest)} images at a time in each process, gradients added up")
        return int(smallest)

    @property
    def _own_batch(self) -> int:
        return math.ceil(self.recipe.batch / self.ranks.count)

    def _save(self) -> None:
        """Write nothing on the way: such a run is not resumed, and a file takes the first process alone some time.

        What only one process does must not ask the agreed clock either: the others would answer a later question.
        """

    def _evaluating_costs_too_much(self) -> bool:
        (too_much,) = _of_first(super()._evaluating_costs_too_much())
        return bool(too_much)

    def _measure(self) -> tuple[Evaluation, Evaluation | None] | None:
        """Every process evaluates its share; the figures are those of all shares together."""
        for buffer in self.evaluated_model.buffers():  # batch norms have seen other images in every process
            dist.broadcast(buffer, 0)
        validation, shown = (self._evaluate_share(part) for part in (self.data.validation, self.sample))
        return None if validation is None else (validation, shown)

    def _evaluate_share(self, part: Part) -> Evaluation | None:
        own = slice(self.ranks.rank, None, self.ranks.count)
        share = Part(part.images[own], part.labels[own])
        stop_at = self.allowance.evaluation_end()
        loss = plain_loss(self.recipe)
        found = evaluate(self.evaluated_model, self.data, share, self.placement, 256, loss, stop_at)
        return _gathered(found)


def _gathered(found: Evaluation | None) -> Evaluation | None:
    """Means over all processes, weighted with their images; None where no process had time for one."""
    figures = [found.loss, found.accuracy, found.contradicted, found.seconds] if found else [0.0] * 4
    count = found.count if found else 0
    *sums, total = _summed(torch.tensor([*(count * figure for figure in figures), count], dtype=torch.float64)).tolist()
    if not total:
        return None
    loss, accuracy, contradicted, seconds = (value / total for value in sums)
    return Evaluation(loss, accuracy, int(total), contradicted, seconds)


def share_of(index: Tensor, ranks: Ranks) -> Tensor:
    """This process's rows of a batch: as many for each, at least two, some rows twice where they do not divide."""
    wanted = max(2, math.ceil(len(index) / ranks.count)) * ranks.count
    return index.repeat(math.ceil(wanted / len(index)))[:wanted][ranks.rank :: ranks.count]
