"""Writing so that a reader, or a power cut, never meets half a file or half a folder."""

import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from competition.errors import UserError

_EXCHANGE = 2  # RENAME_EXCHANGE of Linux's renameat2, RENAME_SWAP of macOS's renamex_np
_AT_FDCWD = -100


def write_file(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put `content` at `path` in one step: readers see the old file or the new one, never a part.

    Args:
        path: where it goes; the folder must exist.
        content: the whole file.
        mode: its permissions, whatever the umask.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no Path
            os.fchmod(file.fileno(), mode)
            file.write(content)
            flush(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def flush(descriptor: int) -> None:
    """Have the disk hold what was written to an open file."""
    os.fsync(descriptor)


def flush_folder(folder: Path) -> None:
    """Have the disk hold the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems cannot flush a folder; their rename is still one step
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


@contextmanager
def folder_aside(target: Path) -> Iterator[Path]:
    """A new, empty folder beside `target` to build its next state in; whatever is left of it at the end is removed.

    Folders that killed processes left behind are removed too.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}.partial-"
    for left in target.parent.glob(f"{prefix}*"):
        if not _is_running(left.name.removeprefix(prefix).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    aside = target.with_name(f"{prefix}{os.getpid()}-{secrets.token_hex(4)}")
    aside.mkdir()
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def put_folder(aside: Path, target: Path) -> None:
    """Move the folder `aside` to `target` in one step; a folder that was there is at `aside` afterwards."""
    flush_folder(aside)
    if target.exists():
        _exchange(aside, target)
    else:
        aside.rename(target)
    flush_folder(target.parent)


@contextmanager
def told_in_one_line(folder: Path) -> Iterator[None]:
    """Turn a failure of the disk (full, read-only, no permission) into one plain line.

    Raises:
        UserError: instead of `OSError`.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            way_out = "free some space or choose another folder; nothing was changed"
        else:
            way_out = "nothing was changed"
        raise UserError(f"{error.filename or folder}: cannot be written ({error.strerror}); {way_out}") from error


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders in one step where the system can, else through a third name."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(*names, _EXCHANGE)
    elif hasattr(libc, "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
    else:
        failed = -1
    if failed:
        third = other.with_name(f"{one.name}-old")
        other.rename(third)
        one.rename(other)
        third.rename(one)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
