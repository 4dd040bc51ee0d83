"""Which training rows are trained on and which are held out for validation."""

from typing import TYPE_CHECKING, Any

import numpy as np

from competition.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from competition.bundle import Bundle

_HOLD_OUT_SHARE = 0.1


def training_rows(bundle: "Bundle", seed: int) -> "NDArray[np.bool_]":
    """True for the rows of `train.csv` to train on: every fold but 0, or a stratified nine tenths without folds.

    Raises:
        BadInputError: images and tables do not fit, nothing to train on, or nothing to validate with.
    """
    labels = np.asarray(bundle.train_labels)
    if len(bundle.train_images) != len(labels) or len(bundle.test_images) != len(bundle.test_ids):
        raise BadInputError(f"{bundle.folder}: images and table rows differ in number; run `grader prepare` again")
    if bundle.test_images.shape[1:] != bundle.train_images.shape[1:]:
        sizes = " and ".join(str(images.shape[1:]) for images in (bundle.train_images, bundle.test_images))
        raise BadInputError(f"{bundle.folder}: training and test images differ in shape, {sizes}; prepare it again")
    if bundle.train_folds is not None:
        chosen = np.asarray(bundle.train_folds) != 0
    else:
        chosen = ~_stratified_tenth(labels, np.random.default_rng(seed))
    if not chosen.any() or chosen.all():
        part = "training" if not chosen.any() else "validation"
        raise BadInputError(
            f"{bundle.folder}: no image is left for {part}; prepare the competition with more images or other folds"
        )
    if len(np.unique(labels[chosen])) < 2:
        raise BadInputError(f"{bundle.folder}: all training images have one class; there is nothing to learn")
    return np.asarray(chosen, dtype=bool)


def _stratified_tenth(labels: "NDArray[Any]", random: np.random.Generator) -> "NDArray[np.bool_]":
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        held_out[rows[: round(len(rows) * _HOLD_OUT_SHARE)]] = True
    return held_out
