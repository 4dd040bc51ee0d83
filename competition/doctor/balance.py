"""How many items each class has in each part, against what the spec asks for."""

import numpy as np
from numpy.typing import NDArray

from competition import splits
from competition.doctor.case import PART_NAMES, TEST, Case
from competition.doctor.finding import Finding

Ints = NDArray[np.int64]


def balance(case: Case) -> list[Finding]:
    """Counts of the parts, of the folds and of Public and Private."""
    return [*_manifest(case), *_parts(case), *_folds(case), *_public(case)]


def _manifest(case: Case) -> list[Finding]:
    """The counts that the manifest tells participants are those of the files."""
    counted = [*np.bincount(case.parts, minlength=3).tolist()[:TEST], len(case.bundle.test_ids)]
    told = case.bundle.manifest["counts"]
    noted = [told["train"], told["validation"], told["test"]]
    if counted != noted:
        return [
            Finding(
                "fault", "counts", f"the manifest tells {noted} items of train, validation, test; {counted} are there"
            )
        ]
    if len(set(case.ids)) != len(case.ids):
        return [Finding("fault", "counts", f"{len(case.ids) - len(set(case.ids))} ids are there twice")]
    return []


def _parts(case: Case) -> list[Finding]:
    """Exact counts a class where the spec names counts, else the ratios to the item."""
    spec, strata = case.competition.spec, _strata(case)
    counts = _table(strata, case.parts, len(PART_NAMES))
    shown = ", ".join(f"{name} {_range(row)}" for name, row in zip(PART_NAMES, counts, strict=True) if row.sum())
    if spec.split == "given":
        return [Finding("ok", "parts", f"{_what(case)}: {shown}, as the source gives them")]
    if spec.parts.unit == "count" and spec.split == "random" and case.has_classes:
        wanted = np.repeat(np.array(spec.parts.sizes)[:, None], counts.shape[1], axis=1)
        off = int((counts != wanted).any(axis=0).sum())
        asked = ":".join(str(size) for size in spec.parts.sizes) + " a class"
    else:
        sizes = spec.parts.sizes
        exact = counts.sum(axis=0) * np.array(sizes)[:, None] / sum(sizes)
        off = int((np.abs(counts - exact) >= 1).any(axis=0).sum())
        asked = ":".join(str(size) for size in sizes)
    return [_judged(case, "parts", off, counts.shape[1], f"{_what(case)}: {shown}; the spec asks for {asked}")]


def _folds(case: Case) -> list[Finding]:
    folds = case.bundle.train_folds
    if folds is None or case.competition.spec.folds is None:
        return []
    counts = _table(_strata(case)[: len(folds)], folds, case.competition.spec.folds)
    off = int((counts.max(axis=0) - counts.min(axis=0) > 1).sum())
    told = f"{len(counts)} folds of {_range(counts.sum(axis=1))} items, {_range(counts)} of each class"
    return [_judged(case, "folds", off, counts.shape[1], told)]


def _public(case: Case) -> list[Finding]:
    """Public and Private hold the same mixture of classes."""
    counts = _table(_strata(case)[-len(case.public) :], case.public.astype(np.int64), 2)
    public, private = splits.share_weights(case.competition.spec.public_share)
    exact = counts.sum(axis=0) * public / (public + private)
    off = int((np.abs(counts[1] - exact) >= 1).sum())
    told = f"{counts[1].sum():,} test items are Public ({_range(counts[1])} a class), {counts[0].sum():,} Private"
    if case.competition.spec.split == "given":
        return [Finding("ok", "public", f"{told}, as the source gives them")]
    return [_judged(case, "public", off, counts.shape[1], told, always=True)]


def _strata(case: Case) -> Ints:
    """Classes are balanced; other targets only as a whole."""
    return case.targets if case.has_classes else np.zeros(len(case.ids), dtype=np.int64)


def _table(strata: Ints, parts: Ints, count: int) -> Ints:
    """How many items of each stratum (columns) each part (rows) holds."""
    width = int(strata.max()) + 1
    return np.bincount(parts * width + strata, minlength=count * width).reshape(count, width).astype(np.int64)


def _range(counts: Ints) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _what(case: Case) -> str:
    return "items a class" if case.has_classes else "items"


def _judged(case: Case, code: str, off: int, strata: int, told: str, always: bool = False) -> Finding:
    """Whole groups cannot be dealt out to the item: what is a fault elsewhere is a note there."""
    if not off:
        return Finding("ok", code, told)
    whole = case.competition.spec.split == "group" or case.competition.spec.repeats == "together"
    if whole and not always:
        return Finding("note", code, f"{told}, which whole groups miss in {off} of {strata} classes")
    remedy = f"run `grader prepare {case.competition.name}`: the spec or the bundle was changed"
    return Finding("fault", code, f"{told}, which {off} of {strata} classes miss", remedy)
