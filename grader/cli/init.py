"""`grader init`: make a competition out of a folder of images or a table."""

from pathlib import Path

import click

from competition.init import init_competition
from grader.cli import options, output

EPILOG = """\b
Examples:
  grader init leaves --from photos/leaves           one folder a class
  grader init houses --from houses.csv --target price
  grader prepare leaves"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option(
    "--from", "source", type=click.Path(path_type=Path), required=True, help="Folder or archive of images, or a table."
)
@click.option("--target", metavar="COLUMN", help="The column to be predicted  [default: guessed]")
@click.option("--title", help="The competition's title  [default: from the name]")
@options.competitions
@options.json
def command(name: str, source: Path, target: str | None, title: str | None, competitions: Path, json_: bool) -> int:
    """Make a competition out of a folder of images or a table.

    Writes one folder with the spec, descriptions and label set. Task, metric, columns and image size are guessed, and
    each guess is told with its reason; read the spec, correct it, and prepare.
    """
    made = init_competition(competitions / name, source, target, title)
    if json_:
        output.as_json({"competition": name, "folder": str(made.folder), "choices": list(made.choices)})
        return 0
    click.echo(f"{name}: written to {made.folder}")
    for choice in made.choices:
        click.echo(f"  {choice}")
    click.echo(f"Next: read {made.folder / 'competition.yaml'}, then `grader prepare {name}`")
    return 0
