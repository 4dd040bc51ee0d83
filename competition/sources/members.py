"""What a folder or an archive holds, by name: which names are safe, and how much may be unpacked."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from competition.errors import BadInputError

MAX_MEMBER_BYTES = 1 << 30
MAX_TOTAL_BYTES = 64 << 30
# Deflate reaches 1032:1 on zeros and real images 2:1; tables of pixels were seen at 30:1.
MAX_RATIO = 200
RATIO_FREE_BYTES = 256 << 20  # below this an archive is no bomb, whatever its ratio

LITTER = frozenset({"Thumbs.db", "desktop.ini"})  # what file managers leave behind
# Larger than all the rest of its archive, and without labels: no reader wants it.
NEVER_READ = frozenset({"unlabeled_X.bin"})


class Member(NamedTuple):
    """One file of a folder or an archive.

    Attributes:
        name: its path inside, with `/`.
        size: bytes when unpacked, as declared.
        version: what changes when its content does: the CRC-32 of a zip member, else a time in nanoseconds.
        offset: where it begins in the archive (a zip member: its local header).
        packed: bytes in the archive.
        deflated: whether those bytes are compressed.
    """

    name: str
    size: int
    version: int
    offset: int = 0
    packed: int = 0
    deflated: bool = False


class Container(Protocol):
    """A folder or an archive whose members are read by name; threads may read at the same time."""

    path: Path
    members: dict[str, Member]

    def find(self, name: str) -> Member | None:
        """The member of that name; in a folder also one that `members` does not list."""

    def read(self, member: Member) -> bytes:
        """The content of a member, complete and unpacked; a damaged one is a `BadInputError`."""

    def __enter__(self) -> Self:
        """Opened already; closed at the end of the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""


def damaged(path: Path, name: str, reason: object) -> BadInputError:
    """The error of a member that cannot be read."""
    return BadInputError(f"{path}: {name!r} is damaged ({reason}); get the file again or take it out")


def safe_name(path: Path, name: str) -> str:
    """The name of a member without empty and `.` steps.

    Raises:
        BadInputError: the name is absolute, climbs with `..`, or cannot be a name on every system.
    """
    steps = name.split("/")
    if name.startswith("/") or ".." in steps or "\\" in name or "\0" in name or name[1:2] == ":":
        raise BadInputError(f"{path}: refused, the member {name!r} points outside of the archive")
    return name if "" not in steps and "." not in steps else "/".join(s for s in steps if s not in ("", "."))


def is_wanted(name: str) -> bool:
    """Whether a member is data: no hidden file, no litter of a file manager, nothing that is never read."""
    base = name.rpartition("/")[2]
    if base.startswith(".") or base in LITTER or base in NEVER_READ:
        return False
    return not name.startswith("__MACOSX/") and "/__MACOSX/" not in name


def by_name(path: Path, members: Iterable[Member]) -> dict[str, Member]:
    """The members by name.

    Raises:
        BadInputError: a name comes twice, or more would be unpacked than an honest archive holds.
    """
    found: dict[str, Member] = {}
    total = 0
    for member in members:
        if member.name in found:
            raise BadInputError(f"{path}: refused, the member {member.name!r} comes twice")
        total += member.size
        if member.size > MAX_MEMBER_BYTES or total > MAX_TOTAL_BYTES:
            raise BadInputError(f"{path}: refused, {member.name!r} would unpack to too much ({total:,} bytes so far)")
        found[member.name] = member
    refuse_bomb(path, total)
    return found


def refuse_bomb(path: Path, total: int) -> None:
    """Refuse an archive that unpacks to `total` bytes if that is far more than data compress to.

    Raises:
        BadInputError: the archive is a bomb.
    """
    if path.is_file() and total > max(RATIO_FREE_BYTES, MAX_RATIO * path.stat().st_size):
        raise BadInputError(f"{path}: refused, its {path.stat().st_size:,} bytes would unpack to {total:,} or more")
