"""Exact repeats: items whose content is the same byte for byte, and contents that carry two labels."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

    from competition.sources.pool import Pool

Ints = NDArray[np.int64]
HASH_BYTES = 16
HASH_FIELD = np.dtype([("high", "<u8"), ("low", "<u8")])


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often contents repeat in a pool.

    Attributes:
        content: for each of N items the number of its content, 0..D-1 in the order of first appearance.
        distinct: D, how many different contents there are.
        conflicting: for each item whether its content carries more than one label.
    """

    content: Ints
    distinct: int
    conflicting: NDArray[np.bool_]


def find_repeats(pool: "Pool", targets: Ints) -> Repeats:
    """The repeats of a pool whose items have the classes (or values, as numbers of equal ones) `targets`."""
    content = _image_contents(pool.images) if pool.images is not None else _table_contents(pool.table)
    distinct = int(content.max(initial=-1)) + 1
    _, first_of_pair = np.unique(_pairs(content, targets), return_index=True)
    conflicting = np.bincount(content[first_of_pair], minlength=distinct)[content] > 1
    return Repeats(content, distinct, conflicting)


def kept_items(
    repeats: Repeats, targets: Ints, policy: Literal["keep", "drop", "together"], conflicts: Literal["keep", "drop"]
) -> Ints:
    """The items that stay, in their order: `drop` keeps the first item of each content (and label)."""
    stays = np.ones(len(targets), dtype=bool)
    if policy == "drop":
        _, first = np.unique(_pairs(repeats.content, targets), return_index=True)
        stays[:] = False
        stays[first] = True
    if conflicts == "drop":
        stays &= ~repeats.conflicting
    return np.flatnonzero(stays)


def _pairs(content: Ints, targets: Ints) -> Ints:
    """One number for each pair of a content and a target."""
    pairs: Ints = content * (targets.max(initial=0) + 1) + targets
    return pairs


def _image_contents(images: NDArray[np.uint8]) -> Ints:
    hashes = np.empty(len(images), dtype=HASH_FIELD)
    view = hashes.view(f"V{HASH_BYTES}")
    for row in range(len(images)):
        pixels = np.ascontiguousarray(images[row])
        view[row] = np.void(hashlib.blake2b(pixels.data, digest_size=HASH_BYTES).digest())
    return _numbered(hashes)


def _table_contents(table: "pl.DataFrame | None") -> Ints:
    if table is None or not table.width:
        raise ValueError("a pool has either images or features")
    import polars as pl

    row = "\0row"  # no column of a CSV has a name like this
    first = table.with_row_index(row).select(pl.col(row).min().over(table.columns))[row]
    return _numbered(first.to_numpy())


def _numbered(contents: NDArray[Any]) -> Ints:
    """Equal contents get equal numbers, 0 for the first content met."""
    _, first, inverse = np.unique(contents, return_index=True, return_inverse=True)
    number: Ints = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse]
