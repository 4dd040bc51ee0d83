"""Near repeats: a test image that is a training image moved by a pixel or two, brighter, darker or compressed again."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from competition.doctor.appearance import SIDE, Appearance, Floats, hashes, normalised
from competition.doctor.case import TEST, Case
from competition.doctor.finding import Finding, Listing, percent, some
from competition.progress import Progress

ALIKE = 0.99  # the correlation from which two images are called the same picture, whatever the others look like
CLOSE = 0.95  # and from which they are where the background, their 20th nearest image, is three times further away
BACKGROUND = 20
FURTHER = 3
SHIFT = 2  # pixels of the thumbnail that one may be moved by
FLAT = 2.0  # deviation of gray values below which an image shows nothing to compare
BLOCK = 512

Ints = NDArray[np.int64]


def near_repeats(case: Case, looks: Appearance, progress: Progress) -> list[Finding]:
    """Each test image against every training image: by perceptual hash, by features, then pixel by pixel."""
    if looks.thumbnails is None:
        return [Finding("ok", "near_repeats", "only images are compared for near repeats; these are rows of a table")]
    train, test = np.flatnonzero(case.parts != TEST), np.flatnonzero(case.parts == TEST)
    twins, alike = nearest(looks.thumbnails, train, test, progress)
    hit = np.flatnonzero(stands_out(looks.thumbnails, train, test, alike))
    hit = hit[~_same_pixels(case, test[hit], twins[hit])]
    hit = hit[np.argsort(-alike[hit], kind="stable")]
    compared = (
        f"{len(test):,} x {len(train):,} pairs by perceptual hash and features, moved by up to {SHIFT} of {SIDE} "
        f"pixels: correlation {ALIKE}, or {CLOSE} where the {BACKGROUND}th nearest is {FURTHER} times further"
    )
    if not len(hit):
        return [Finding("ok", "near_repeats", f"no test image is nearly a training image ({compared})")]
    return [_told(case, test[hit], twins[hit], alike[hit], compared)]


def _told(case: Case, test: Ints, train: Ints, alike: Floats, compared: str) -> Finding:
    other = int((case.targets[test] != case.targets[train]).sum())
    told = (
        f"{len(test):,} of {len(case.public):,} test images ({percent(len(test), len(case.public))}) are nearly a "
        f"training image, {other:,} of them one of another class: {some([case.ids[row] for row in test])} ({compared})"
    )
    pairs = zip(test.tolist(), train.tolist(), alike.tolist(), strict=True)
    rows = [(case.ids[a], case.ids[b], f"{r:.4f}", case.labels[a], case.labels[b]) for a, b, r in pairs]
    header = ("test_id", "train_id", "correlation", "test_label", "train_label")
    remedy = "look at the pairs; remove them from the source, or use `split: group` where it tells writers or families"
    return Finding("warning", "near_repeats", told, remedy, Listing("near_duplicates.csv", header, rows))


def nearest(thumbnails: Floats, train: Ints, test: Ints, progress: Progress) -> tuple[Ints, Floats]:
    """For each test item the training item that looks most like it, and how much (a correlation up to 1)."""
    best = np.full(len(test), train[0], dtype=np.int64)
    alike = np.full(len(test), -1, dtype=np.float32)
    for measure, vectors in (("features", normalised(thumbnails)), ("hashes", hashes(thumbnails))):
        known = np.ascontiguousarray(vectors[train].T)
        for start in range(0, len(test), BLOCK):
            progress(f"comparing {measure}", start, len(test))
            rows = test[start : start + BLOCK]
            twins = train[(vectors[rows] @ known).argmax(axis=1)]
            found = correlation(thumbnails[rows], thumbnails[twins])
            better = found > alike[start : start + BLOCK]
            best[start : start + BLOCK][better] = twins[better]
            alike[start : start + BLOCK][better] = found[better]
        progress(f"comparing {measure}", len(test), len(test))
    return best, alike


def stands_out(thumbnails: Floats, train: Ints, test: Ints, alike: Floats) -> NDArray[np.bool_]:
    """Whether each test item is closer to its nearest than classes that all look alike would make it.

    Two photographs that correlate to 0.95 are one picture; two trousers on black may be two pairs of trousers.
    """
    found = alike >= ALIKE
    close = np.flatnonzero((alike >= CLOSE) & ~found)
    vectors = normalised(thumbnails)
    known = np.ascontiguousarray(vectors[train].T)
    place = min(BACKGROUND, len(train)) - 1
    for start in range(0, len(close), BLOCK):
        rows = close[start : start + BLOCK]
        distances = -(vectors[test[rows]] @ known)
        others = train[np.argpartition(distances, place, axis=1)[:, place]]
        background = correlation(thumbnails[test[rows]], thumbnails[others])
        found[rows] = 1 - background >= FURTHER * (1 - alike[rows])
    return found


def correlation(one: Floats, other: Floats) -> Floats:
    """How alike two stacks of thumbnails are, pair by pair: the best correlation over all shifts by up to 2 pixels."""
    middle = _unit(one[:, SHIFT:-SHIFT, SHIFT:-SHIFT])
    best = np.full(len(one), -1, dtype=np.float32)
    for window in _windows(other):
        np.maximum(best, np.einsum("np,np->n", middle, _unit(window)), out=best)
    return best


def _windows(thumbnails: Floats) -> Iterator[Floats]:
    inner = SIDE - 2 * SHIFT
    for down in range(2 * SHIFT + 1):
        for across in range(2 * SHIFT + 1):
            yield thumbnails[:, down : down + inner, across : across + inner]


def _unit(windows: Floats) -> Floats:
    """Windows as vectors of mean 0 and length 1, or 0 where there is nothing to see."""
    flat = windows.reshape(len(windows), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    unit: Floats = np.where(length > FLAT * (flat.shape[1] ** 0.5), flat / np.maximum(length, 1e-6), 0)
    return unit


def _same_pixels(case: Case, test: Ints, twins: Ints) -> NDArray[np.bool_]:
    """Exact repeats are another check's business."""
    same = (np.array_equal(case.images[a], case.images[b]) for a, b in zip(test, twins, strict=True))
    return np.fromiter(same, dtype=np.bool_, count=len(test))
