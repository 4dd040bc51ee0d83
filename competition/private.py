"""Files that only their owner may read: making them so, and refusing them when they are not."""

import stat
from pathlib import Path

from competition.errors import UserError

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def check_private(path: Path) -> None:
    """Refuse a file or folder that anyone but its owner could read.

    Raises:
        UserError: it is missing, a link or open to others; says which `chmod` mends it.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if stat.S_ISLNK(mode):
        raise UserError(f"{path}: is a link; what is private must lie in the vault itself")
    if mode & 0o077:
        import shlex  # here alone: refusing is rare

        wanted = FOLDER_MODE if stat.S_ISDIR(mode) else FILE_MODE
        raise UserError(
            f"{path}: open to other users of this machine (mode {stat.S_IMODE(mode):03o}); "
            f"run `chmod {wanted:03o} {shlex.quote(str(path))}`"
        )


def make_private_folder(folder: Path) -> None:
    """Make a folder and its missing parents, the folder itself for its owner alone."""
    if folder.is_dir():
        check_private(folder)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=FOLDER_MODE)
    folder.chmod(FOLDER_MODE)
