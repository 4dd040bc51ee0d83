"""Many encoded images into one memory-mapped array, on all cores, going on where an interrupted run stopped."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from competition.errors import BadInputError
from competition.progress import Progress, silent
from competition.sources.cache import scratch_folder
from competition.sources.cores import on_all_cores
from competition.sources.members import Container, Member
from competition.sources.picture import Shape, decode_into
from competition.sources.unfinished import UnfinishedArray

STAGE = "decode"
FORM = 1  # of the decoded pixels: raised when the same file would give other bytes


@dataclass(frozen=True, slots=True)
class _Work:
    unfinished: UnfinishedArray
    container: Container
    members: Sequence[Member]
    shape: Shape


def decode_images(
    container: Container, members: Sequence[Member], shape: Shape, progress: Progress = silent
) -> NDArray[np.uint8]:
    """Decode the members, in their order.

    Returns:
        uint8, N x height x width (gray) or N x height x width x 3, a read-only memory map.

    Raises:
        BadInputError: the first member that is no image, by name.
    """
    with _own_folder(container, members, shape) as folder:
        unfinished = UnfinishedArray(folder, (len(members), *shape.array_shape))
        decode = partial(_decode_chunk, _Work(unfinished, container, members, shape))
        progress(STAGE, 0, len(members))
        for done in on_all_cores(decode, len(unfinished.chunks)):
            progress(STAGE, done, len(members))
        return unfinished.take()


def _decode_chunk(work: _Work, chunk: int) -> int:
    """Decode one chunk and return how many items come up to its end."""
    items = work.unfinished.chunks[chunk]
    if not work.unfinished.is_finished(chunk):
        pixels = work.unfinished.empty_chunk(chunk)
        for out, member in zip(pixels, work.members[items.start : items.stop], strict=True):
            data = work.container.read(member)
            try:
                decode_into(out, data, work.shape)
            except ValueError as error:
                raise _no_image(work.container, member, error) from error
        work.unfinished.finish(chunk, pixels)
    return items.stop


def _no_image(container: Container, member: Member, error: ValueError) -> BadInputError:
    return BadInputError(f"{container.path}: {member.name!r} is no readable image ({error}); mend it or take it out")


@contextmanager
def _own_folder(container: Container, members: Sequence[Member], shape: Shape) -> Iterator[Path]:
    """A folder that an interrupted run with the same task left behind, and that no other process works in."""
    task = scratch_folder() / _task_name(container, members, shape)
    task.parent.mkdir(parents=True, exist_ok=True)
    lock_path = task.with_suffix(".lock")
    with lock_path.open("w") as lock:
        if not _is_first(lock, lock_path):
            yield task.with_name(f"{task.name}-{os.getpid()}")
            return
        try:
            yield task
        finally:
            lock_path.unlink(missing_ok=True)


def _is_first(lock: IO[str], path: Path) -> bool:
    """Whether this process alone holds the lock, and the lock is still the one that others will find."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(lock.fileno()).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def _task_name(container: Container, members: Sequence[Member], shape: Shape) -> str:
    digest = hashlib.sha256(json.dumps([FORM, str(container.path.resolve()), astuple(shape)]).encode())
    digest.update("\n".join(f"{member.name}\0{member.size}\0{member.version}" for member in members).encode())
    return digest.hexdigest()[:32]
