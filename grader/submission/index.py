"""Exact lookup of text in bulk: which of the known texts is each cell of a column?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from competition.errors import BadInputError
from grader.submission.columns import WORD, TextColumn, Words, chunks

Positions = NDArray[np.int32]

LONGEST = 256  # bytes of an id or a label
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: Fibonacci hashing (Knuth, TAOCP 3, 6.4)


class TextIndex:
    """Known texts in their order, found by their bytes: `007` is not `7`, and a space is a character like any other.

    Texts are kept as 64-bit words, so that equality is exact and needs no Python object a text. A column in the same
    order as the texts is matched by comparing words; for any other order a hash table with linear probing is filled
    at the first need. The table holds known texts only, so that no submission can make its chains long.
    """

    def __init__(self, column: TextColumn):
        longest = int(column.lengths.max(initial=0))
        if longest > LONGEST:
            row = int(column.lengths.argmax())
            raise BadInputError(f"row {row + 1}: a text of {longest} bytes where {LONGEST} are allowed")
        self._longest = longest
        self._words = np.empty((max(1, -(-longest // WORD)), len(column)), dtype="<u8")
        for rows in chunks(len(column)):
            self._words[:, rows] = self._packed(column[rows])
        self._table: Positions | None = None
        self._duplicates: Positions | None = None

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> "TextIndex":
        """The index of these texts.

        Raises:
            BadInputError: a text is longer than `LONGEST` bytes.
        """
        return cls(TextColumn.from_texts(texts))

    def __len__(self) -> int:
        return self._words.shape[1]

    def __contains__(self, text: str) -> bool:
        return bool(self.find(TextColumn.from_texts([text]))[0] >= 0)

    def text(self, position: int) -> str:
        """The known text at a position."""
        return self._words[:, position].tobytes().rstrip(b"\0").decode()

    def texts(self) -> list[str]:
        """All known texts in order."""
        cells = np.ascontiguousarray(self._words.T).view(f"S{WORD * len(self._words)}").ravel()
        return [cell.decode() for cell in cells.tolist()]

    def sorted(self, positions: NDArray[np.intp]) -> NDArray[np.intp]:
        """The positions in the order of their texts' bytes."""
        keys = self._words[::-1, positions].byteswap()  # the first byte of a text weighs most
        ordered: NDArray[np.intp] = positions[np.lexsort(keys)]
        return ordered

    def duplicates(self) -> Positions:
        """Positions of the texts that stand at another position already, ascending."""
        self._filled()
        assert self._duplicates is not None
        return self._duplicates

    def find(self, column: TextColumn) -> Positions:
        """The position of each cell among the known texts (N int32), -1 where it is none of them."""
        found = np.full(len(column), -1, dtype=np.int32)
        for rows in chunks(len(column) if len(self) else 0):
            found[rows] = self._find(column[rows], rows.start)
        return found

    def _find(self, cells: TextColumn, first: int) -> Positions:
        """Positions of a chunk of cells, the first of which is row `first` of its column."""
        words = self._packed(cells)
        if first + len(cells) <= len(self) and (words == self._words[:, first : first + len(cells)]).all():
            found = np.arange(first, first + len(cells), dtype=np.int32)
        else:
            found = self._probe(words)
        found[cells.lengths > self._longest] = -1
        return found

    # Below, `take` with positions stands where a mask would read better: masks cost several times as much.

    def _probe(self, words: Words) -> Positions:
        """Positions of packed texts by the hash table."""
        table = self._filled()
        found = np.full(words.shape[1], -1, dtype=np.int32)
        pending = np.arange(words.shape[1])
        slots = self._slots(words, len(table))
        while pending.size:
            occupant = table.take(slots)
            taken = occupant >= 0
            same = self._same(words, occupant) & taken
            hits = np.flatnonzero(same)
            found[pending.take(hits)] = occupant.take(hits)
            others = np.flatnonzero(taken ^ same)
            pending, words = pending.take(others), words.take(others, axis=1)
            slots = (slots.take(others) + 1) & (len(table) - 1)
        return found

    def _filled(self) -> Positions:
        """The hash table: slot to position, -1 where free; a sixth to a third of it is filled."""
        if self._table is None:
            table = np.full(1 << (3 * len(self)).bit_length(), -1, dtype=np.int32)
            repeated = [self._fill(table, rows) for rows in chunks(len(self))]
            self._duplicates = np.sort(np.concatenate([np.empty(0, np.int32), *repeated]))
            self._table = table
        return self._table

    def _fill(self, table: Positions, rows: slice) -> Positions:
        """Put a chunk of known texts into the table; returns those that it holds already."""
        repeated = [np.empty(0, dtype=np.int32)]
        pending = np.arange(rows.start, rows.stop, dtype=np.int32)
        words = self._words[:, rows]
        slots = self._slots(words, len(table))
        while pending.size:
            free = np.flatnonzero(table.take(slots) < 0)[::-1]
            # of several texts that want one slot the first gets it: numpy keeps the last assignment
            table[slots.take(free)] = pending.take(free)
            occupant = table.take(slots)
            same = self._same(words, occupant)
            repeated.append(pending[same & (occupant != pending)])
            others = np.flatnonzero(~same)
            pending, words = pending.take(others), words.take(others, axis=1)
            slots = (slots.take(others) + 1) & (len(table) - 1)
        return np.concatenate(repeated)

    def _same(self, words: Words, positions: Positions) -> NDArray[np.bool_]:
        """Whether each packed text is the known text at its position."""
        same: NDArray[np.bool_] = words[0] == self._words[0].take(positions)
        for mine, known in zip(words[1:], self._words[1:], strict=True):
            same &= mine == known.take(positions)
        return same

    def _packed(self, cells: TextColumn) -> Words:
        """The words of each cell (W x N)."""
        return np.stack([cells.word(number) for number in range(len(self._words))])

    def _slots(self, words: Words, size: int) -> NDArray[np.intp]:
        """Where in a table of `size` (a power of two) the search for each packed text begins."""
        mixed = words[0] * _MULTIPLIER
        for word in words[1:]:
            mixed = ((mixed ^ (mixed >> np.uint64(32))) + word) * _MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
        mixed *= _MULTIPLIER
        slots: NDArray[np.intp] = (mixed >> np.uint64(65 - size.bit_length())).astype(np.intp)
        return slots
