"""What a command prints: results to standard output, notes to standard error, JSON when asked."""

import json
import sys
from typing import Any

import click


def as_json(value: Any) -> None:
    """Print one JSON document; a machine reads nothing else on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def note(message: str) -> None:
    """Say something to the person watching; it never mixes with the result."""
    click.echo(message, err=True)


def fail(message: str, hint: str | None = None) -> None:
    """Print the one line that says what went wrong, as JSON too where `--json` was asked for."""
    line = " ".join(message.split("\n"))
    if "--json" in sys.argv[1:]:
        as_json({"error": line})
    click.echo(click.style("error: ", fg="red", bold=True) + line, err=True)
    if hint:
        click.echo(hint, err=True)
