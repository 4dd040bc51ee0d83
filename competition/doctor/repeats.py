"""Exact repeats: the same content in training and test, and the same content in two classes."""

import numpy as np
from numpy.typing import NDArray

from competition.doctor.case import PART_NAMES, TEST, Case
from competition.doctor.finding import Finding, Level, Listing, percent, some
from competition.repeats import Repeats, find_repeats
from competition.sources.pool import Pool


def repeats(case: Case) -> list[Finding]:
    """Repeats across the split and contents with two labels, and the words in the spec that change them."""
    found = repeats_of(case)
    return [_across(case, found), _conflicts(case, found)]


def repeats_of(case: Case) -> Repeats:
    """The repeats among all items."""
    images, table = (case.images, None) if case.has_images else (None, case.features)
    exact = case.targets if case.has_classes else np.unique(np.array(case.labels), return_inverse=True)[1]
    return find_repeats(Pool(images, table, case.labels, case.ids), exact.astype(np.int64))


def _across(case: Case, found: Repeats) -> Finding:
    spec, content = case.competition.spec, found.content
    train = np.flatnonzero(case.parts != TEST)
    twins = _first_with(content, found.distinct, train)[content]
    hit = np.flatnonzero((case.parts == TEST) & (twins >= 0))
    again = len(content) - found.distinct
    of_all = f"{again:,} of all {len(content):,} items ({percent(again, len(content))}) repeat an earlier one"
    if not len(hit):
        if not again:
            return Finding("ok", "repeats", f"no two of the {len(content):,} items are the same")
        return Finding("note", "repeats", f"no test item is also in training; {of_all}")
    told = (
        f"{len(hit):,} of {len(case.public):,} test items ({percent(len(hit), len(case.public))}) are also in "
        f"training, byte for byte: {some([case.ids[row] for row in hit])}; {of_all}"
    )
    level: Level = "warning" if spec.repeats == "keep" else "fault"
    remedy = "write `repeats: together` or `repeats: drop` in competition.yaml and prepare again"
    if spec.repeats != "keep":
        remedy = f"the spec says `repeats: {spec.repeats}`: run `grader prepare {case.competition.name} --force`"
    rows = [(case.ids[row], case.ids[twins[row]], case.labels[row], case.labels[twins[row]]) for row in hit.tolist()]
    header = ("test_id", "train_id", "test_label", "train_label")
    return Finding(level, "repeats", told, remedy, Listing("duplicates.csv", header, rows))


def _first_with(content: NDArray[np.int64], distinct: int, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """For each content its first item among `rows`, -1 where there is none."""
    first = np.full(distinct, -1, dtype=np.int64)
    first[content[rows[::-1]]] = rows[::-1]
    return first


def _conflicts(case: Case, found: Repeats) -> Finding:
    rows = np.flatnonzero(found.conflicting)
    contents = len(np.unique(found.content[rows]))
    if not contents:
        return Finding("ok", "conflicts", "no content carries two labels")
    if not case.has_classes:
        return Finding(
            "note", "conflicts", f"{contents:,} contents carry different values; no model can tell them apart"
        )
    test = int((case.parts[rows] == TEST).sum())
    told = (
        f"{contents:,} contents carry two labels or more: {len(rows):,} items, {test:,} of them test items "
        f"({percent(test, len(case.public))}) that nobody can be sure of: {some([case.ids[row] for row in rows])}"
    )
    kept = case.competition.spec.conflicts == "keep"
    remedy = "write `conflicts: drop` in competition.yaml and prepare again" if kept else "prepare again with --force"
    ordered = rows[np.argsort(found.content[rows], kind="stable")].tolist()
    listed = [(found.content[row], case.ids[row], PART_NAMES[case.parts[row]], case.labels[row]) for row in ordered]
    listing = Listing("conflicts.csv", ("content", "id", "part", "label"), listed)
    return Finding("warning" if kept else "fault", "conflicts", told, remedy, listing)
