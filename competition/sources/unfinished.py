"""An array on disk that is filled in chunks by several processes and survives an interruption."""

import math
import os
import shutil
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

CHUNK_BYTES = 4 << 20
CHUNK_ITEMS = 256
ITEMS, CHECKSUMS = "items.npy", "checksums.npy"


class UnfinishedArray:
    """A uint8 array of items in a folder of its own, with a checksum for each chunk that is finished.

    A chunk counts as finished when its checksum fits what lies on disk, so that a power cut between the two cannot
    pass off zeros as images. `take` gives the complete array and lets go of the folder. Processes may share it.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._item_shape = shape[1:]
        item_bytes = math.prod(self._item_shape)
        chunk_items = max(1, min(CHUNK_ITEMS, CHUNK_BYTES // item_bytes))
        self.chunks = [range(at, min(at + chunk_items, shape[0])) for at in range(0, shape[0], chunk_items)]
        self._items = _array(folder / ITEMS, shape, np.uint8)
        self._checksums = _array(folder / CHECKSUMS, (len(self.chunks),), np.uint64)

    def is_finished(self, chunk: int) -> bool:
        """Whether the chunk was finished before, by this process or an interrupted one."""
        items = self.chunks[chunk]
        noted = int(self._checksums[chunk])
        return noted != 0 and noted == _checksum(self._items[items.start : items.stop])

    def empty_chunk(self, chunk: int) -> NDArray[np.uint8]:
        """Room for the items of a chunk, to be filled and given to `finish`."""
        return np.empty((len(self.chunks[chunk]), *self._item_shape), dtype=np.uint8)

    def finish(self, chunk: int, items: NDArray[np.uint8]) -> None:
        """Write the items of a chunk and note that it is finished."""
        start = self._items.offset + self.chunks[chunk].start * math.prod(self._item_shape)
        # Written by a call: storing through the map costs a page fault every 4 KiB, 0.3 s for CIFAR-10.
        with (self._folder / ITEMS).open("r+b", buffering=0) as file:
            file.seek(start)
            file.write(items.data)
        self._checksums[chunk] = _checksum(items)

    def take(self) -> NDArray[np.uint8]:
        """The complete array as a read-only memory map; its file has no name any more and goes with the last use."""
        items: NDArray[np.uint8] = open_memmap(self._folder / ITEMS, mode="r")
        shutil.rmtree(self._folder, ignore_errors=True)
        return items


def _checksum(items: NDArray[np.uint8]) -> int:
    """The CRC-32 of the items, with a bit above it so that it is never 0."""
    return zlib.crc32(items.data) | 1 << 32


def _array(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> np.memmap[Any, np.dtype[Any]]:
    """The array at `path`, made new and filled with zeros unless it is there in this shape."""
    if path.exists():
        with suppress(ValueError):
            found: np.memmap[Any, np.dtype[Any]] = open_memmap(path, mode="r+")
            if found.shape == shape and found.dtype == dtype:
                return found
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    made: np.memmap[Any, np.dtype[Any]] = open_memmap(aside, mode="w+", dtype=dtype, shape=shape)
    # A memory map that runs out of disk kills the process without a word: claim the space while that is an error.
    with aside.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, aside.stat().st_size))
    aside.rename(path)
    return made
