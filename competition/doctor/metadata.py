"""What the files of the folder layout tell beside their pixels: name, time, size, text inside."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from competition import seeds
from competition.bundle_writer import label_folders
from competition.doctor.case import Case
from competition.doctor.dependence import binned, strongest
from competition.doctor.finding import Finding, some

DECODED = 1_000  # pictures that are decoded and compared with the arrays
PIXEL_CHUNKS = {b"IHDR", b"IDAT", b"IEND"}

Ints = NDArray[np.int64]


def metadata(case: Case) -> list[Finding]:
    """Names, times, sizes and contents of the pictures that `--as folder` writes."""
    folder = case.bundle.folder
    if not (folder / "test").is_dir():
        told = "the bundle is arrays and tables: no item has a file name, a time or a size of its own"
        return [Finding("ok", "metadata", told)]
    paths = _expected(case)
    if findings := _names(case, paths):
        return findings
    return [*_times_and_sizes(case, paths), *_contents(case, paths)]


def _expected(case: Case) -> list[Path]:
    """Where the picture of each item must lie: training in a folder a class, test by its id alone."""
    folder, trained = case.bundle.folder, len(case.bundle.train_ids)
    folders = dict(zip(case.bundle.rules.labels, label_folders(case.bundle.rules.labels), strict=True))
    train = [
        folder / "train" / folders.get(label, "") / f"{item}.png"
        for item, label in zip(case.ids[:trained], case.labels[:trained], strict=True)
    ]
    return train + [folder / "test" / f"{item}.png" for item in case.ids[trained:]]


def _names(case: Case, expected: list[Path]) -> list[Finding]:
    folder = case.bundle.folder
    there = {path for part in ("train", "test") for path in (folder / part).rglob("*") if not path.is_dir()}
    findings = []
    known = {*expected, *(folder / "test" / f"{item}.png" for item in case.bundle.test_ids)}
    if wrong := sorted(there - known):
        told = f"{len(wrong)} pictures are not called after their id alone: {some([path.name for path in wrong])}"
        findings.append(Finding("fault", "file_name", told, "a name may tell the label: prepare again with --force"))
    if missing := [path for path in expected if path not in there]:
        told = f"{len(missing)} pictures are missing: {some([path.name for path in missing])}"
        findings.append(Finding("fault", "missing_picture", told, "prepare again with --force"))
    return findings


def _times_and_sizes(case: Case, paths: list[Path]) -> list[Finding]:
    """A time must tell nothing; a size may tell what the pixels tell, and is said as it is."""
    states = [path.stat() for path in paths]
    generator = seeds.stream(case.competition.spec.seed, "doctor metadata")
    findings = []
    test = np.arange(len(case.bundle.train_ids), len(case.ids))
    times = binned(np.array([state.st_mtime_ns for state in states])[test])
    found = strongest({"time": times}, case.targets[test], generator)
    if found.is_sure:
        told = f"the times of the test pictures tell their labels: {found.measured}"
        findings.append(Finding("fault", "file_time", told, "give all files one time, or prepare again with --force"))
    else:
        findings.append(
            Finding("ok", "file_time", f"the times of the test pictures tell nothing of labels ({found.measured})")
        )
    found = strongest({"size": binned(np.array([state.st_size for state in states]))}, case.targets, generator)
    told = f"the size of a picture tells {found.nats:.3f} nats of its label, which is what its pixels compress to"
    return [*findings, Finding("note" if found.is_sure else "ok", "file_size", told)]


def _contents(case: Case, paths: list[Path]) -> list[Finding]:
    """Pictures hold the pixels of the arrays and nothing else."""
    generator = seeds.stream(case.competition.spec.seed, "doctor pictures")
    rows = np.sort(generator.choice(len(paths), min(DECODED, len(paths)), replace=False)).tolist()
    other = [paths[row].name for row in rows if not _is_plain(paths[row], case.images[row])]
    if other:
        told = (
            f"{len(other)} of {len(rows)} pictures hold other pixels than the array, or text beside them: {some(other)}"
        )
        return [Finding("fault", "picture", told, "prepare again with --force")]
    told = f"{len(rows):,} of {len(paths):,} pictures decoded: the pixels of the arrays and nothing beside them"
    return [Finding("ok", "picture", told)]


def _is_plain(path: Path, pixels: NDArray[np.uint8]) -> bool:
    from PIL import Image, UnidentifiedImageError

    if not _chunks(path.read_bytes()) <= PIXEL_CHUNKS:
        return False
    try:
        with Image.open(path) as image:
            return bool(np.array_equal(np.asarray(image), pixels))
    except (OSError, UnidentifiedImageError):
        return False


def _chunks(content: bytes) -> set[bytes]:
    """The kinds of chunks of a PNG file; what follows the last one counts as a chunk too."""
    kinds, place = set(), 8
    while place + 8 <= len(content):
        kinds.add(content[place + 4 : place + 8])
        place += 12 + int.from_bytes(content[place : place + 4])
    return kinds
