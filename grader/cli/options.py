"""The options that commands share, each tied to its setting."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from grader import settings
from grader.settings import Setting

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _folder(setting: Setting) -> Decorator:
    def value(_: click.Context, __: click.Parameter, given: str | None) -> Path:
        return Path(settings.resolve(setting, given) or ".")

    return click.option(
        f"--{setting.name}",
        callback=value,
        metavar="FOLDER",
        help=f"{setting.help}  [{setting.variable}; default: {setting.default}]",
    )


home = _folder(settings.HOME)
data = _folder(settings.DATA)
runs = _folder(settings.RUNS)
submissions = _folder(settings.SUBMISSIONS)
competitions = _folder(settings.COMPETITIONS)

store = click.option(
    "--store",
    callback=lambda _, __, given: settings.resolve(settings.STORE, given),
    metavar="URL",
    help=f"{settings.STORE.help}  [{settings.STORE.variable}]",
)
competition = click.option(
    "-c",
    "--competition",
    metavar="NAME",
    help=f"{settings.COMPETITION.help}  [{settings.COMPETITION.variable}]",
)
lang = click.option(
    "--lang",
    type=click.Choice(["en", "ko"]),
    callback=lambda _, __, given: settings.language(given),
    help=f"{settings.LANG.help}  [{settings.LANG.variable}]",
)
json = click.option("--json", "json_", is_flag=True, help="Print JSON for machines.")
