"""`grader prepare`: make a competition's bundle and its hidden solution."""

from pathlib import Path

import click

from competition import catalog
from competition.prepare import prepare
from grader.cli import options, output
from grader.cli.progress import drawn
from grader.scoring.metric_rules import check_metrics

EPILOG = """\b
Examples:
  grader prepare fontchar
  grader prepare fontchar --source chars74k_fnt.zip
  grader prepare cifar10 --source cifar10_images.zip --as folder"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option(
    "--source", type=click.Path(path_type=Path), help="Read this file or folder instead of the spec's source."
)
@click.option(
    "--as",
    "layout",
    type=click.Choice(["arrays", "folder"]),
    default="arrays",
    show_default=True,
    help="`folder` writes PNG folders beside the arrays.",
)
@click.option("--force", is_flag=True, help="Build anew even when nothing changed.")
@options.competitions
@options.home
@options.data
@options.json
def command(
    name: str, source: Path | None, layout: str, force: bool, competitions: Path, home: Path, data: Path, json_: bool
) -> int:
    """Make a competition's bundle and its hidden solution.

    NAME is a built-in competition, one in the competitions folder, or the path of a competition's folder. What is
    there already and unchanged is reused; an interrupted call leaves nothing half-written.
    """
    competition = catalog.find(name, [competitions])
    check_metrics(competition)
    with drawn() as progress:
        made = prepare(
            competition, data, home, source, "folder" if layout == "folder" else "arrays", progress, force=force
        )
    if json_:
        output.as_json(
            {"competition": made.name, "bundle": str(made.bundle), "reused": made.reused, "counts": dict(made.counts)}
        )
        return 0
    counts = ", ".join(f"{count:,} {part}" for part, count in made.counts.items())
    click.echo(f"{made.name}: {'up to date' if made.reused else 'prepared'} ({counts})")
    click.echo(f"  bundle for participants  {made.bundle}")
    click.echo(f"  solution, in the vault   {home / 'vault' / made.name}")
    return 0
