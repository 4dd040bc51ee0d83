"""Which competition a command is about: the one named, the one whose folder a file lies in, or the default."""

from dataclasses import dataclass
from pathlib import Path

from competition.errors import UserError
from competition.layout import bundle_folder, vault_folder
from competition.rules import RULES_FILE
from grader import settings


@dataclass(frozen=True, slots=True)
class Chosen:
    """A competition's name, and why it was chosen, in words."""

    name: str
    why: str


def prepared(home: Path, data: Path) -> list[str]:
    """The competitions that have a bundle or a vault here."""
    folders = {path.parent for root in (data, home / "vault") for path in root.glob(f"*/{RULES_FILE}")}
    return sorted({folder.name for folder in folders})


def choose(given: str | None, home: Path, data: Path, file: Path | None = None) -> Chosen:
    """The competition that is meant, and why.

    Raises:
        UserError: none is named, none is prepared, or the named one is not prepared.
    """
    if given:
        return _must_be_prepared(Chosen(given, "named with -c"), home, data)
    if file is not None:
        for folder in file.resolve().parents:
            if _is_prepared(folder.name, home, data):
                return Chosen(folder.name, f"the file lies in {folder.name}/")
    if default := settings.resolve(settings.COMPETITION, None):
        return _must_be_prepared(Chosen(default, "the configured default"), home, data)
    match prepared(home, data):
        case []:
            raise UserError("no competition is prepared here; run `grader prepare NAME` first")
        case [only]:
            return Chosen(only, "the only one prepared here")
        case several:
            raise UserError(f"which competition? name one with -c: {', '.join(several)}")


def _is_prepared(name: str, home: Path, data: Path) -> bool:
    return bool(name) and any(
        (folder / RULES_FILE).is_file() for folder in (bundle_folder(data, name), vault_folder(home, name))
    )


def _must_be_prepared(chosen: Chosen, home: Path, data: Path) -> Chosen:
    if Path(chosen.name).name != chosen.name:
        raise UserError(f"competition '{chosen.name}' ({chosen.why}) is no name of a competition")
    if _is_prepared(chosen.name, home, data):
        return chosen
    from difflib import get_close_matches

    names = prepared(home, data)
    near = get_close_matches(chosen.name, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"run `grader prepare {chosen.name}` first"
    raise UserError(f"competition '{chosen.name}' ({chosen.why}) is not prepared here; {hint}")
