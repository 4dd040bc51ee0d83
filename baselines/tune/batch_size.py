"""Batch-size finder: `python -m baselines.tune.batch_size fontchar_bottleneck --data data/fontchar`.

The batch is doubled, with real training steps, until memory ends, speed stops growing or the images do.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from baselines.kit import files
from baselines.kit.allocator import freed_memory_kept
from baselines.kit.budget import Clock, parse_duration
from baselines.kit.kernel import guarded
from baselines.tune.kernels import find_kernel
from baselines.tune.options import completed_recipe, measuring_options, opened_bundle
from competition.errors import UserError

if TYPE_CHECKING:
    from baselines.kit.device import Placement
    from baselines.tune.prepared import Prepared

RECORD = "batch_size.json"
_GAIN = 1.05  # less than this is no growth
_MEMORY_SHARE = 0.9  # of what is free: a process that takes all is killed instead of being told
_NEXT_ROUND = 8  # times the last step: three steps of twice the images, the first of which is slow
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}
_COMMAND = "python -m baselines.tune.batch_size"
_EPILOG = f"""examples:
  {_COMMAND} fontchar_bottleneck --data data/fontchar
  {_COMMAND} cifar10_resnet50 --data data/cifar10 --memory 12g

Prints a line a batch size as it is measured, then the one to take and why; {RECORD} in --out holds the same.
exit codes: 0 fine, 1 the bundle is bad, 2 wrong use or a missing prerequisite"""


@dataclass(frozen=True, slots=True)
class Speed:
    """Training speed at one batch size."""

    batch: int
    images_per_second: float


@dataclass(frozen=True, slots=True)
class Finding:
    """The batch size to take, what was measured, and why no larger one."""

    batch: int
    reason: str
    speeds: tuple[Speed, ...]


def find_batch_size(
    prepared: "Prepared",
    smallest: int,
    clock: Clock,
    memory: int | None = None,
    tell: Callable[[Speed], None] = lambda speed: None,
) -> Finding:
    """Double the batch until memory ends, speed stops growing or an epoch is one batch.

    Args:
        prepared: kernel and images.
        smallest: the first batch.
        clock: when its time is up, what was measured decides.
        memory: bytes that may be used; None: most of what is free.
        tell: takes each speed as soon as it is measured.

    Raises:
        UserError: not even the smallest batch fits into memory.
    """
    from baselines.kit.memory import is_out_of_memory

    speeds: list[Speed] = []
    largest = max(smallest, len(prepared.data.train))
    batch = smallest
    with limited_memory(prepared.placement, memory):
        while batch <= largest:
            try:
                with freed_memory_kept():  # as in a run; and given back, or the next size would find holes too small
                    speeds.append(Speed(batch, _images_per_second(prepared, batch)))
            except (MemoryError, RuntimeError) as error:
                if not (is_out_of_memory(error) or "bad_alloc" in str(error)):
                    raise
                return _chosen(speeds, f"memory ended at {batch} images")
            tell(speeds[-1])
            if _stopped_growing(speeds):
                return _chosen(speeds, f"speed stopped growing: {_shown(speeds[-3:])}")
            if clock.remaining < _NEXT_ROUND * speeds[-1].batch / speeds[-1].images_per_second + 1:
                return _chosen(speeds, f"the budget ended at {batch} images")
            batch *= 2
    return _chosen(speeds, f"an epoch has {largest} images")


def _images_per_second(prepared: "Prepared", batch: int) -> float:
    """The faster of two steps, after a first one that builds kernels and caches.

    Raises:
        MemoryError: the step had to halve the batch.
    """
    take, (images, target) = prepared.new_step(batch), next(prepared.batches(batch))
    seconds = []
    for _ in range(3):
        prepared.placement.synchronise()
        began = time.perf_counter()
        take(images, target)
        prepared.placement.synchronise()
        seconds.append(time.perf_counter() - began)
        if take.part_size < batch:
            raise MemoryError
    return len(images) / min(seconds[1:])


def _stopped_growing(speeds: Sequence[Speed]) -> bool:
    """Twice in a row: one slow measurement on a busy machine says little."""
    if len(speeds) < 3:
        return False
    before, *last = (speed.images_per_second for speed in speeds[-3:])
    return max(last) < _GAIN * before


def _chosen(speeds: Sequence[Speed], why_no_larger: str) -> Finding:
    if not speeds:
        raise UserError(f"{why_no_larger}: use a smaller model or smaller images (--set image_px=…), or more --memory")
    best = max(speed.images_per_second for speed in speeds)
    # The smallest batch that is nearly as fast: small batches make more steps an epoch, and generalise better.
    taken = next(speed for speed in speeds if speed.images_per_second * _GAIN >= best)
    fastest = "the fastest" if taken.images_per_second == best else f"within 5 % of the fastest ({best:,.0f})"
    reason = f"{taken.images_per_second:,.0f} images/s, {fastest}; larger ones end because {why_no_larger}"
    return Finding(taken.batch, reason, tuple(speeds))


def _shown(speeds: Sequence[Speed]) -> str:
    return ", ".join(f"{speed.batch}: {speed.images_per_second:,.0f} images/s" for speed in speeds)


@contextmanager
def limited_memory(placement: "Placement", limit: int | None) -> Iterator[None]:
    """Let allocations fail beyond a limit in bytes, instead of having the system kill the process.

    On a GPU the limit is the allocator's; on the CPU it is the data size of this process (setrlimit(2), RLIMIT_DATA).
    """
    import torch

    if placement.device.type == "cuda":
        total = torch.cuda.get_device_properties(placement.device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total) if limit else 1.0, placement.device)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, placement.device)
        return
    import resource

    import psutil

    process = psutil.Process()
    used = getattr(process.memory_info(), "data", process.memory_info().rss)
    room = limit - process.memory_info().rss if limit else int(_MEMORY_SHARE * psutil.virtual_memory().available)
    if room <= 0:
        raise UserError(f"--memory {limit} is less than what the imports and images take already; give more")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    ceiling = used + room if before[1] == resource.RLIM_INFINITY else min(used + room, before[1])
    resource.setrlimit(resource.RLIMIT_DATA, (ceiling, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def parse_bytes(text: str) -> int:
    """Bytes of `800m`, `12g` or a plain number.

    Raises:
        argparse.ArgumentTypeError: it is no size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?", text.strip().lower())
    if not found or float(found[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write 800m or 12g")
    return int(float(found[1]) * _UNITS[found[2]])


def command_line() -> argparse.ArgumentParser:
    """The options of the finder."""
    parser = measuring_options("baselines.tune.batch_size", "Find the batch size at which training is fast.", _EPILOG)
    finder = parser.add_argument_group("batch size")
    finder.add_argument("--smallest", type=int, default=8, metavar="N", help="first batch (8)")
    finder.add_argument("--memory", type=parse_bytes, metavar="BYTES", help="that the run may use, as 12g (most of it)")
    return parser


def main() -> int:
    """Run the finder from the command line. Returns the exit code."""
    options = command_line().parse_args()
    return guarded(lambda: _find(options))


def _find(options: argparse.Namespace) -> None:
    clock = Clock.of_process(parse_duration(options.budget))
    if options.smallest < 2:
        raise UserError(f"--smallest {options.smallest}: batch norm needs two images at least")
    bundle, kernel = opened_bundle(options.data), find_kernel(options.kernel)
    recipe = completed_recipe(kernel, options, bundle)
    from baselines.tune.prepared import prepare

    out = files.make_output_folder(options.out)
    prepared = prepare(kernel, recipe, bundle, clock, options.seed, options.device, options.threads)
    finding = find_batch_size(prepared, options.smallest, clock, options.memory, _print_speed)
    files.write_json(out / RECORD, {**asdict(finding), "device": str(prepared.placement.device)})
    print(f"batch={finding.batch}: {finding.reason}")
    if finding.batch != prepared.recipe.batch:
        print(f"the recipe has batch {prepared.recipe.batch} and lr {prepared.recipe.lr:g}: another batch needs "
              "another rate, see baselines.tune.lr_range")  # fmt: skip


def _print_speed(speed: Speed) -> None:
    print(f"batch {speed.batch:6d}  {speed.images_per_second:10,.0f} images/s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
