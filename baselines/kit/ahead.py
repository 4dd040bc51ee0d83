"""The batch of the next step, made in a second thread while the model learns from this one."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

from baselines.kit.data import ImageShape
from baselines.kit.device import Placement
from baselines.kit.openmp import idle_threads_sleep
from baselines.kit.recipe import Recipe

Made = TypeVar("Made")

_POLITENESS = 5  # added to the niceness: the threads of the model come first
_SMALL_BATCH = 2**21  # values; larger ones are a small share of their steps and would be held twice


@contextmanager
def made_ahead(make: Callable[[int], Made], pays: bool) -> Iterator[Callable[[int], Made]]:
    """`make` as it is called: with one step after the other. Where that pays, the next step's result is made meanwhile.

    Args:
        make: gives a step's batch, the same at any time and without drawing from torch's global generator, from which
            dropout draws meanwhile. What it raises is raised where its result is asked for.
        pays: from `ahead_pays`.
    """
    if not pays:
        yield make
        return
    pool = ThreadPoolExecutor(1, "batches", initializer=_keep_to_the_gaps)
    begun: dict[int, Future[Made]] = {}

    def take(step: int) -> Made:
        made = (begun.pop(step, None) or pool.submit(make, step)).result()
        begun.clear()
        begun[step + 1] = pool.submit(make, step + 1)
        return made

    try:
        yield take
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def ahead_pays(recipe: Recipe, shape: ImageShape, placement: Placement) -> bool:
    """Whether steps become shorter, and what a seed gives stays the same.

    The gaps are where the model computes with one thread, as for the masks of dropout, and the others sleep. A GPU
    works on while its batches are made; a run with one thread leaves the other cores to others; only Linux gives each
    thread a niceness of its own. Pictures that are changed one at a time draw from torch's global generator.
    """
    return (
        sys.platform == "linux"
        and placement.device.type == "cpu"
        and torch.get_num_threads() > 1
        and idle_threads_sleep()
        and recipe.batch * shape.channels * shape.height * shape.width <= _SMALL_BATCH
        and not (recipe.torchvision or recipe.albumentations)
    )


def _keep_to_the_gaps() -> None:
    """Of the calling thread alone: one thread for its tensors, and no core that the model's threads ask for."""
    torch.set_num_threads(1)
    os.nice(_POLITENESS)
