"""Do ids or the order of rows tell the label? They must be as random as they look."""

import numpy as np
from numpy.typing import NDArray

from competition import seeds
from competition.doctor.case import TEST, Case
from competition.doctor.dependence import binned, strongest
from competition.doctor.finding import Finding

PREFIX = 3  # characters that ids may share as the beginning of a series
UNSORTED = 1e-6  # the p-value below which ids follow the order of the rows

Ints = NDArray[np.int64]


def identifiers(case: Case) -> list[Finding]:
    """Ids against labels: every character, the prefix, the alphabetic order; and ids against the order of rows."""
    return [_judged(case, "ids", "an id", _id_columns(case.ids)), *_sorted_ids(case)]


def row_order(case: Case) -> list[Finding]:
    """The place of a row, and the label of the row before it, against its label."""
    place, before = np.zeros(len(case.ids), dtype=np.int64), np.zeros(len(case.ids), dtype=np.int64)
    for part in (case.parts == TEST, case.parts != TEST):
        rows = np.flatnonzero(part)
        place[rows] = binned(np.arange(len(rows)))
        before[rows[1:]] = 1 + case.targets[rows[:-1]]
    return [_judged(case, "order", "a row", {"place": place, "label before": before})]


def _id_columns(ids: list[str]) -> dict[str, Ints]:
    texts = np.array(ids)
    width = texts.dtype.itemsize // 4
    characters = texts.view(np.uint32).reshape(len(ids), width).astype(np.int64)
    columns = {f"character {place + 1}": characters[:, place] for place in range(min(width, 32))}
    prefixes = np.unique(np.array([item[:PREFIX] for item in ids]), return_inverse=True)[1]
    lengths = np.char.str_len(texts)
    return columns | {f"first {PREFIX} characters": prefixes, "alphabetic order": binned(texts), "length": lengths}


def _judged(case: Case, code: str, what: str, columns: dict[str, Ints]) -> Finding:
    """The strongest dependence among all items and among the test items alone, which a leak may be confined to."""
    found = []
    for rows in (np.arange(len(case.ids)), np.flatnonzero(case.parts == TEST)):
        generator = seeds.stream(case.competition.spec.seed, f"doctor {code} {len(rows)}")
        found.append(strongest({name: column[rows] for name, column in columns.items()}, case.targets[rows], generator))
    best = min(found, key=lambda one: (one.tail, -one.deviations))
    if any(one.is_sure for one in found):
        told = f"the {best.column} of {what} tells the label: {best.measured}"
        remedy = "ids and order must be dealt out at random: `split: random`, then prepare again with --force"
        return Finding("fault", code, told, remedy)
    return Finding("ok", code, f"nothing about {what} tells the label; most does the {best.column}: {best.measured}")


def _sorted_ids(case: Case) -> list[Finding]:
    """Ids that rise or fall with the row tell the order of the source."""
    from scipy.stats import spearmanr

    rows = np.flatnonzero(case.parts == TEST)
    if len(rows) < 3:
        return []
    rank = np.argsort(np.argsort(np.array(case.ids)[rows]))
    found = spearmanr(np.arange(len(rows)), rank)
    told = f"test ids against the order of their rows: rank correlation {found.statistic:+.3f}, p = {found.pvalue:.2g}"
    if found.pvalue < UNSORTED:
        if case.competition.spec.split == "given":
            return [Finding("note", "id_order", f"{told}: they are the source's own")]
        return [Finding("fault", "id_order", told, "ids must be random: prepare again with --force")]
    return [Finding("ok", "id_order", told)]
