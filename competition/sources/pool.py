"""What every source gives: one pool of items with their labels, before any split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class GivenSplit:
    """The ids, the scored parts and the folds that a source gives its items.

    Attributes:
        ids: N ids, unique within the train and within the test part.
        usage: N of "Public", "Private" or "Ignored" for the test part, "" for the train part.
        folds: N folds, of which only those of the train part count; None where the source has no folds.
    """

    ids: list[str]
    usage: list[str]
    folds: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """All items of a source in the source's own order; row i of every member is item i.

    Either `images` or `table` is given. `names` are for messages and for `grader doctor` only: they may tell the
    label, so they never enter a bundle.

    Attributes:
        images: uint8, N x height x width (gray) or N x height x width x 3 (RGB); may be a read-only memory map.
        table: the feature columns, N rows, where the competition is about a table.
        labels: N labels as text, in the words of the spec's label set (a number as text for regression).
        names: N names, unique: the path inside the source, or the file with the row's position.
        groups: N names of what must not be torn apart by a split: font family, writer.
        parts: N of "train" or "test" where the source itself is split; a competition usually splits anew.
        given: what else a split of the source's own says, for `split: given`.
    """

    images: NDArray[np.uint8] | None
    table: pl.DataFrame | None
    labels: list[str]
    names: list[str]
    groups: list[str] | None = None
    parts: list[str] | None = None
    given: GivenSplit | None = None

    def __len__(self) -> int:
        """How many items the pool holds."""
        return len(self.labels)
