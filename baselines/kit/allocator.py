"""Whether memory that was freed goes back to the system at once, which hands it out again page by page."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

# Parameters of mallopt(3) and what they are at first.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_FIRST_TRIM_THRESHOLD, _FIRST_MMAP_MAX = 128 * 1024, 65_536


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let glibc keep what is freed inside for what is asked for next, and give it back at the end.

    All steps of a training ask for the same tensors. Left alone glibc maps each of 32 MiB and more anew every time, and
    the system clears its pages one by one: of large batches on a CPU that is up to a quarter of a step's time. Where
    there is no glibc nothing changes.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_MAX, _FIRST_MMAP_MAX)
        libc.mallopt(_TRIM_THRESHOLD, _FIRST_TRIM_THRESHOLD)
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no such handle
        return None
    return libc if hasattr(libc, "gnu_get_libc_version") else None
