"""Do all parts come from one distribution? A model that can tell them apart says no: adversarial validation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from competition import seeds
from competition.doctor.appearance import Appearance, Floats
from competition.doctor.case import TEST, TRAIN, VALIDATION, Case
from competition.doctor.finding import Finding, Level
from competition.progress import Progress

MOST = 4_000  # items of a part that are compared
FEWEST = 20  # items of a part below which nothing can be told
FOLDS = 5
SURE = 5.0  # standard errors above chance: once in three million sound splits

# What a sure difference means depends on who dealt out the items.
BY_SPLIT: Mapping[str, tuple[Level, str]] = {
    "random": ("fault", "run `grader prepare --force`: parts dealt out at random do not differ"),
    "group": ("warning", "whole groups differ: that is what `split: group` measures"),
    "together": (
        "warning",
        "`repeats: together` deals whole groups of repeats; `repeats: drop` does not",
    ),
    "given": ("warning", "the source's own split differs; `split: random` deals the items out anew"),
}

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Separation:
    """How well a model tells two parts apart: its AUC on items it was not trained on.

    `error` is the standard error of the AUC, `chance_error` the one it would have without any difference.
    """

    auc: float
    error: float
    chance_error: float


def shift(case: Case, looks: Appearance, progress: Progress) -> list[Finding]:
    """Train against test, train against validation, Public against Private."""
    public = np.zeros(len(case.ids), dtype=np.bool_)
    public[-len(case.public) :] = case.public
    test = case.parts == TEST
    pairs = {
        "train and test": (case.parts == TRAIN, test),
        "train and validation": (case.parts == TRAIN, case.parts == VALIDATION),
        "Public and Private": (test & public, test & ~public),
    }
    findings = []
    for step, (names, (one, other)) in enumerate(pairs.items()):
        progress("telling the parts apart", step, len(pairs))
        if one.any() and other.any():
            findings.append(_compared(case, looks, names, np.flatnonzero(one), np.flatnonzero(other)))
    progress("telling the parts apart", len(pairs), len(pairs))
    return findings


def _compared(case: Case, looks: Appearance, names: str, one: Ints, other: Ints) -> Finding:
    if min(len(one), len(other)) < FEWEST:
        few = f"{names}: {min(len(one), len(other))} items are too few to tell a difference (from {FEWEST})"
        return Finding("note", "shift", few)
    generator = seeds.stream(case.competition.spec.seed, f"doctor {names}")
    rows = [np.sort(generator.choice(part, min(MOST, len(part)), replace=False)) for part in (one, other)]
    found = separation(looks.features[rows[0]], looks.features[rows[1]], generator)
    low, high = found.auc - 1.96 * found.error, found.auc + 1.96 * found.error
    told = (
        f"{names}: a model tells them apart with an AUC of {found.auc:.3f} (95 % interval {low:.3f} to {high:.3f}, "
        f"0.5 is chance; {len(rows[0]):,} and {len(rows[1]):,} items)"
    )
    if found.auc <= 0.5 + SURE * found.chance_error:
        return Finding("ok" if low <= 0.5 else "note", "shift", told)
    spec = case.competition.spec
    level, remedy = BY_SPLIT["together" if spec.repeats == "together" else spec.split]
    return Finding(level, "shift", told, remedy)


def separation(one: Floats, other: Floats, generator: np.random.Generator) -> Separation:
    """The cross-validated AUC of a regularised logistic regression on the features and their squares.

    Squares let it see a change of spread. The standard error is Hanley and McNeil's, "The Meaning and Use of the Area
    under a ROC Curve" (1982).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    features = np.concatenate([one, other])
    features = np.clip(np.hstack([features, np.square(features) - 1]), -6, 6)
    part = np.repeat([0, 1], [len(one), len(other)])
    fold = np.concatenate([generator.permutation(len(rows)) % FOLDS for rows in (one, other)])
    aucs = []
    for held_out in range(FOLDS):
        model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=200)
        model.fit(features[fold != held_out], part[fold != held_out])
        scores = model.decision_function(features[fold == held_out])
        aucs.append(roc_auc_score(part[fold == held_out], scores))
    auc = float(np.mean(aucs))
    return Separation(auc, _auc_error(auc, len(one), len(other)), _auc_error(0.5, len(one), len(other)))


def _auc_error(auc: float, positives: int, negatives: int) -> float:
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)
    return math.sqrt(max(spread, 0) / (positives * negatives))
