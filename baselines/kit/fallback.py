"""The submission that is written before anything is learnt, so that a valid CSV exists whatever happens later."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from baselines.kit.files import write_submission
from competition.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from competition.bundle import Bundle


def class_shares(bundle: "Bundle") -> "NDArray[np.floating[Any]]":
    """Share of each class among the training labels, in label order."""
    counts = np.bincount(np.asarray(bundle.train_labels), minlength=len(bundle.rules.labels))
    return np.asarray(counts / max(1, counts.sum()))


def write_fallback(out: Path, bundle: "Bundle") -> Path:
    """Write a submission that gives every test image the training set's class shares.

    Raises:
        BadInputError: the bundle has no test rows or no label set.
    """
    if not bundle.rules.labels or not len(bundle.test_ids):
        what = "label set" if not bundle.rules.labels else "test rows"
        raise BadInputError(f"{bundle.folder}: no {what}; this kernel needs a classification with images to predict")
    return write_submission(out, bundle.rules, bundle.test_ids, fill_with_shares(np.empty((0, 0)), bundle))


def fill_with_shares(probabilities: "NDArray[np.floating[Any]]", bundle: "Bundle") -> "NDArray[np.floating[Any]]":
    """Rows of class shares added after those that were predicted, one row for every test id."""
    shares = class_shares(bundle)
    missing = np.broadcast_to(shares, (len(bundle.test_ids) - len(probabilities), len(shares)))
    return np.concatenate([probabilities.reshape(-1, len(shares)), missing])


def replace_by_shares(probabilities: "NDArray[np.floating[Any]]", bundle: "Bundle") -> int:
    """Put class shares, in place, where a row holds what is no number. Returns how many rows that were."""
    broken = ~np.isfinite(probabilities).all(axis=1)
    probabilities[broken] = class_shares(bundle)
    return int(broken.sum())
