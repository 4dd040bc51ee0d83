"""A zip archive as a container that many threads read at once.

`zipfile` lists the members and checks the directory. Their bytes are read here by position, because one
`zipfile.ZipFile` serves its readers one after the other: three times slower for 60,000 small images.
"""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from competition.errors import BadInputError
from competition.sources.members import Member, by_name, damaged, is_wanted, safe_name

LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, length of name, length of extra field
ENCRYPTED = 0x1


class ZipArchive:
    """The members of a zip archive, stored or deflated, in the order of its directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self.members = by_name(path, _members(path, archive.infolist()))
        except (zipfile.BadZipFile, EOFError, struct.error, UnicodeDecodeError, NotImplementedError) as error:
            raise BadInputError(f"{path}: not a whole zip archive ({error}); get it again") from error
        self._file = os.open(path, os.O_RDONLY)

    def find(self, name: str) -> Member | None:
        """The member of that name."""
        return self.members.get(name)

    def read(self, member: Member) -> bytes:
        """The content of a member, its length and CRC-32 checked."""
        # One read takes header and data in most cases: the local extra field is rarely longer than 64 bytes.
        block = os.pread(self._file, LOCAL_HEADER.size + len(member.name) + 64 + member.packed, member.offset)
        if len(block) < LOCAL_HEADER.size or block[:4] != b"PK\x03\x04":
            raise damaged(self.path, member.name, "no zip header where the directory says")
        _, name_length, extra_length = LOCAL_HEADER.unpack_from(block)
        start = LOCAL_HEADER.size + name_length + extra_length
        data = block[start : start + member.packed]
        if len(data) < member.packed:
            data = os.pread(self._file, member.packed, member.offset + start)
        return self._unpacked(member, data)

    def _unpacked(self, member: Member, data: bytes) -> bytes:
        if member.deflated:
            try:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, member.size + 1)
            except zlib.error as error:
                raise damaged(self.path, member.name, error) from error
        if len(data) != member.size:
            raise damaged(self.path, member.name, "its length differs from the zip directory")
        if zlib.crc32(data) != member.version:
            raise damaged(self.path, member.name, "its checksum differs from the zip directory")
        return data

    def __enter__(self) -> Self:
        """Opened already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the archive."""
        os.close(self._file)


def _members(path: Path, infos: list[zipfile.ZipInfo]) -> Iterator[Member]:
    for info in infos:
        name = safe_name(path, info.filename)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise BadInputError(f"{path}: refused, the member {name!r} is a link")
        if info.filename.endswith("/") or not is_wanted(name):
            continue
        if info.flag_bits & ENCRYPTED:
            raise BadInputError(f"{path}: {name!r} is encrypted; unpack the archive and give the folder")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadInputError(f"{path}: {name!r} is neither stored nor deflated; unpack it and give the folder")
        yield Member(name, info.file_size, info.CRC, info.header_offset, info.compress_size, info.compress_type != 0)
