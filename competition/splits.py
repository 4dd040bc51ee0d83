"""Which part each item goes to: pure functions of strata, groups and sort keys, in whole numbers only.

A stratum is a class, or a range of values in a regression. `strata` is int64 of N items, 0..C-1; `keys` is uint64 of
N items and decides, among items that are otherwise equal, which goes where. Moving the items and their keys
together moves the result with them.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

UNUSED = -1  # the part of items that exact counts leave over
VALUE_STRATA = 10

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]


def quotas(stratum_sizes: Sequence[int], weights: Sequence[int]) -> Ints:
    """How many items of each stratum (columns) go to each part (rows), shape P x C.

    Largest remainder: every number is the exact share rounded up or down. What rounding took from a part in one
    stratum is carried to the next, so that the totals of the parts keep the ratios too.
    """
    total_weight = sum(weights)
    owed = [0] * len(weights)  # in units of 1 / total_weight items
    columns = []
    for size in stratum_sizes:
        column, remainders = [], []
        for part, weight in enumerate(weights):
            whole, remainder = divmod(size * weight, total_weight)
            column.append(whole)
            remainders.append(remainder)
            owed[part] += remainder
        # Only parts with a remainder may round up; among them the ones that are owed most, the first on a tie.
        ranked = sorted((-owed[part], part) for part, remainder in enumerate(remainders) if remainder)
        for _, part in ranked[: size - sum(column)]:
            column[part] += 1
            owed[part] -= total_weight
        columns.append(column)
    return np.array(columns, dtype=np.int64).reshape(len(columns), len(weights)).T


def stratified(strata: Ints, keys: Keys, targets: Ints) -> Ints:
    """Exactly `targets[p, c]` items of stratum c go to part p, the smallest keys first; the rest is `UNUSED`.

    Args:
        strata: the stratum of each item.
        keys: the sort key of each item.
        targets: P x C, from `quotas` or from exact counts; no column adds up to more than its stratum has.
    """
    order = np.lexsort((keys, strata))
    sizes = np.bincount(strata, minlength=targets.shape[1])
    starts = np.cumsum(sizes) - sizes
    rank = np.arange(len(strata)) - starts[strata[order]]
    ends = np.cumsum(targets, axis=0)
    parts = np.full(len(strata), UNUSED, dtype=np.int64)
    for part in reversed(range(len(targets))):
        parts[order[rank < ends[part][strata[order]]]] = part
    return parts


def grouped(groups: Ints, strata: Ints, keys: Keys, targets: Ints) -> Ints:
    """Whole groups go to one part; the parts come as near to `targets` in every stratum as a greedy choice brings them.

    Groups are dealt out from the largest to the smallest, equal ones in the order of their smallest key. A group goes
    to the part that has the smallest share of what the group holds, among those with room for it, so that every part
    gets large groups as well as small ones; where no part has room, to the one that lacks most.
    """
    _, group_of = np.unique(groups, return_inverse=True)
    count = int(group_of.max()) + 1 if len(group_of) else 0
    smallest_key = np.full(count, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest_key, group_of, keys)
    sizes = np.bincount(group_of, minlength=count)
    members = _members(group_of, strata)
    lacking = targets.astype(np.int64).copy()
    part_of_group = np.empty(count, dtype=np.int64)
    for group in np.lexsort((smallest_key, -sizes)):
        held_strata, held = members[group]
        here = lacking[:, held_strata]
        room = (here >= held).all(axis=1)
        wanting = here @ held
        # One division of whole numbers each is rounded alike on every machine.
        emptiness = np.where(room, wanting / np.maximum(targets[:, held_strata] @ held, 1), -1.0)
        part = int(np.argmax(emptiness if room.any() else wanting))
        here[part] -= held
        lacking[part, held_strata] = here[part]
        part_of_group[group] = part
    return part_of_group[group_of]


def _members(group_of: Ints, strata: Ints) -> list[tuple[Ints, Ints]]:
    """For each group the strata it holds and how many items of each."""
    pairs, counts = np.unique(np.stack([group_of, strata]), axis=1, return_counts=True)
    ends = np.searchsorted(pairs[0], np.arange(1, int(group_of.max(initial=-1)) + 1))
    return list(zip(np.split(pairs[1], ends), np.split(counts, ends), strict=True))


def value_strata(values: NDArray[np.float64], keys: Keys, bins: int = VALUE_STRATA) -> Ints:
    """The stratum of each value of a regression: which of `bins` ranges of equal size it lies in, by rank."""
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.lexsort((keys, values))] = np.arange(len(values))
    return rank * min(bins, max(len(values), 1)) // max(len(values), 1)


def share_weights(share: float) -> tuple[int, int]:
    """A share such as 0.3 as whole weights (3, 7), read as the decimal number that was written."""
    fraction = Fraction(str(share))
    return fraction.numerator, fraction.denominator - fraction.numerator
