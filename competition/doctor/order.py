"""Do ids or the order of rows tell the label? They must be as random as they look."""

import numpy as np
from numpy.typing import NDArray

from competition import seeds
from competition.doctor.case import TEST, Case
from competition.doctor.dependence import Dependence, binned, strongest
from competition.doctor.finding import Finding

PREFIX = 3  # characters that ids may share as the beginning of a series
UNSORTED = 1e-6  # the p-value below which ids follow the order of the rows

Ints = NDArray[np.int64]


def identifiers(case: Case) -> list[Finding]:
    """Ids against labels: every character, the prefix, the alphabetic order; and ids against the order of rows."""
    found = [_told(case, "ids", "id", rows, _id_columns(case.ids)) for rows in _groups(case).values()]
    return [_worst(found, "ids"), *_sorted_ids(case)]


def row_order(case: Case) -> list[Finding]:
    """The place of a row, and the label of the row before it, against its label."""
    columns = {"place in the file": np.zeros(len(case.ids), dtype=np.int64)}
    before = np.zeros(len(case.ids), dtype=np.int64)
    for part in (case.parts == TEST, case.parts != TEST):
        rows = np.flatnonzero(part)
        columns["place in the file"][rows] = binned(np.arange(len(rows)))
        before[rows[1:]] = 1 + case.targets[rows[:-1]]
    columns["label of the row before"] = before
    found = [_told(case, "order", "row", rows, columns) for rows in _groups(case).values()]
    return [_worst(found, "order")]


def _groups(case: Case) -> dict[str, Ints]:
    return {"all": np.arange(len(case.ids)), "test": np.flatnonzero(case.parts == TEST)}


def _id_columns(ids: list[str]) -> dict[str, Ints]:
    texts = np.array(ids)
    width = texts.dtype.itemsize // 4
    characters = texts.view(np.uint32).reshape(len(ids), width).astype(np.int64)
    columns = {f"character {place + 1}": characters[:, place] for place in range(min(width, 32))}
    prefixes = np.unique(np.array([item[:PREFIX] for item in ids]), return_inverse=True)[1]
    lengths = np.char.str_len(texts)
    return columns | {f"first {PREFIX} characters": prefixes, "alphabetic order": binned(texts), "length": lengths}


def _told(case: Case, code: str, what: str, rows: Ints, columns: dict[str, Ints]) -> tuple[Dependence, Finding]:
    generator = seeds.stream(case.competition.spec.seed, f"doctor {code} {len(rows)}")
    found = strongest({name: column[rows] for name, column in columns.items()}, case.targets[rows], generator)
    measured = (
        f"{found.nats:.3f} nats of mutual information, {found.deviations:.1f} deviations above shuffled labels, "
        f"p = {found.p:.3g}"
    )
    if found.is_sure:
        told = (
            f"the {found.column} of an {what} tells its label: {measured}"
            if what == "id"
            else (f"the {found.column} tells the label: {measured}")
        )
        return found, Finding("fault", code, told, "give the items random ids and a random order: prepare again")
    told = (
        "no part of an id tells its label" if what == "id" else "neither place nor neighbour of a row tells its label"
    )
    return found, Finding("ok", code, f"{told} (most of all the {found.column}: {measured})")


def _worst(found: list[tuple[Dependence, Finding]], code: str) -> Finding:
    faults = [finding for _, finding in found if finding.level == "fault"]
    return faults[0] if faults else found[0][1]


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
        return [Finding("fault", "id_order", told, "ids must be random: prepare again with --force")]
    return [Finding("ok", "id_order", told)]
