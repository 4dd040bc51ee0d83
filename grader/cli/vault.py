"""`grader vault`: seal the hidden labels, and carry them from one machine to another."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from competition.durable import write_file
from competition.errors import UserError
from competition.sealed import Unlock, unlock_from_environment, write_key_file
from competition.vault import Vault, import_vault, open_vault
from grader.cli import options, output

EPILOG = """\b
Examples:
  grader vault encrypt fontchar                       asks for a passphrase
  grader vault key course.key
  grader vault export fontchar fontchar.vault --key-file course.key
  grader vault import fontchar.vault --key-file course.key

\b
GRADER_PASSPHRASE or GRADER_KEY_FILE answer instead, also for `grader score`."""


def _key_file(*, new: bool) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """The option of a command that seals (`new`: a passphrase is asked for twice) or only opens."""

    def unlock(_: click.Context, __: click.Parameter, key_file: Path | None) -> Unlock:
        if key_file:
            return Unlock(key_file=key_file)
        given = unlock_from_environment()
        if given.passphrase or given.key_file or not sys.stdin.isatty():
            return given
        return Unlock(
            passphrase=lambda: str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
        )

    return click.option(
        "--key-file",
        "unlock",
        type=click.Path(path_type=Path),
        callback=unlock,
        help="A key file instead of a passphrase.",
    )


opens = _key_file(new=False)
seals = _key_file(new=True)
name = click.argument("name")
file = click.argument("file", type=click.Path(path_type=Path))


@click.group(epilog=EPILOG)
def command() -> None:
    """Seal the hidden labels at rest, and carry them from one machine to another."""


@command.command()
@name
@seals
@options.home
@options.json
def encrypt(name: str, unlock: Unlock, home: Path, json_: bool) -> int:
    """Seal the solution and the secret of a competition."""
    vault = open_vault(home, name, unlock)
    vault.encrypt()
    return _say(vault, "sealed; reading it needs the passphrase or the key file", json_)


@command.command()
@name
@opens
@options.home
@options.json
def decrypt(name: str, unlock: Unlock, home: Path, json_: bool) -> int:
    """Keep the solution as plain text again, guarded by permissions alone."""
    vault = open_vault(home, name, unlock)
    vault.decrypt()
    return _say(vault, "opened; its permissions alone guard it now", json_)


@command.command()
@name
@file
@seals
@options.home
@options.json
def export(name: str, file: Path, unlock: Unlock, home: Path, json_: bool) -> int:
    """Write solution, secret and rules as one sealed file that may lie in a public place."""
    if file.exists():
        raise UserError(f"{file}: is there already; choose another name")
    vault = open_vault(home, name, unlock)
    write_file(file, vault.export(), 0o644)
    return _say(vault, f"exported to {file}", json_)


@command.command("import")
@file
@click.option("--replace", is_flag=True, help="Take the place of a vault that is there.")
@opens
@options.home
@options.json
def import_(file: Path, replace: bool, unlock: Unlock, home: Path, json_: bool) -> int:
    """Take in a file that `grader vault export` wrote."""
    vault = import_vault(home, file, unlock, replace)
    return _say(vault, f"imported from {file}; run `grader prepare {vault.name}` for its bundle", json_)


@command.command()
@file
@options.json
def key(file: Path, json_: bool) -> int:
    """Make a new key file. Keep a copy: a lost key is a lost vault."""
    write_key_file(file)
    if json_:
        output.as_json({"key_file": str(file)})
    else:
        click.echo(f"{file}: a new key, for its owner alone")
    return 0


def _say(vault: Vault, what: str, json_: bool) -> int:
    if json_:
        output.as_json({"competition": vault.name, "sealed": vault.is_sealed})
    else:
        click.echo(f"{vault.name}: {what}")
    return 0
