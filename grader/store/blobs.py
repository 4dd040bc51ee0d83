"""The bytes of submissions, each file once, named by its SHA-256 and safe on the disk before anything refers to it."""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from competition.durable import flush_folder
from competition.errors import BadInputError
from grader.store.errors import StoreError
from grader.store.records import Blob

CHUNK = 1 << 20
SYNCING_THREADS = 8  # disks take several syncs at once far faster than one after the other
STALE_SECONDS = 3600.0


class Blobs:
    """A folder of blobs `ab/cdef…` (mode 0600), filled aside and renamed, never changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._aside = folder / "aside"

    def path(self, sha256: str) -> Path:
        """Where a blob lies, whether or not it is there."""
        return self.folder / sha256[:2] / sha256[2:]

    def keep(self, files: Sequence[Path]) -> list[Blob]:
        """Copy files in; when this returns, their bytes survive a power cut.

        Raises:
            BadInputError: a file cannot be read or is no regular file; nothing refers to what was copied before it.
            StoreError: the blobs cannot be written.
        """
        with self._plain_errors(), _side_by_side(len(files)) as each:
            self._prepare()
            blobs = list(each(self._copy, files))
            folders = {self.folder, *(self.path(blob.sha256).parent for blob in blobs)}
            list(each(flush_folder, folders))
        return blobs

    def fault(self, blob: Blob) -> str | None:
        """What is wrong with the bytes kept of a blob: `missing`, `changed`, or None."""
        try:
            with self.path(blob.sha256).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            return f"unreadable ({error.strerror})"
        return None if (digest, size) == (blob.sha256, blob.bytes) else "changed"

    def _prepare(self) -> None:
        """Make the folders and drop what a killed process left half-copied."""
        if not self._aside.is_dir():
            for folder in (self.folder.parent, self.folder, self._aside):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # mode is that of the last folder only
            flush_folder(self.folder.parent)
        for left in self._aside.iterdir():
            with suppress(FileNotFoundError):  # another process has just finished with it
                if time.time() - left.stat().st_mtime > STALE_SECONDS:
                    left.unlink()

    def _copy(self, file: Path) -> Blob:
        aside = self._aside / f"{os.getpid()}-{os.urandom(8).hex()}"
        try:
            with _open_regular(file) as source, os.fdopen(_create_private(aside), "wb") as target:
                blob = _copy_hashing(source, target, file)
                if self.fault(blob) is not None:  # not here yet, or damaged: these bytes mend it
                    target.flush()
                    os.fsync(target.fileno())
                    self.path(blob.sha256).parent.mkdir(mode=0o700, exist_ok=True)
                    aside.replace(self.path(blob.sha256))
            return blob
        finally:
            aside.unlink(missing_ok=True)

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"{self.folder}: submissions cannot be kept here ({error.strerror}); "
                "check its permissions and free space"
            ) from error


@contextmanager
def _side_by_side(count: int) -> Iterator[Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]]:
    """`map`, in threads where there is more than one thing to do: importing them costs more than one file."""
    if count < 2:
        yield map
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(SYNCING_THREADS) as threads:
        yield threads.map


def _open_regular(file: Path) -> BinaryIO:
    """Open a file for reading; a pipe or a device, which might never end, is refused."""
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadInputError(f"{file}: cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInputError(f"{file}: is no regular file")
    return os.fdopen(descriptor, "rb")


def _copy_hashing(source: BinaryIO, target: BinaryIO, file: Path) -> Blob:
    digest = hashlib.sha256()
    size = 0
    while chunk := _read(source, file):
        digest.update(chunk)
        target.write(chunk)
        size += len(chunk)
    return Blob(digest.hexdigest(), size)


def _read(source: BinaryIO, file: Path) -> bytes:
    try:
        return source.read(CHUNK)
    except OSError as error:
        raise BadInputError(f"{file}: cannot be read ({error.strerror})") from None


def _create_private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
