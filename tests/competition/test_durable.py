import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from competition.durable import folder_aside, put_folder, told_in_one_line, write_file
from competition.errors import UserError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole_and_with_its_permissions(tmp_path: Path) -> None:
    old_mask = os.umask(0o077)
    try:
        write_file(tmp_path / "a", b"one")
        write_file(tmp_path / "a", b"two", mode=0o600)
        write_file(tmp_path / "b", b"three", mode=0o644)
    finally:
        os.umask(old_mask)
    assert (tmp_path / "a").read_bytes() == b"two"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o644
    assert names(tmp_path) == ["a", "b"]


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path; from competition.durable import write_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "write_file(Path(sys.argv[1]), b'x' * 5000)\n"
    )
    write_file(tmp_path / "a", b"old")
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], capture_output=True, text=True)
    assert "File too large" in run.stderr
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_a_folder_takes_the_place_of_another_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    for content in ("one", "two"):
        with folder_aside(target) as aside:
            (aside / content).write_text(content)
            put_folder(aside, target)
        assert names(target) == [content]
        assert names(tmp_path) == ["bundle"]


def test_a_folder_that_failed_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    with pytest.raises(KeyboardInterrupt), folder_aside(target) as aside:
        (aside / "half").write_text("half")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["bundle"]
    assert names(target) == []


def test_what_a_killed_process_left_is_removed_and_what_a_live_one_builds_is_not(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    left = tmp_path / f".bundle.partial-{int(dead.stdout)}-aa"
    alive = tmp_path / f".bundle.partial-{os.getpid()}-bb"
    left.mkdir()
    alive.mkdir()
    with folder_aside(tmp_path / "bundle"):
        assert not left.exists()
        assert alive.exists()


def test_a_read_only_folder_and_a_full_disk_get_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"/dev/full.*No space left on device.*free some space"),
        told_in_one_line(tmp_path),
    ):
        try:
            with Path("/dev/full").open("wb", buffering=0) as full:
                full.write(b"x")
        except OSError as error:
            error.filename = "/dev/full"
            raise
    with pytest.raises(UserError, match="nothing was changed"), told_in_one_line(tmp_path):
        (tmp_path / "missing" / "file").write_text("x")
