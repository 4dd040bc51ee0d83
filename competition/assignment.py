"""Who goes where: from a spec, a pool and the vault's secret to the rows, ids and folds of train and test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from competition import seeds, splits
from competition.bundle import VALIDATION_FOLD
from competition.errors import BadInputError
from competition.identifiers import draw_ids
from competition.parts import PARTS
from competition.repeats import find_repeats, kept_items

if TYPE_CHECKING:
    from competition.sources.pool import Pool
    from competition.spec import CompetitionSpec

TRAIN, VALIDATION, TEST = range(3)
TRAINING_FOLD = 1
PUBLIC, PRIVATE, IGNORED = USAGES = ("Public", "Private", "Ignored")

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where the items of a pool go. Rows are positions in the pool, in the random order they have in the bundle.

    Attributes:
        train: the rows of training and validation.
        train_ids: an id a training row.
        folds: a fold a training row, 0 for validation; None where the spec asks for neither folds nor validation.
        test: the rows of the test part.
        test_ids: an id a test row.
        usage: what a test row counts for: `Public`, `Private` or `Ignored`.
    """

    train: Ints
    train_ids: list[str]
    folds: Ints | None
    test: Ints
    test_ids: list[str]
    usage: list[str]

    @property
    def public(self) -> NDArray[np.bool_]:
        """Whether a test row counts for the Public score."""
        return np.array([usage == PUBLIC for usage in self.usage], dtype=np.bool_)


def assign(spec: "CompetitionSpec", pool: "Pool", secret: bytes) -> Assignment:
    """Deal out the items of a pool as the spec asks, so that only the holder of `secret` can repeat it.

    Raises:
        BadInputError: the pool has too few items, classes or groups for the parts, or a label the spec lacks.
    """
    if spec.split == "given":
        return _given(spec, pool)
    targets = encoded_targets(spec, pool)
    kept, groups = _kept_and_groups(spec, pool, targets)
    keys = _keys(spec, secret, "parts", pool)
    strata = np.zeros(len(pool), dtype=np.int64)
    strata[kept] = _strata(spec, targets[kept], keys[kept])
    parts = np.full(len(pool), splits.UNUSED, dtype=np.int64)
    parts[kept] = _parts(spec, strata[kept], None if groups is None else groups[kept], keys[kept])
    _check_parts(spec, parts, targets)

    order = seeds.order(_keys(spec, secret, "order", pool))
    train = order[np.isin(parts[order], (TRAIN, VALIDATION))]
    test = order[parts[order] == TEST]
    ids = draw_ids(secret, spec.seed, len(train) + len(test))
    return Assignment(
        train=train,
        train_ids=ids[len(test) :],
        folds=_folds(spec, parts[train], strata[train], None if groups is None else groups[train], train),
        test=test,
        test_ids=ids[: len(test)],
        usage=_usage(spec, strata[test], _keys(spec, secret, "usage", pool)[test]),
    )


def encoded_targets(spec: "CompetitionSpec", pool: "Pool") -> Ints | NDArray[np.float64]:
    """The target of each item: the position of its label in the label set, or its value (float64) in a regression.

    In other tasks a target is a text of its own kind, and equal texts get equal numbers.

    Raises:
        BadInputError: a label is not in the label set, or a value is no finite number.
    """
    if not len(pool):
        raise BadInputError("the source holds no items; check --source")
    if spec.task == "classification":
        position = {label: index for index, label in enumerate(spec.labels)}
        encoded = np.array([position.get(label, -1) for label in pool.labels], dtype=np.int64)
        if (unknown := int(encoded.argmin())) >= 0 and encoded[unknown] < 0:
            shown = f"{pool.names[unknown]}: the label {pool.labels[unknown]!r}"
            raise BadInputError(f"{shown} is not among the {len(spec.labels)} labels of the competition")
        return encoded
    if spec.task != "regression":
        return np.unique(np.array(pool.labels), return_inverse=True)[1].astype(np.int64)
    values = np.array([_number(label) for label in pool.labels])
    if not np.isfinite(values).all():
        bad = int(np.isfinite(values).argmin())
        raise BadInputError(f"{pool.names[bad]}: the target {pool.labels[bad]!r} is no finite number")
    return values


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _keys(spec: "CompetitionSpec", secret: bytes, name: str, pool: "Pool") -> NDArray[np.uint64]:
    return seeds.secret_keys(secret, spec.seed, name, len(pool))


def _kept_and_groups(
    spec: "CompetitionSpec", pool: "Pool", targets: Ints | NDArray[np.float64]
) -> tuple[Ints, Ints | None]:
    """The rows that stay, and for every row of the pool the group that must not be torn apart."""
    kept, groups = np.arange(len(pool)), None
    if spec.repeats != "keep" or spec.conflicts == "drop":
        numbered = np.unique(targets, return_inverse=True)[1].astype(np.int64)
        repeats = find_repeats(pool, numbered)
        kept = kept_items(repeats, numbered, spec.repeats, spec.conflicts)
        groups = repeats.content if spec.repeats == "together" else None
    if spec.split == "group":
        if pool.groups is None:
            raise BadInputError("split: group needs a source that names groups such as writers; this one has none")
        groups = np.unique(np.array(pool.groups), return_inverse=True)[1].astype(np.int64)
    return kept, groups


def _strata(spec: "CompetitionSpec", targets: Ints | NDArray[np.float64], keys: NDArray[np.uint64]) -> Ints:
    if spec.task == "classification":
        return targets.astype(np.int64)
    if spec.task == "regression":
        return splits.value_strata(targets.astype(np.float64), keys)
    return np.zeros(len(targets), dtype=np.int64)


def _parts(spec: "CompetitionSpec", strata: Ints, groups: Ints | None, keys: NDArray[np.uint64]) -> Ints:
    classes = len(spec.labels) if spec.task == "classification" else 0
    sizes = np.bincount(strata, minlength=classes).tolist()
    _check_sizes(spec, sizes)
    targets = _targets(spec, sizes)
    if groups is None:
        return splits.stratified(strata, keys, targets)
    left_over = np.array(sizes) - targets.sum(axis=0)
    parts = splits.grouped(groups, strata, keys, np.vstack([targets, left_over]))
    return np.where(parts == len(PARTS), splits.UNUSED, parts)


def _targets(spec: "CompetitionSpec", sizes: Sequence[int]) -> Ints:
    """How many items of each stratum each part should have, 3 x C."""
    if spec.parts.unit == "ratio" or spec.split == "group":
        # Whole groups cannot give exact counts: there the counts say which ratios to aim at.
        return splits.quotas(sizes, spec.parts.sizes)
    if spec.task != "classification":
        return splits.quotas(sizes, (*spec.parts.sizes, sum(sizes) - sum(spec.parts.sizes)))[: len(PARTS)]
    return np.repeat(np.array(spec.parts.sizes, dtype=np.int64)[:, None], len(sizes), axis=1)


def _check_sizes(spec: "CompetitionSpec", sizes: Sequence[int]) -> None:
    """Refuse classes that are too small for their parts."""
    exact = spec.parts.unit == "count" and spec.split == "random"
    needed = sum(spec.parts.sizes) if exact else 2
    if spec.task != "classification":
        if sum(sizes) < needed:
            raise BadInputError(f"the source has {sum(sizes)} items; the parts need {needed}")
        return
    for label, size in zip(spec.labels, sizes, strict=True):
        if size < needed:
            why = "after repeats were dropped " if spec.repeats == "drop" else ""
            asked = f"parts ask for {needed} a class" if exact else f"a split needs at least {needed} a class"
            items = "item" if size == 1 else "items"
            raise BadInputError(f"class {label!r} has {size} {items} {why}in the source; {asked}")


def _check_parts(spec: "CompetitionSpec", parts: Ints, targets: Ints | NDArray[np.float64]) -> None:
    """Refuse a split that leaves a part empty or a class without training items."""
    for part, (name, size) in enumerate(zip(PARTS, spec.parts.sizes, strict=True)):
        if size and not (parts == part).any():
            raise BadInputError(f"the source is too small or has too few groups: nothing is left for the {name} part")
    _check_trained(spec, parts, targets)


def _check_trained(spec: "CompetitionSpec", parts: Ints, targets: Ints | NDArray[np.float64]) -> None:
    """Refuse a class that has nothing to train on."""
    if spec.task == "classification":
        trained = np.bincount(targets[parts == TRAIN].astype(np.int64), minlength=len(spec.labels))
        if not trained.all():
            label = spec.labels[int(trained.argmin())]
            raise BadInputError(f"class {label!r} gets no item for training; enlarge the class or the train part")


def _folds(spec: "CompetitionSpec", parts: Ints, strata: Ints, groups: Ints | None, rows: Ints) -> Ints | None:
    """The fold of each training row; only the seed decides, since folds hide nothing."""
    if spec.folds is None:
        return np.where(parts == VALIDATION, VALIDATION_FOLD, TRAINING_FOLD) if spec.parts.validation else None
    if spec.folds > len(rows):
        raise BadInputError(f"{spec.folds} folds of {len(rows)} training items: ask for fewer folds")
    keys = seeds.keys(spec.seed, "folds", int(rows.max()) + 1)[rows]
    targets = splits.quotas(np.bincount(strata).tolist(), [1] * spec.folds)
    if groups is None:
        return splits.stratified(strata, keys, targets)
    return splits.grouped(groups, strata, keys, targets)


def _usage(spec: "CompetitionSpec", strata: Ints, keys: NDArray[np.uint64]) -> list[str]:
    sizes = np.bincount(strata).tolist()
    weights = splits.share_weights(spec.public_share)
    public: NDArray[np.bool_] = splits.stratified(strata, keys, splits.quotas(sizes, weights)) == 0
    if not public.any() or (public.all() and weights[1]):
        raise BadInputError(f"{len(strata)} test items are too few for a public_share of {spec.public_share:g}")
    return [PUBLIC if shown else PRIVATE for shown in public]


def _given(spec: "CompetitionSpec", pool: "Pool") -> Assignment:
    """The split, the ids and the folds of the source itself, in its order."""
    if pool.parts is None or pool.given is None:
        raise BadInputError("split: given needs a source with ids, a test part and Usage; this one has none")
    parts, given = np.array(pool.parts), pool.given
    ignored = np.array([usage == IGNORED for usage in given.usage])
    _check_given(spec, pool, np.flatnonzero(~ignored))
    train, test = np.flatnonzero(parts == "train"), np.flatnonzero(parts == "test")
    return Assignment(
        train=train,
        train_ids=[given.ids[row] for row in train],
        folds=None if given.folds is None else np.array(given.folds, dtype=np.int64)[train],
        test=test,
        test_ids=[given.ids[row] for row in test],
        usage=[given.usage[row] for row in test],
    )


def _check_given(spec: "CompetitionSpec", pool: "Pool", scored: Ints) -> None:
    """Refuse targets that cannot be trained on or scored; what is ignored may have any."""
    from dataclasses import replace

    kept = replace(pool, labels=[pool.labels[row] for row in scored], names=[pool.names[row] for row in scored])
    targets = encoded_targets(spec, kept)
    parts = np.where(np.array(pool.parts)[scored] == "train", TRAIN, TEST)
    for part, name in ((TRAIN, "train"), (TEST, "test")):
        if not (parts == part).any():
            raise BadInputError(f"the source has no item in its {name} part; split: given needs both")
    _check_trained(spec, parts, targets)
