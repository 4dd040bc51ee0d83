"""Many images into one array, interrupted and resumed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from competition.errors import BadInputError, UserError
from competition.sources import cores, decode
from competition.sources.container import open_container
from competition.sources.decode import decode_images
from competition.sources.picture import Shape
from competition.sources.unfinished import CHUNK_ITEMS, UnfinishedArray

COUNT = 5 * CHUNK_ITEMS + 7
SHAPE = Shape(8, 6, 1)


@pytest.fixture
def many(rng: np.random.Generator, encoded: Callable, zipped: Callable) -> tuple[Path, np.ndarray]:
    """An archive of gray images, and their pixels."""
    pixels = rng.integers(0, 256, (COUNT, 8, 6), dtype=np.uint8)
    return zipped({f"cat/{row:05d}.png": encoded(image) for row, image in enumerate(pixels)}), pixels


def decoded(source: Path, cache: Path) -> np.ndarray:
    with open_container(source, cache) as container:
        return decode_images(container, list(container.members.values()), SHAPE)


def test_the_array_is_mapped_whole_and_leaves_no_file(many: tuple[Path, np.ndarray], cache: Path) -> None:
    images = decoded(many[0], cache)
    assert isinstance(images, np.memmap)
    assert not images.flags.writeable
    assert (images == many[1]).all()
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_progress_begins_at_nothing_and_ends_at_all(many: tuple[Path, np.ndarray], cache: Path) -> None:
    calls = []
    with open_container(many[0], cache) as container:
        decode_images(container, list(container.members.values()), SHAPE, lambda *call: calls.append(call))
    assert calls[0] == ("decode", 0, COUNT)
    assert calls[-1] == ("decode", COUNT, COUNT)
    assert [done for _, done, _ in calls] == sorted(done for _, done, _ in calls)


def test_other_processes_do_the_work(many: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    def note(piece: int) -> int:
        (tmp_path / f"piece-{piece}").write_text(str(os.getpid()))
        return piece

    assert list(cores.on_all_cores(note, 8)) == list(range(8))
    workers = {(tmp_path / f"piece-{piece}").read_text() for piece in range(8)}
    if len(os.sched_getaffinity(0)) > 1:
        assert str(os.getpid()) not in workers


def test_an_interrupted_decoding_goes_on_where_it_stopped(
    many: tuple[Path, np.ndarray], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, pixels = many
    monkeypatch.setattr(cores, "FEWEST_PIECES", 100)  # in this process, where calls can be counted
    real, calls = decode.decode_into, []

    def counted(out: np.ndarray, data: bytes, shape: Shape) -> None:
        calls.append(1)
        if len(calls) == 3 * CHUNK_ITEMS + 10:
            raise KeyboardInterrupt
        real(out, data, shape)

    monkeypatch.setattr(decode, "decode_into", counted)
    with pytest.raises(KeyboardInterrupt):
        decoded(source, cache)
    calls.clear()
    assert (decoded(source, cache) == pixels).all()
    assert len(calls) == COUNT - 3 * CHUNK_ITEMS


def test_a_finished_chunk_that_was_lost_on_disk_is_decoded_again(tmp_path: Path) -> None:
    first = UnfinishedArray(tmp_path / "work", (COUNT, 8, 6))
    for chunk in range(3):
        items = first.empty_chunk(chunk)
        items[...] = chunk + 1
        first.finish(chunk, items)
    with (tmp_path / "work" / "items.npy").open("r+b") as file:
        file.seek(128 + CHUNK_ITEMS * 48 + 5)
        file.write(b"\0")
    again = UnfinishedArray(tmp_path / "work", (COUNT, 8, 6))
    assert [again.is_finished(chunk) for chunk in range(4)] == [True, False, True, False]


def test_a_changed_source_starts_anew(
    many: tuple[Path, np.ndarray], cache: Path, encoded: Callable, zipped: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, pixels = many

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cores, "FEWEST_PIECES", 100)
    monkeypatch.setattr(UnfinishedArray, "take", stop)
    with pytest.raises(KeyboardInterrupt):
        decoded(source, cache)
    monkeypatch.undo()
    inverted = 255 - pixels
    zipped({f"cat/{row:05d}.png": encoded(image) for row, image in enumerate(inverted)})
    assert (decoded(source, cache) == inverted).all()


def test_the_first_bad_image_is_named_whichever_process_found_it(
    many: tuple[Path, np.ndarray], cache: Path, encoded: Callable, zipped: Callable
) -> None:
    bad = {CHUNK_ITEMS * 4 + 3, CHUNK_ITEMS + 5}
    files = {f"cat/{row:05d}.png": b"no" if row in bad else encoded(image) for row, image in enumerate(many[1])}
    with pytest.raises(BadInputError, match=f"'cat/{CHUNK_ITEMS + 5:05d}.png' is no readable image"):
        decoded(zipped(files), cache)


def test_two_at_once_do_not_disturb_each_other(many: tuple[Path, np.ndarray], cache: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from competition.sources.container import open_container\n"
        "from competition.sources.decode import decode_images\n"
        "from competition.sources.picture import Shape\n"
        "import hashlib\n"
        "with open_container(Path(sys.argv[1]), Path('.')) as c:\n"
        "    images = decode_images(c, list(c.members.values()), Shape(8, 6, 1))\n"
        "print(hashlib.sha256(images.tobytes()).hexdigest())\n"
    )
    jobs = [
        subprocess.Popen([sys.executable, "-c", script, str(many[0])], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert len({job.communicate(timeout=60)[0] for job in jobs}) == 1
    assert all(job.returncode == 0 for job in jobs)


def test_no_worker_outlives_a_killed_parent(many: tuple[Path, np.ndarray]) -> None:
    script = (
        "import time, os; from competition.sources.cores import on_all_cores\n"
        "def slow(piece):\n    print(os.getpid(), flush=True); time.sleep(600); return piece\n"
        "list(on_all_cores(slow, 8))\n"
    )
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core: no worker")
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.stdout.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_full_disk_is_an_error_in_words(many: tuple[Path, np.ndarray], load: Callable, cache: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(UserError, match=r"(File too large|No space left).*; free some space or choose"):
            load(many[0], labels=("cat", "dog"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
