"""Where and in which precision a run computes, each choice with its reason in words."""

import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from competition.errors import UserError, first_line

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_TIMED_STEPS = 3
_CLEAR_REFS, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")  # Linux only


@dataclass(frozen=True, slots=True)
class Placement:
    """Device, precision and memory format of a model, with the reasons for them."""

    device: torch.device
    precision: str = "fp32"
    channels_last: bool = False
    device_reason: str = ""
    precision_reason: str = ""

    @property
    def dtype(self) -> torch.dtype:
        """The type that matrix products are computed in."""
        return _DTYPES[self.precision]

    def autocast(self) -> AbstractContextManager[object]:
        """Context in which the forward pass and the loss run."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    @property
    def memory_format(self) -> torch.memory_format:
        """Layout of image batches and of convolution weights."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def synchronise(self) -> None:
        """Wait until the device has done what was asked of it, so that a clock read after it is true."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


def choose_device(wish: str) -> Placement:
    """The device for `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.

    Raises:
        UserError: the device is unknown or not on this machine.
    """
    if wish == "auto":
        if torch.cuda.is_available():
            return _cuda_if_it_works()
        if torch.backends.mps.is_available():
            return Placement(torch.device("mps"), device_reason="found Apple's Metal")
        return Placement(torch.device("cpu"), device_reason="no GPU was found")
    try:
        device = torch.device(wish)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device {wish!r} is not on this machine ({first_line(error)}); use --device auto") from None
    return Placement(device, device_reason="asked for")


def _cuda_if_it_works() -> Placement:
    """CUDA, unless this build of torch has no kernels for the GPU that was found."""
    try:
        torch.zeros(1, device="cuda").add_(1).item()
    except RuntimeError as error:
        reason = f"{torch.cuda.get_device_name()} does not work: {first_line(error)}"
        return Placement(torch.device("cpu"), device_reason=reason)
    return Placement(torch.device("cuda"), device_reason=f"found {torch.cuda.get_device_name()}")


def use_threads(wish: int | None, others_busy: float = 0.0) -> tuple[int, str]:
    """Set the number of CPU threads and say why.

    Threads that have to share their cores wait for each other at every layer: two runs of two threads on two cores
    train at a fifth of the speed of two runs of one. So cores that others keep busy are left to them.

    Args:
        wish: the number asked for, or None.
        others_busy: mean number of cores that other processes use.
    """
    if wish:
        torch.set_num_threads(wish)
        return wish, "asked for"
    if os.environ.get("OMP_NUM_THREADS"):
        return torch.get_num_threads(), "OMP_NUM_THREADS"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = max(1, cores - round(others_busy)) if cores == os.cpu_count() else cores
    torch.set_num_threads(free)
    if free < cores:
        return free, f"{cores} cores, others use {others_busy:.1f} of them"
    return free, "cores this process may use"


def precision_candidates(placement: Placement, wish: str) -> list[Placement]:
    """The precisions worth timing on a device; a single one when the recipe names it or only one can win."""
    kind = placement.device.type
    if wish != "auto":
        return [replace(placement, precision=wish, channels_last=wish != "fp32", precision_reason="asked for")]
    fp32 = replace(placement, precision="fp32")
    if kind == "cuda":
        half = "bf16" if torch.cuda.get_device_capability(placement.device) >= (8, 0) else "fp16"
        return [replace(placement, precision=half, channels_last=True), fp32]
    if kind == "cpu":
        bf16 = replace(placement, precision="bf16", channels_last=True)
        return [bf16, fp32] if _computes_in_bf16() else [fp32, bf16]
    return [replace(fp32, precision_reason="the only one used on this device")]


def _computes_in_bf16() -> bool:
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def choose_precision(
    candidates: list[Placement],
    steps_on: Callable[[Placement], Callable[[], None]],
    images: int,
    allowed_seconds: float = math.inf,
) -> tuple[Placement, float]:
    """Time training steps in each precision and keep the fastest one.

    Args:
        candidates: from `precision_candidates`, the likely winner first; all on one device.
        steps_on: makes, for a candidate, a function that does one whole training step on throw-away state.
        images: images of a step.
        allowed_seconds: when they are used up, the candidates that were not timed are left out.

    Returns:
        The winner, its reason filled in, and its speed in training images a second.
    """
    end = time.monotonic() + allowed_seconds
    speeds: list[float] = []
    for candidate in candidates:
        if speeds and time.monotonic() > end:
            break
        speeds.append(images / _seconds_a_step(candidate, steps_on(candidate), end))
    best = max(range(len(speeds)), key=speeds.__getitem__)
    if len(candidates) == 1:
        return candidates[0], speeds[0]
    shown = " vs ".join(f"{c.precision} {s:,.0f}" for c, s in zip(candidates, speeds, strict=False))
    left_out = "" if len(speeds) == len(candidates) else ", no time for others"
    return replace(candidates[best], precision_reason=f"measured: {shown} images/s{left_out}"), speeds[best]


def _seconds_a_step(placement: Placement, one_step: Callable[[], None], end: float) -> float:
    # The first step builds kernels and caches; it counts only where there is no time for another. On a GPU it loads
    # whole libraries and says nothing about the speed.
    least = 1 if placement.device.type == "cpu" else 2
    timings = [_seconds_of(placement, one_step)]
    while len(timings) < least or (len(timings) <= _TIMED_STEPS and time.monotonic() < end):
        timings.append(_seconds_of(placement, one_step))
    return min(timings)


def _seconds_of(placement: Placement, one_step: Callable[[], None]) -> float:
    placement.synchronise()
    start = time.perf_counter()
    one_step()
    placement.synchronise()
    return time.perf_counter() - start


def laid_out_for(model: nn.Module, placement: Placement) -> Placement:
    """The placement with channels_last for nets with convolutions only: others would have the layout undone."""
    convolves = any(isinstance(layer, nn.Conv2d) for layer in model.modules())
    return replace(placement, channels_last=placement.channels_last and convolves)


def move_model(model: nn.Module, placement: Placement) -> nn.Module:
    """The model on the device, in the memory format of the placement."""
    return model.to(placement.device, memory_format=placement.memory_format)  # type: ignore[call-overload,no-any-return]


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Leave torch's random state as it was, so that measuring speeds does not change what a seed gives."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield


def forget_trials(placement: Placement) -> None:
    """Give back the GPU memory that measuring speeds took, and count the peak from here on where that can be done."""
    if placement.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(placement.device)
    else:
        with suppress(OSError):
            _CLEAR_REFS.write_text("5")  # of proc(5): sets the peak to what is used now


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """Most memory used, and by what: the `gpu`, the `run`, or the `process` since its start, other runs included."""

    mib: float
    of: str


def peak_memory(placement: Placement) -> PeakMemory:
    """Most memory used since `forget_trials`: of the GPU, or of this process where there is none."""
    if placement.device.type == "cuda":
        return PeakMemory(torch.cuda.max_memory_allocated(placement.device) / 2**20, "gpu")
    of_run = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text()) if os.access(_CLEAR_REFS, os.W_OK) else None
    if of_run:
        return PeakMemory(int(of_run[1]) / 2**10, "run")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return PeakMemory(peak / (2**20 if sys.platform == "darwin" else 2**10), "process")
