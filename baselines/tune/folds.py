"""Folds for cross validation: the bundle's own, or stratified ones over all training rows, and what they allow."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from baselines.kit.recipe import Recipe, with_changes
from competition.bundle import Bundle
from competition.errors import BadInputError, UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class HeldOut(Bundle):
    """A bundle whose validation part (fold 0) is another one of its rows."""

    validation: "NDArray[np.bool_]"

    @property
    def train_folds(self) -> "NDArray[np.int64]":
        """0 for the rows held out, 1 for all others."""
        return np.where(self.validation, 0, 1).astype(np.int64)


def hold_out(bundle: Bundle, validation: "NDArray[np.bool_]") -> HeldOut:
    """The bundle with these rows as its validation part."""
    return HeldOut(bundle.folder, bundle.rules, bundle.manifest, validation)


def assign_folds(bundle: Bundle, count: int, seed: int) -> "tuple[NDArray[np.int64], str]":
    """The fold of each training row, 0 to `count` - 1, and where it comes from, in words.

    The bundle's own folds are used where it has as many: they keep together what its split keeps together. A bundle
    with one fixed validation part is split anew by class.

    Raises:
        BadInputError: fewer rows than folds.
    """
    own = bundle.train_folds
    if own is not None and len(np.unique(own)) == count > 2:
        _, folds = np.unique(own, return_inverse=True)
        return folds.astype(np.int64), "the competition's own folds"
    labels = np.asarray(bundle.train_labels)
    if len(labels) < count:
        raise BadInputError(f"{bundle.folder}: {len(labels)} training rows are too few for {count} folds")
    reason = f"all {len(labels):,} rows split anew by class"
    if own is not None:
        reason += f" (the competition has {len(np.unique(own))} folds; if those keep groups apart, this is flattering)"
    return _stratified(labels, count, np.random.default_rng(seed)), reason


def _stratified(labels: "NDArray[Any]", count: int, random: np.random.Generator) -> "NDArray[np.int64]":
    """Rows of a class are dealt out in random order; each class begins where the one before ended."""
    folds = np.empty(len(labels), dtype=np.int64)
    dealt = 0
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        folds[rows] = (dealt + np.arange(len(rows))) % count
        dealt += len(rows)
    return folds


def without_selection(recipe: Recipe) -> Recipe:
    """The recipe with nothing that looks at the rows held out."""
    return with_changes(recipe, {"keep": "last", "patience": None}, "of a fold")


def refuse_plateau(recipe: Recipe) -> None:
    """Raise a `UserError` where the rate would follow the loss of the rows held out."""
    wishes = [recipe.schedule, *(rung.get("schedule") or {} for rung in recipe.ladder)]
    if any(wish.get("name") == "plateau" for wish in wishes):
        raise UserError(
            "schedule plateau follows the loss of the rows held out, which would flatter their predictions: "
            'give another one, as --set "schedule={name: cosine}"'
        )
