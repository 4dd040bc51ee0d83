"""A prepared competition as the files that the host's page of a Kaggle Community competition asks for."""

import csv
import hashlib
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from competition.bundle import Bundle, open_bundle
from competition.durable import folder_aside, put_folder, told_in_one_line, write_file
from competition.errors import UserError
from competition.kaggle.archive import write_archive
from competition.kaggle.metrics import KaggleMetric, kaggle_metric
from competition.kaggle.pages import kaggle_pages
from competition.kaggle.readme import readme
from competition.layout import DESCRIPTION, MANIFEST, SAMPLE_SUBMISSION, SOLUTION, bundle_folder
from competition.private import FILE_MODE, FOLDER_MODE
from competition.progress import Progress, silent
from competition.vault import Vault, open_vault

DATA_ARCHIVE = "data.zip"
README = "README.md"
KOREAN_DESCRIPTION = "description.ko.md"
PRIVATE = "private"
RECORD = f"{PRIVATE}/export.json"
PICTURES = ("train", "test")  # what `grader prepare --as folder` adds to a bundle
PUBLIC_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Exported:
    """Where an export lies, its files, and how Kaggle is told the metric."""

    folder: Path
    files: tuple[str, ...]
    metric: KaggleMetric


def export_competition(name: str, data: Path, home: Path, out: Path, progress: Progress = silent) -> Exported:
    """Write what a Kaggle host's page needs into the folder `out`, in one step.

    Args:
        name: of a prepared competition.
        data: the folder of bundles.
        home: the state folder, with the vault in it.
        out: a new folder, or one that an earlier export of this competition wrote and nobody changed.
        progress: is told how far the work is.

    Raises:
        UserError: the competition is not prepared, its vault cannot be read, or `out` holds something else.
        BadInputError: the bundle is damaged.
    """
    bundle = open_bundle(bundle_folder(data, name))
    vault = open_vault(home, name)
    solution = vault.read_solution()
    _check_pair(bundle, vault)
    _refuse_foreign(out, name)
    metric = kaggle_metric(bundle.rules)
    files = {PRIVATE + "/" + SOLUTION: solution, PRIVATE + "/.gitignore": b"*\n"}
    files |= _pages(bundle) | _metric_file(bundle, metric)
    files[README] = readme(bundle.rules, metric, _usage(solution)).encode()
    with told_in_one_line(out), folder_aside(out) as aside:
        (aside / PRIVATE).mkdir(mode=FOLDER_MODE)
        (aside / PRIVATE).chmod(FOLDER_MODE)
        for file, content in files.items():
            write_file(aside / file, content, FILE_MODE if file.startswith(PRIVATE) else PUBLIC_MODE)
        write_archive(aside / DATA_ARCHIVE, bundle.folder, _bundle_files(bundle), progress)
        record = {
            "competition": name,
            "files": {file: _digest(aside / file) for file in sorted((*files, DATA_ARCHIVE))},
        }
        write_file(aside / RECORD, (json.dumps(record, indent=2) + "\n").encode(), FILE_MODE)
        put_folder(aside, out)
    return Exported(out, tuple(sorted((*files, DATA_ARCHIVE, RECORD))), metric)


def _check_pair(bundle: Bundle, vault: Vault) -> None:
    """Refuse a bundle that was changed, or whose solution is another one."""
    bundle.verify()
    if vault.prepared().get("preparation") != bundle.manifest.get("preparation"):
        raise UserError(
            f"{bundle.folder}: the bundle and the solution in the vault do not belong together; "
            f"run `grader prepare {vault.name}` again"
        )


def _bundle_files(bundle: Bundle) -> list[str]:
    """What `grader prepare` put into the bundle; whatever else lies there stays at home."""
    names = [*bundle.manifest["files"], MANIFEST]
    if bundle.manifest.get("layout") == "folder":
        pictures = [path for part in PICTURES for path in (bundle.folder / part).rglob("*.png")]
        names += [path.relative_to(bundle.folder).as_posix() for path in pictures]
    return names


def _pages(bundle: Bundle) -> dict[str, bytes]:
    """The sample submission as it is, and the descriptions in the order of Kaggle's pages."""
    files = {SAMPLE_SUBMISSION: (bundle.folder / SAMPLE_SUBMISSION).read_bytes()}
    for name in (DESCRIPTION, KOREAN_DESCRIPTION):
        files[name] = kaggle_pages((bundle.folder / name).read_text(encoding="utf-8")).encode()
    return files


def _metric_file(bundle: Bundle, metric: KaggleMetric) -> dict[str, bytes]:
    if metric.file is None:
        return {}
    if metric.content is not None:
        return {metric.file: metric.content.encode()}
    return {metric.file: (bundle.folder / metric.file).read_bytes()}


def _usage(solution: bytes) -> Counter[str]:
    return Counter(row["Usage"] for row in csv.DictReader(io.StringIO(solution.decode(), newline="")))


def _refuse_foreign(out: Path, name: str) -> None:
    """Never replace what no export of this competition wrote, or what was changed since."""
    if not out.exists() and not out.is_symlink():
        return
    if out.is_symlink() or not out.is_dir():
        raise UserError(f"{out}: is there and no folder; choose another one with --out")
    known = _record(out, name)
    for path in sorted(out.rglob("*")):
        file = path.relative_to(out).as_posix()
        if path.is_symlink() or (path.is_file() and file != RECORD and known.get(file) != _digest(path)):
            raise UserError(
                f"{path}: no export of {name} wrote this file, or it was changed since; choose another --out"
            )


def _record(out: Path, name: str) -> dict[str, str]:
    """The checksums of the files that the last export into this folder wrote."""
    try:
        record = json.loads((out / RECORD).read_bytes())
        return dict(record["files"]) if record["competition"] == name else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
