"""`grader verify`: replay the ledger and compare it with everything the store holds."""

import re
from dataclasses import asdict
from pathlib import Path

import click

from grader.cli import options, output
from grader.store import open_store
from grader.store.ledger import Head
from grader.store.verify import verify

EPILOG = """\b
Examples:
  grader verify
  grader verify --anchor 1204:9f2c…             the end of the ledger as noted down before
  grader verify --store postgresql://judge@localhost/course"""


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d+:[0-9a-f]{64}", text):
        raise click.BadParameter("write it as `grader verify` printed it: the number, a colon and 64 hex digits")
    seq, hash_ = text.split(":")
    return Head(int(seq), hash_)


@click.command(epilog=EPILOG)
@click.option(
    "--anchor",
    metavar="N:HASH",
    callback=lambda _, __, given: _head(given),
    help="An end of the ledger noted down earlier: proves that nothing before it was cut off or forged.",
)
@options.home
@options.store
@options.json
def command(anchor: Head | None, home: Path, store: str | None, json_: bool) -> int:
    """Replay the ledger and find any row or file that was edited, added or lost.

    Prints the end of the ledger: noted down outside this machine, it is the anchor of a later call.
    """
    with open_store(home, store) as opened:
        found = verify(opened, anchor)
    if json_:
        output.as_json({**asdict(found), "sound": not found.faults})
        return 1 if found.faults else 0
    for fault in found.faults:
        click.echo(f"{click.style('fault', fg='red', bold=True)}  {fault}")
    click.echo(f"{found.entries:,} entries, {found.rows:,} rows and {found.blobs:,} files compared")
    if not found.faults:
        click.echo(
            f"{click.style('sound', fg='green', bold=True)}; the ledger ends at {found.head.seq}:{found.head.hash}"
        )
    return 1 if found.faults else 0
