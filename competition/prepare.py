"""Preparing a competition: from its spec and a source to a bundle for participants and a solution for the vault."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from competition.assignment import Assignment, assign
from competition.bundle import FORMAT, VALIDATION_FOLD, open_bundle, read_manifest
from competition.bundle_writer import (
    BundleWriter,
    check_features,
    label_folders,
    labels_csv,
    sample_csv,
    solution_csv,
    table_csv,
    write_pictures,
)
from competition.durable import folder_aside, put_folder, told_in_one_line
from competition.errors import BadInputError, UserError
from competition.layout import (
    DESCRIPTION,
    LABELS_TABLE,
    MANIFEST,
    SAMPLE_SUBMISSION,
    TEST_IMAGES,
    TEST_TABLE,
    TRAIN_IMAGES,
    TRAIN_TABLE,
    bundle_folder,
)
from competition.preparation import json_bytes, preparation_mark
from competition.progress import Progress, silent
from competition.rules import RULES_FILE, Rules
from competition.vault import Vault, make_vault

if TYPE_CHECKING:
    from competition.catalog import Competition
    from competition.sealed import Unlock
    from competition.sources.pool import Pool
    from competition.spec import CompetitionSpec

Layout = Literal["arrays", "folder"]

VERSIONED = ("competition-grader", "numpy", "pillow", "polars")
DESCRIBED = (".yaml", ".md", ".py")  # of a competition's folder: what counts of them is compared by content
SPARE_BYTES = 16 * 1024 * 1024  # tables, and what a file system keeps for itself


@dataclass(frozen=True, slots=True)
class PreparedCompetition:
    """What `prepare` made or found: the bundle, its counts and whether it was there already."""

    name: str
    bundle: Path
    counts: Mapping[str, int]
    reused: bool


def prepare(
    competition: "Competition",
    data: Path,
    home: Path,
    source: Path | None = None,
    layout: Layout = "arrays",
    progress: Progress = silent,
    unlock: "Unlock | None" = None,
    force: bool = False,
) -> PreparedCompetition:
    """Make the bundle and the solution of a competition, or find that they are up to date.

    Both are built aside and take the place of the old ones together: whenever this is interrupted, bundle and
    solution are the old pair or the new pair.

    Args:
        competition: from `catalog.find`.
        data: the folder of bundles (`GRADER_DATA`).
        home: the state folder (`GRADER_HOME`), with the vault in it.
        source: a file or folder to read instead of the spec's own source.
        layout: `folder` writes PNG files for people who want them, beside the arrays.
        progress: is told how far the work is.
        unlock: opens a sealed vault; by default what the environment gives.
        force: build anew even when nothing changed.

    Raises:
        UserError: wrong use, a bad vault, a full disk.
        BadInputError: the source is missing, bad or too small for the parts.
    """
    with told_in_one_line(home):
        vault = make_vault(home, competition.name, unlock)
    target = bundle_folder(data.resolve(), competition.name)
    with vault.lock():
        secret = vault.read_secret()
        fingerprint = _fingerprint(competition, source, layout, secret)
        if not force and _is_current(vault, target, fingerprint):
            return PreparedCompetition(competition.name, target, read_manifest(target)["counts"], reused=True)
        _refuse_foreign(target)
        pool = _load_pool(competition, source, progress)
        with told_in_one_line(data), folder_aside(target) as aside:
            solution, manifest = _build(competition, pool, secret, aside, layout, progress)
            noted = {"bundle": str(target), "fingerprint": fingerprint, "preparation": manifest["preparation"]}
            vault.stage(solution, _public_files(competition), noted)
            put_folder(aside, target)
            vault.settle()
    return PreparedCompetition(competition.name, target, manifest["counts"], reused=False)


def _load_pool(competition: "Competition", source: Path | None, progress: Progress) -> "Pool":
    from competition.sources import load_pool

    return load_pool(competition.spec, competition.folder, source, progress)


def _build(
    competition: "Competition", pool: "Pool", secret: bytes, folder: Path, layout: Layout, progress: Progress
) -> tuple[bytes, dict[str, Any]]:
    """Write the bundle into `folder`; returns the solution and the manifest."""
    spec, rules = competition.spec, competition.spec.rules(competition.name)
    _check_images(spec, pool)
    assignment = assign(spec, pool, secret)
    _check_space(folder, pool, assignment, layout)
    writer = BundleWriter(folder)
    _write_items(writer, rules, pool, assignment, progress)
    for name, content in {**_public_files(competition), **_descriptions(competition)}.items():
        writer.write(name, content)
    if spec.labels:
        writer.write(LABELS_TABLE, labels_csv(spec.labels, spec.label_names))
    train_labels = [pool.labels[row] for row in assignment.train]
    writer.write(SAMPLE_SUBMISSION, sample_csv(rules, assignment.test_ids, train_labels))
    if layout == "folder":
        _write_folders(folder, spec, pool, assignment, progress)
    test_labels = [pool.labels[row] for row in assignment.test]
    solution = solution_csv(rules, assignment.test_ids, test_labels, assignment.usage)
    manifest = _manifest(competition, writer, assignment, secret, solution, layout)
    writer.write(MANIFEST, json_bytes(manifest))
    return solution, manifest


def _write_items(writer: BundleWriter, rules: Rules, pool: "Pool", assignment: Assignment, progress: Progress) -> None:
    train, test = assignment.train, assignment.test
    if pool.images is not None:
        writer.write_images(TRAIN_IMAGES, pool.images, train, progress)
        writer.write_images(TEST_IMAGES, pool.images, test, progress)
    features = pool.table
    if features is not None:
        check_features(rules, features)
    labels = [pool.labels[row] for row in train]
    of_train, of_test = (features[rows] if features is not None else None for rows in (train, test))
    writer.write(TRAIN_TABLE, table_csv(rules, assignment.train_ids, of_train, labels, assignment.folds))
    writer.write(TEST_TABLE, table_csv(rules, assignment.test_ids, of_test))


def _write_folders(
    folder: Path, spec: "CompetitionSpec", pool: "Pool", assignment: Assignment, progress: Progress
) -> None:
    if pool.images is None:
        raise UserError("--as folder is for images; this competition is about a table")
    folders = dict(zip(spec.labels, label_folders(spec.labels), strict=True))
    train_names = [
        f"{folders.get(pool.labels[row], '')}/{item}".lstrip("/")
        for row, item in zip(assignment.train, assignment.train_ids, strict=True)
    ]
    write_pictures(folder / "train", pool.images, assignment.train, train_names, progress)
    write_pictures(folder / "test", pool.images, assignment.test, assignment.test_ids, progress)


def _manifest(
    competition: "Competition",
    writer: BundleWriter,
    assignment: Assignment,
    secret: bytes,
    solution: bytes,
    layout: Layout,
) -> dict[str, Any]:
    folds = assignment.folds
    validation = int((folds == VALIDATION_FOLD).sum()) if folds is not None and competition.spec.folds is None else 0
    return {
        "competition": competition.name,
        "counts": {
            "train": len(assignment.train) - validation,
            "validation": validation,
            "test": len(assignment.test),
            "public": int(assignment.public.sum()),
            "classes": len(competition.spec.labels),
        },
        "files": dict(writer.files),
        "format": FORMAT,
        "layout": layout,
        "preparation": preparation_mark(writer.files, solution, secret),
        "seed": competition.spec.seed,
        "versions": {name: version(name) for name in VERSIONED},
    }


def _public_files(competition: "Competition") -> dict[str, bytes]:
    """The rules and the custom metrics that they name, as they lie in bundle and vault alike."""
    rules = competition.spec.rules(competition.name)
    files = {RULES_FILE: rules.to_json().encode()}
    for metric in (rules.metric, *rules.extra_metrics):
        if metric.file is not None:
            files[metric.file] = _read(competition.folder / metric.file)
    return files


def _descriptions(competition: "Competition") -> dict[str, bytes]:
    """The description in both languages, and the English one again under the name that Kaggle uses."""
    title = competition.spec.title
    files = {}
    for language, name in (("en", title.en), ("ko", title.ko)):
        path = competition.folder / f"description.{language}.md"
        files[path.name] = _read(path) if path.exists() else f"# {name}\n".encode()
    return files | {DESCRIPTION: files["description.en.md"]}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _check_images(spec: "CompetitionSpec", pool: "Pool") -> None:
    """The image shape that the spec promises is the one the source gave."""
    if spec.image is None or pool.images is None:
        if (spec.image is None) != (pool.images is None):
            problem = "image: remove the key for a table" if spec.image else "image: is missing in the spec"
            raise BadInputError(problem)
        return
    wanted = (spec.image.height, spec.image.width, *((3,) if spec.image.channels == 3 else ()))
    if pool.images.shape[1:] != wanted:
        raise BadInputError(f"the source gave images of shape {pool.images.shape[1:]}, the spec says {wanted}")


def _check_space(folder: Path, pool: "Pool", assignment: Assignment, layout: Layout) -> None:
    """Refuse early what the disk cannot hold."""
    each = pool.images[0].nbytes if pool.images is not None else 0
    needed = (len(assignment.train) + len(assignment.test)) * each * (2 if layout == "folder" else 1) + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder.parent}: {free >> 20} MiB are free and the bundle needs {needed >> 20} MiB; "
            "free some space or choose another folder"
        )


def _refuse_foreign(target: Path) -> None:
    """Never replace a folder that is no bundle."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UserError(f"{target}: is no folder; choose another data folder")
    if target.is_dir() and any(target.iterdir()) and not (target / MANIFEST).is_file():
        raise UserError(f"{target}: holds something that is no bundle; move it away or choose another data folder")


def _is_current(vault: Vault, target: Path, fingerprint: str) -> bool:
    """Whether bundle and solution are whole, belong together and come from the same inputs."""
    noted = vault.prepared()
    if noted.get("fingerprint") != fingerprint or not vault.has_solution:
        return False
    try:
        return bool(open_bundle(target).manifest.get("preparation") == noted["preparation"])
    except BadInputError:
        return False


def _fingerprint(competition: "Competition", source: Path | None, layout: Layout, secret: bytes) -> str:
    """What the result depends on, as far as it can be told without reading the source."""
    spec = competition.spec
    read_from = source or (competition.folder / spec.source.path if spec.source.path else None)
    described = {
        "descriptions": {name: hashlib.sha256(text).hexdigest() for name, text in _descriptions(competition).items()},
        "folder": _state_of(competition.folder),
        "format": FORMAT,
        "layout": layout,
        "public": {name: hashlib.sha256(text).hexdigest() for name, text in _public_files(competition).items()},
        "source": _state_of(read_from) if read_from else None,
        "spec": spec.model_dump_json(),
        "versions": {name: version(name) for name in VERSIONED},
    }
    return hashlib.blake2b(json_bytes(described), key=secret, digest_size=16).hexdigest()


def _state_of(path: Path) -> str:
    """Name, size and time of change of a file, or of every file in a folder, as one digest."""
    states = [_state(path)] if path.is_file() else []
    for folder, below, files in os.walk(path):
        below[:] = sorted(name for name in below if name != "__pycache__")
        states += [_state(Path(folder, name)) for name in sorted(files) if not name.endswith(DESCRIBED)]
    return hashlib.blake2b("\n".join(states).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _state(path: Path) -> str:
    status = path.lstat()
    return f"{path.absolute()} {status.st_size} {status.st_mtime_ns}"
