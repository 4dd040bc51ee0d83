"""Open whatever holds the files of a source: a folder, a zip or a tar archive, compressed or not."""

import zipfile
from pathlib import Path

from competition.errors import UserError
from competition.progress import Progress, silent
from competition.sources.folder import Folder
from competition.sources.members import Container
from competition.sources.tar_archive import TarArchive
from competition.sources.zip_archive import ZipArchive

TAR_SUFFIXES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name or by its content."""
    name = path.name.lower()
    return name.endswith((".zip", *TAR_SUFFIXES)) or zipfile.is_zipfile(path)


def open_container(path: Path, scratch: Path, progress: Progress = silent) -> Container:
    """Open a folder, an archive or a single file; nothing is ever unpacked under the names an archive gives.

    Args:
        path: the folder, the archive, or a file such as a table, which may speak of files beside it.
        scratch: where a compressed tar archive may be unpacked for the time it is open.
        progress: told about that unpacking.

    Raises:
        UserError: there is nothing at `path`.
        BadInputError: the archive is damaged or hostile.
    """
    if path.is_dir():
        return Folder(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder; name the source with --source PATH")
    if not is_archive(path):
        return Folder(path.parent, only=path.name)
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return ZipArchive(path)
    return TarArchive(path, scratch, progress)
