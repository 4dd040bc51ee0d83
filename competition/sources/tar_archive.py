"""A tar archive as a container; a compressed one is unpacked once, in one pass, into a nameless temporary file."""

import bz2
import errno
import gzip
import lzma
import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from competition.errors import BadInputError
from competition.progress import Progress, silent
from competition.sources.members import Member, by_name, damaged, is_wanted, refuse_bomb, safe_name

COPY_BYTES = 1 << 20
PACKINGS: dict[bytes, Callable[[Path], BufferedIOBase]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
CUT_ERRORS = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError)


class TarArchive:
    """The files of a tar archive, in its own order. `scratch` is the folder for what has to be unpacked."""

    def __init__(self, path: Path, scratch: Path, progress: Progress = silent) -> None:
        self.path = path
        unpack = _packing(path)
        if unpack is None:
            self._file: IO[bytes] = path.open("rb")
            self.members = by_name(path, _plain_members(path))
        else:
            scratch.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  closed by __exit__
            self.members = by_name(path, _spooled(path, unpack, self._file, progress))
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


class _StrictHeader(tarfile.TarInfo):
    """A header whose damage is an error; `tarfile` takes a damaged one for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf.count(b"\0") == tarfile.BLOCKSIZE:
                raise  # the mark at the end of a whole archive
            raise tarfile.ReadError(f"{error}, no end mark") from error


def _packing(path: Path) -> Callable[[Path], BufferedIOBase] | None:
    """What unpacks a compressed file, by its first bytes; None for one that is not compressed."""
    with path.open("rb") as file:
        start = file.read(6)
    return next((unpack for magic, unpack in PACKINGS.items() if start.startswith(magic)), None)


def _plain_members(path: Path) -> Iterator[Member]:
    try:
        with tarfile.open(path, "r:", tarinfo=_StrictHeader) as archive:
            for info in archive:
                if name := _data_name(path, info):
                    yield Member(name, info.size, int(info.mtime), info.offset_data, info.size)
    except CUT_ERRORS as error:
        raise _cut(path, error) from error


def _spooled(
    path: Path, unpack: Callable[[Path], BufferedIOBase], spool: IO[bytes], progress: Progress
) -> Iterator[Member]:
    total, packed = 0, path.stat().st_size
    try:
        with unpack(path) as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictHeader) as archive:
            for info in archive:
                total += info.size
                refuse_bomb(path, total)
                if not (name := _data_name(path, info)):
                    continue
                progress("unpack", min(total, packed), packed)
                offset = spool.tell()
                _copy(archive, info, spool)
                yield Member(name, info.size, int(info.mtime), offset, info.size)
            _read_to_the_checksum(path, stream, total)
        progress("unpack", packed, packed)
    except CUT_ERRORS as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise _cut(path, error) from error


def _read_to_the_checksum(path: Path, stream: BufferedIOBase, total: int) -> None:
    """Read what follows the last member: the checksum of a packed file comes at its very end."""
    while block := stream.read(COPY_BYTES):
        total += len(block)
        refuse_bomb(path, total)


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


def _data_name(path: Path, info: tarfile.TarInfo) -> str | None:
    """The safe name of a member that is data; None for folders and litter."""
    name = safe_name(path, info.name)
    if info.isdir():
        return None
    if not info.isreg():
        raise BadInputError(f"{path}: refused, the member {name!r} is a link or a device")
    return name if is_wanted(name) else None


def _cut(path: Path, reason: object) -> BadInputError:
    return BadInputError(f"{path}: not a whole tar archive ({reason}); get it again")
