"""A folder on disk as a container."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from competition.errors import BadInputError
from competition.sources.members import Member, by_name, is_wanted, safe_name


class Folder:
    """The files below a folder, in the order of their names; a link that leads out of the folder is refused.

    With `only`, the members are that one file, and the others are found by name where it speaks of them.
    """

    def __init__(self, path: Path, only: str | None = None) -> None:
        self.path = path
        self.members = by_name(path, [_member(path, only)] if only else _files(path))

    def find(self, name: str) -> Member | None:
        """The file of that name, which must not lead out of the folder."""
        safe = safe_name(self.path, name)
        if safe not in self.members and (self.path / safe).is_file():
            _refuse_leading_out(self.path, self.path / safe)
            return _member(self.path, safe)
        return self.members.get(safe)

    def read(self, member: Member) -> bytes:
        """The content of a file."""
        try:
            return (self.path / member.name).read_bytes()
        except OSError as error:
            raise BadInputError(f"{self.path / member.name}: cannot be read ({error.strerror})") from error

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""


def _files(root: Path, below: str = "") -> Iterator[Member]:
    try:
        entries = sorted(os.scandir(root / below), key=lambda entry: entry.name)
    except OSError as error:
        raise BadInputError(f"{root / below}: cannot be read ({error.strerror})") from error
    for entry in entries:
        name = f"{below}{entry.name}"
        if not is_wanted(name):
            continue
        if entry.is_symlink():
            _refuse_leading_out(root, Path(entry.path))
        if entry.is_dir(follow_symlinks=False):
            yield from _files(root, f"{name}/")
        elif entry.is_file():
            yield _member(root, name)


def _member(root: Path, name: str) -> Member:
    status = (root / name).stat()
    return Member(name, status.st_size, status.st_mtime_ns)


def _refuse_leading_out(root: Path, link: Path) -> None:
    target = link.resolve()
    if target.is_dir() or not target.is_relative_to(root.resolve()):
        raise BadInputError(f"{link}: refused, a link to a folder or out of {root}; put the files themselves there")
