"""A zip archive whose bytes depend on its files alone: sorted, and without the time or the owner of a file."""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from competition.durable import flush
from competition.progress import Progress, silent

NO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can note
PLAIN_FILE = 0o100644 << 16
UNIX = 3


def write_archive(path: Path, folder: Path, names: Sequence[str], progress: Progress = silent) -> None:
    """Write the files `names` of `folder` into the new archive `path`."""
    stage = f"writing {path.name}"
    with path.open("xb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            for done, name in enumerate(sorted(names)):
                progress(stage, done, len(names))
                _add(archive, folder, name)
        file.flush()
        flush(file.fileno())
    progress(stage, len(names), len(names))


def _add(archive: zipfile.ZipFile, folder: Path, name: str) -> None:
    info = zipfile.ZipInfo(name, NO_TIME)
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
    info.create_system, info.external_attr = UNIX, PLAIN_FILE
    info.file_size = (folder / name).stat().st_size  # tells whether sizes need 64 bits
    with (folder / name).open("rb") as source, archive.open(info, "w") as target:
        shutil.copyfileobj(source, target, 1 << 20)
