"""Which competitions there are: each is a folder with a `competition.yaml`, named by the folder."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from competition.errors import UserError
from competition.layout import SPEC_FILE

if TYPE_CHECKING:
    from competition.spec import CompetitionSpec

BUILT_IN = Path(__file__).resolve().parent
NAME_HELP = "small letters, digits, - and _, at most 64, beginning with a letter"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Competition:
    """A competition: its name, the folder it is described in and its spec."""

    name: str
    folder: Path
    spec: "CompetitionSpec"


def names(folders: Sequence[Path] = ()) -> list[str]:
    """The names of all competitions in `folders` and of the built-in ones, sorted; no spec is read."""
    return sorted({folder.name for folder in _competition_folders(folders)})


def find(name: str, folders: Sequence[Path] = ()) -> Competition:
    """The competition called `name`, or the one in the folder that `name` is a path of.

    Earlier folders win over later ones, and all over the built-in competitions.

    Raises:
        UserError: there is no such competition (with the nearest name), or its spec is bad.
    """
    folder = _folder_of(name, folders)
    check_name(folder.name)
    from competition.spec import load_spec  # pydantic and yaml: only once a spec is to be read

    return Competition(folder.name, folder, load_spec(folder / SPEC_FILE))


def check_name(name: str) -> None:
    """Refuse a name that would not do as a folder, a file name and a part of an address.

    Raises:
        UserError: the name is not allowed.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name for a competition; allowed: {NAME_HELP}")


def _folder_of(name: str, folders: Sequence[Path]) -> Path:
    if "/" in name or name in (".", ".."):
        folder = Path(name).resolve()
        if not (folder / SPEC_FILE).is_file():
            raise UserError(f"{name}: no {SPEC_FILE} in this folder; `grader init` makes a competition")
        return folder
    for folder in _competition_folders(folders):
        if folder.name == name:
            return folder
    from difflib import get_close_matches

    known = names(folders)
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known) or 'none'}"
    raise UserError(f"no competition {name!r}; {hint}")


def _competition_folders(folders: Sequence[Path]) -> Iterator[Path]:
    for parent in (*folders, BUILT_IN):
        if parent.is_dir():
            yield from (path.parent for path in sorted(parent.glob(f"*/{SPEC_FILE}")))
