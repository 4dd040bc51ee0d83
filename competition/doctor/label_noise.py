"""Items that probably carry the wrong label: two models that never saw them agree on another one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from competition import seeds
from competition.doctor.appearance import Appearance, Floats
from competition.doctor.case import PART_NAMES, Case
from competition.doctor.finding import Finding, Listing, percent, some
from competition.progress import Progress

FOLDS = 5
NEIGHBOURS = 10
AGREEING = 8  # of the ten nearest neighbours that must carry the other label
CHANCE = 4  # items a class below which no model can be trained on what the folds leave
BLOCK = 512

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Doubtful:
    """Items whose label is in doubt, the surest first.

    Attributes:
        rows: the items.
        suggested: the class that both models name.
        probability: the probability that the linear model gives it.
        agreeing: how many of the ten nearest neighbours carry it.
        accuracy: of the linear model on items it was not trained on; the lower, the less a doubt means.
    """

    rows: Ints
    suggested: Ints
    probability: Floats
    agreeing: Ints
    accuracy: float


def find_doubtful(case: Case, looks: Appearance, progress: Progress) -> Doubtful:
    """Confident learning with a second opinion.

    A linear discriminant gives each item probabilities out of fold; an item is suspected where another class
    reaches the mean probability of that class's own items (C. G. Northcutt, L. Jiang and I. L. Chuang, Confident
    Learning, JAIR 2021). It is doubtful where its nearest neighbours say the same.
    """
    targets, classes = case.targets, len(case.bundle.rules.labels)
    if not case.has_classes or np.bincount(targets, minlength=classes).min() < CHANCE:
        nothing = np.zeros(0, dtype=np.int64)
        return Doubtful(nothing, nothing, np.zeros(0, dtype=np.float32), nothing, float("nan"))
    probabilities = _out_of_fold(case, looks.features, classes, progress)
    confidence = probabilities[np.arange(len(targets)), targets]
    threshold = np.bincount(targets, confidence, classes) / np.bincount(targets, minlength=classes)
    rivals = np.where(probabilities >= threshold, probabilities, 0)
    rivals[np.arange(len(targets)), targets] = 0
    suspected = np.flatnonzero(rivals.max(axis=1) > np.maximum(confidence, 0.5))
    suggested = rivals[suspected].argmax(axis=1)
    votes = _votes(looks.shape, suspected, targets, suggested, progress)
    sure = probabilities[suspected, suggested]
    kept = np.flatnonzero(votes >= AGREEING)
    kept = kept[np.lexsort((suspected[kept], -sure[kept], -votes[kept]))]
    accuracy = float((probabilities.argmax(axis=1) == targets).mean())
    return Doubtful(suspected[kept], suggested[kept], sure[kept], votes[kept], accuracy)


def label_noise(case: Case, doubtful: Doubtful) -> list[Finding]:
    """The doubtful items as a list to look through."""
    if not case.has_classes:
        return [Finding("ok", "label_noise", "only labels of classes are looked through; the target is another")]
    if np.isnan(doubtful.accuracy):
        return [Finding("note", "label_noise", "a class has too few items to look for wrong labels")]
    judged = f"a linear model is right on {doubtful.accuracy:.0%} of the items it did not see"
    if not len(doubtful.rows):
        return [Finding("ok", "label_noise", f"no label is contradicted by both models ({judged})")]
    told = (
        f"{len(doubtful.rows):,} of {len(case.ids):,} labels ({percent(len(doubtful.rows), len(case.ids))}) are "
        f"contradicted by a linear model and by {AGREEING} of {NEIGHBOURS} nearest neighbours: "
        f"{some([case.ids[row] for row in doubtful.rows])}; {judged}"
    )
    labels = case.bundle.rules.labels
    found = zip(doubtful.rows.tolist(), doubtful.suggested, doubtful.probability, doubtful.agreeing, strict=True)
    rows = [
        (case.ids[row], PART_NAMES[case.parts[row]], case.labels[row], labels[other], f"{probability:.4f}", int(votes))
        for row, other, probability, votes in found
    ]
    header = ("id", "part", "label", "suggested", "probability", "neighbours")
    return [Finding("note", "label_noise", told, "look through the list", Listing("noise.csv", header, rows))]


def _out_of_fold(case: Case, features: Floats, classes: int, progress: Progress) -> Floats:
    """The class probabilities of each item by a model trained without its fold, N x C."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    generator = seeds.stream(case.competition.spec.seed, "doctor noise")
    order = np.lexsort((generator.random(len(case.targets)), case.targets))
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) % FOLDS  # stratified: neighbours in this order share a class
    probabilities = np.zeros((len(order), classes), dtype=np.float32)
    for held_out in range(FOLDS):
        progress("reading labels again", held_out, FOLDS)
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.01)
        model.fit(features[fold != held_out], case.targets[fold != held_out])
        probabilities[np.ix_(fold == held_out, model.classes_)] = model.predict_proba(features[fold == held_out])
    progress("reading labels again", FOLDS, FOLDS)
    return probabilities


def _votes(shape: Floats, rows: Ints, targets: Ints, suggested: Ints, progress: Progress) -> Ints:
    """How many of the ten nearest neighbours of each item carry the suggested class."""
    known = np.ascontiguousarray(shape.T)
    half_squares = np.square(shape).sum(axis=1) / 2
    votes = np.zeros(len(rows), dtype=np.int64)
    for start in range(0, len(rows), BLOCK):
        progress("asking neighbours", start, len(rows))
        block = rows[start : start + BLOCK]
        nearness = shape[block] @ known - half_squares
        nearness[np.arange(len(block)), block] = -np.inf
        nearest = np.argpartition(nearness, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
        votes[start : start + BLOCK] = (targets[nearest] == suggested[start : start + BLOCK, None]).sum(axis=1)
    progress("asking neighbours", len(rows), len(rows))
    return votes
