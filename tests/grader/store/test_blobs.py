"""The bytes of submissions: kept once, whole or not at all, and never from something that is no file."""

import hashlib
import os
import resource
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from competition.errors import BadInputError
from grader.store import StoreError
from grader.store.blobs import STALE_SECONDS, Blobs
from grader.store.records import Blob

fork = get_context("fork")


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def kept_files(blobs: Blobs) -> list[Path]:
    return [path for path in blobs.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_a_blob_is_named_by_its_bytes(blobs: Blobs, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (blob,) = blobs.keep([write(tmp_path / "a.csv", content)])
    assert blob == Blob(hashlib.sha256(content).hexdigest(), size)
    assert blobs.path(blob.sha256).read_bytes() == content
    assert blobs.fault(blob) is None


def test_the_same_bytes_are_kept_once_and_not_written_again(blobs: Blobs, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{number}.csv", b"same") for number in range(20)]
    (blob,) = set(blobs.keep(files))
    written = blobs.path(blob.sha256).stat()
    blobs.keep(files)
    assert kept_files(blobs) == [blobs.path(blob.sha256)]
    assert blobs.path(blob.sha256).stat().st_ino == written.st_ino


def test_a_damaged_blob_is_mended_by_the_same_bytes(blobs: Blobs, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", b"right")
    (blob,) = blobs.keep([file])
    blobs.path(blob.sha256).write_bytes(b"wrong")
    assert blobs.fault(blob) == "changed"
    blobs.keep([file])
    assert blobs.fault(blob) is None


def test_many_blobs_come_back_in_the_order_of_their_files(blobs: Blobs, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{number}.csv", str(number).encode()) for number in range(300)]
    assert [blobs.path(blob.sha256).read_bytes() for blob in blobs.keep(files)] == [
        str(number).encode() for number in range(300)
    ]


def test_what_a_killed_process_left_is_dropped_after_an_hour(blobs: Blobs, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", b"x")
    blobs.keep([file])
    old, fresh = (write(blobs.folder / "aside" / name, b"half") for name in ("old", "fresh"))
    past = time.time() - STALE_SECONDS - 1
    os.utime(old, (past, past))
    blobs.keep([file])
    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_pipe_a_device_and_a_folder_are_refused_at_once(blobs: Blobs, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for path in (tmp_path / "pipe.csv", Path("/dev/zero"), tmp_path / "folder.csv"):
        with pytest.raises(BadInputError, match=rf"^{path}: is no regular file$"):
            blobs.keep([path])
    assert kept_files(blobs) == []


def test_a_missing_file_is_told(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.csv: cannot be read \(No such file or directory\)"):
        blobs.keep([tmp_path / "none.csv"])


def test_a_disk_that_takes_no_more_leaves_nothing_half_written(blobs: Blobs, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", os.urandom(200_000))
    told = fork.Queue()

    def keep() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            blobs.keep([file])
        except StoreError as error:
            told.put(str(error))

    process = fork.Process(target=keep)
    process.start()
    message = told.get(timeout=30)
    process.join()
    assert message == (
        f"{blobs.folder}: submissions cannot be kept here (File too large); check its permissions and free space"
    )
    assert kept_files(blobs) == []


def test_blobs_kept_by_processes_at_once_are_all_there(blobs: Blobs, tmp_path: Path) -> None:
    files = [write(tmp_path / f"{number}.csv", bytes([number % 7]) * 50_000) for number in range(40)]
    processes = [fork.Process(target=blobs.keep, args=(files[start::2],)) for start in (0, 1, 0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(kept_files(blobs)) == 7
    assert all(blobs.fault(blob) is None for blob in blobs.keep(files))
