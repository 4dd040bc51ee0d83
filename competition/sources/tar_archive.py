"""A tar archive as a container; a compressed one is unpacked once, in one pass, into a nameless temporary file."""

import gzip
import lzma
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from competition.errors import BadInputError
from competition.progress import Progress, silent
from competition.sources.members import Member, by_name, damaged, is_wanted, refuse_bomb, safe_name

COPY_BYTES = 1 << 20
CUT_ERRORS = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, OSError, ValueError)


class TarArchive:
    """The files of a tar archive, in its own order. `scratch` is the folder for what has to be unpacked."""

    def __init__(self, path: Path, scratch: Path, progress: Progress = silent) -> None:
        self.path = path
        if _is_plain(path):
            self._file: IO[bytes] = path.open("rb")
            self.members = by_name(path, _plain_members(path))
        else:
            scratch.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  closed by __exit__
            self.members = by_name(path, _spooled(path, self._file, progress))
            self._file.flush()

    def find(self, name: str) -> Member | None:
        """The member of that name."""
        return self.members.get(name)

    def read(self, member: Member) -> bytes:
        """The content of a member."""
        data = os.pread(self._file.fileno(), member.size, member.offset)
        if len(data) != member.size:
            raise damaged(self.path, member.name, "the archive ends early")
        return data

    def __enter__(self) -> Self:
        """Opened already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the archive and let go of what was unpacked."""
        self._file.close()


def _is_plain(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(257)
        return file.read(5) == b"ustar"


def _plain_members(path: Path) -> Iterator[Member]:
    size = path.stat().st_size
    end = 0
    try:
        with tarfile.open(path, "r:") as archive:
            for info in archive:
                end = max(end, info.offset_data + info.size)
                if _is_data(path, info):
                    yield Member(_name(path, info), info.size, int(info.mtime), info.offset_data, info.size)
    except CUT_ERRORS as error:
        raise _cut(path, error) from error
    # A whole archive ends with two blocks of zeros; one that was cut between two members lacks them.
    if end + 512 > size:
        raise _cut(path, "no end mark")


def _spooled(path: Path, spool: IO[bytes], progress: Progress) -> Iterator[Member]:
    total, packed = 0, path.stat().st_size
    try:
        with path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|*") as archive:
            for info in archive:
                total += info.size
                if not _is_data(path, info):
                    continue
                refuse_bomb(path, total)
                progress("unpack", raw.tell(), packed)
                offset = spool.tell()
                _copy(archive, info, spool)
                yield Member(_name(path, info), info.size, int(info.mtime), offset, info.size)
        progress("unpack", packed, packed)
    except OSError as error:
        if error.errno is not None:  # the disk's fault, not the archive's
            raise
        raise _cut(path, error) from error
    except CUT_ERRORS as error:
        raise _cut(path, error) from error


def _copy(archive: tarfile.TarFile, info: tarfile.TarInfo, spool: IO[bytes]) -> None:
    source = archive.extractfile(info)
    assert source is not None  # a regular file always opens
    left = info.size
    while left:
        block = source.read(min(COPY_BYTES, left))
        if not block:
            raise EOFError(f"{info.name!r} is cut")
        spool.write(block)
        left -= len(block)


def _name(path: Path, info: tarfile.TarInfo) -> str:
    return safe_name(path, info.name)


def _is_data(path: Path, info: tarfile.TarInfo) -> bool:
    name = _name(path, info)
    if info.isdir():
        return False
    if not info.isreg():
        raise BadInputError(f"{path}: refused, the member {name!r} is a link or a device")
    return is_wanted(name)


def _cut(path: Path, reason: object) -> BadInputError:
    return BadInputError(f"{path}: not a whole tar archive ({reason}); get it again")
