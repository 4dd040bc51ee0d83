"""Where things are and what is the default: one table of settings, read from options, environment and `grader.toml`.

An option on the command line wins over the environment, the environment over `grader.toml` in the working folder,
and that over the default.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from competition.errors import UserError

CONFIG_FILE = Path("grader.toml")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its key in `grader.toml`, its default and what it is for."""

    name: str
    default: str | None
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"GRADER_{self.name.upper()}"


HOME = Setting("home", ".grader", "Folder of the store, the submitted files and the vault.")
DATA = Setting("data", "data", "Folder of the bundles, one folder a competition.")
RUNS = Setting("runs", "runs", "Folder of what kernel runs write.")
SUBMISSIONS = Setting("submissions", "submissions", "Folder of the CSVs that kernels hand in.")
COMPETITIONS = Setting("competitions", "competition", "Folder of competitions beside the built-in ones.")
COMPETITION = Setting("competition", None, "The competition when a command names none.")
STORE = Setting("store", None, "Database URL; without one, SQLite in the home folder.")
LANG = Setting("lang", None, "Language of what people read, en or ko; without one, the locale's.")
SETTINGS = {s.name: s for s in (HOME, DATA, RUNS, SUBMISSIONS, COMPETITIONS, COMPETITION, STORE, LANG)}

Language = Literal["en", "ko"]


def read_config(path: Path = CONFIG_FILE) -> dict[str, str]:
    """The settings of `grader.toml`; an absent file sets nothing.

    Raises:
        UserError: the file is no TOML, has an unknown key or a value that is no text.
    """
    if not path.exists():
        return {}
    import tomllib  # only where there is a file: most calls have none
    from difflib import get_close_matches

    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as TOML ({error})") from error
    for key, value in config.items():
        if key not in SETTINGS:
            near = get_close_matches(key, SETTINGS, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise UserError(f"{path}: unknown key '{key}'{hint} (known: {', '.join(SETTINGS)})")
        if not isinstance(value, str):
            raise UserError(f'{path}: {key} must be text in quotes, as in {key} = "{SETTINGS[key].default or ""}"')
    return config


def resolve(setting: Setting, given: str | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """The value of a setting: given on the command line, else the environment, `grader.toml`, the default."""
    return given or environment.get(setting.variable) or read_config().get(setting.name) or setting.default


def language(given: str | None, environment: Mapping[str, str] = os.environ) -> Language:
    """The language of what people read: the setting `lang`, else Korean in a Korean locale and English elsewhere.

    Raises:
        UserError: the setting is neither `en` nor `ko`.
    """
    wanted = resolve(LANG, given, environment)
    if wanted not in (None, "en", "ko"):
        raise UserError(f"{LANG.variable} = {wanted!r}: give en or ko")
    if wanted is None:  # the order of setlocale(3)
        locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
        wanted = re.split("[_.@]", locale)[0].lower()
    return "ko" if wanted == "ko" else "en"
