"""A column of text without a Python object a cell: one buffer of UTF-8 bytes, and where each cell starts and ends."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.signedinteger]  # int32 where the text is smaller than 2 GiB, int64 otherwise
Words = NDArray[np.uint64]

PADDING = 8  # zero bytes behind the text, so that eight bytes can be read from wherever a cell starts
WORD = 8  # bytes of text packed into one unsigned integer
CHUNK = 1 << 17  # rows worked on at once: temporaries stay in the processor's cache and out of peak memory

_KEEP = np.array([(1 << 8 * count) - 1 for count in range(WORD)] + [2**64 - 1], dtype=np.uint64)


def offset_type(size: int) -> type[np.int32] | type[np.int64]:
    """The smaller integer that counts the bytes of a text of this size."""
    return np.int32 if size < 2**31 - PADDING else np.int64


@dataclass(frozen=True, slots=True)
class TextColumn:
    """Cells of text: cell `i` is `buffer[starts[i]:ends[i]]` (N offsets each; the buffer has `PADDING` bytes more)."""

    buffer: Bytes
    starts: Offsets
    ends: Offsets

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> "TextColumn":
        """The column that holds these texts."""
        cells = [text.encode() for text in texts]
        joined = np.frombuffer(b"".join(cells) + bytes(PADDING), dtype=np.uint8)
        ends: Offsets = np.cumsum([len(cell) for cell in cells], dtype=offset_type(len(joined)))
        starts = np.concatenate([ends[:1] * 0, ends[:-1]])
        return cls(joined, starts, ends)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: slice | NDArray[np.intp] | NDArray[np.bool_]) -> "TextColumn":
        return TextColumn(self.buffer, self.starts[rows], self.ends[rows])

    @property
    def lengths(self) -> Offsets:
        """Bytes of each cell."""
        return self.ends - self.starts

    def text(self, row: int) -> str:
        """One cell as a string."""
        return self.buffer[self.starts[row] : self.ends[row]].tobytes().decode()

    def texts(self, rows: Iterable[int] | None = None) -> list[str]:
        """The cells of these rows, or of all, as strings."""
        data = self.buffer.data
        chosen = slice(None) if rows is None else np.fromiter(rows, dtype=np.intp)
        bounds = zip(self.starts[chosen].tolist(), self.ends[chosen].tolist(), strict=True)
        return [str(data[start:end], "utf-8") for start, end in bounds]

    def word(self, number: int) -> Words:
        """Bytes `8 * number` to `8 * number + 7` of each cell as one integer (N), zeros behind the cell's end.

        Text holds no NUL byte, so two cells have the same words exactly when they have the same text.
        """
        window = len(self.buffer) - WORD
        eight = np.ndarray((window + 1,), dtype="<u8", buffer=self.buffer.data, strides=(1,))
        starts = self.starts if number == 0 else np.minimum(self.starts + WORD * number, window)
        left = self.lengths if number == 0 else np.maximum(self.lengths - WORD * number, 0)
        packed: Words = eight[starts]
        packed &= _KEEP.take(np.minimum(left, WORD))
        return packed


def chunks(rows: int) -> Iterator[slice]:
    """The rows in pieces of at most `CHUNK`."""
    return (slice(start, min(start + CHUNK, rows)) for start in range(0, rows, CHUNK))
