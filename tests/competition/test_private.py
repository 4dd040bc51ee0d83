import shlex
import subprocess
from pathlib import Path

import pytest

from competition.errors import UserError
from competition.private import check_private, make_private_folder


def test_a_private_folder_is_0700_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "vault" / "pets"
    make_private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    make_private_folder(folder)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o601, 0o660])
def test_a_file_that_others_can_read_is_refused_and_the_line_tells_the_way_out(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "a file's name"
    file.write_text("secret")
    file.chmod(mode)
    with pytest.raises(UserError) as error:
        check_private(file)
    assert f"mode {mode:03o}" in str(error.value)
    command = str(error.value).split("`")[1]
    subprocess.run(shlex.split(command), check=True)
    check_private(file)


def test_a_folder_that_others_can_enter_is_refused_too(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(UserError, match="chmod 700"):
        check_private(folder)
    with pytest.raises(UserError, match="chmod 700"):
        make_private_folder(folder)


def test_a_link_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(UserError, match="is a link"):
        check_private(tmp_path / "link")
    with pytest.raises(UserError, match="no such file"):
        check_private(tmp_path / "none")
