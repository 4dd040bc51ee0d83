"""`grader kaggle`: a competition to Kaggle, and one from there."""

from pathlib import Path

import click

from competition.errors import UserError
from grader.cli import options, output
from grader.cli.progress import drawn

EPILOG = """\b
Examples:
  grader kaggle export fontchar --out fontchar-for-kaggle
  grader kaggle import dogs-and-cats                  downloads with kaggle's own log-in
  grader kaggle import dogs-and-cats --path dogs-and-cats.zip
  grader kaggle import fontchar2 --path fontchar-for-kaggle

\b
A download needs the account of the kaggle package (`kaggle auth login`), and the
competition's rules accepted on its page."""


@click.group(epilog=EPILOG)
def command() -> None:
    """Bring a competition to Kaggle, or one from there."""


@command.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="A new folder  [default: NAME-for-kaggle]")
@options.home
@options.data
@options.json
def export(name: str, out: Path | None, home: Path, data: Path, json_: bool) -> int:
    """Write what the host's page of a Kaggle Community competition needs.

    NAME is a prepared competition. The folder holds the data archive, the sample submission, the descriptions, the
    metric, the steps to click, and in private/ the solution, which nobody but the host may see.
    """
    from competition.kaggle.export import export_competition

    with drawn() as progress:
        made = export_competition(name, data, home, out or Path(f"{name}-for-kaggle"), progress)
    if json_:
        output.as_json(
            {
                "competition": name,
                "folder": str(made.folder),
                "files": list(made.files),
                "metric": made.metric.name,
                "metric_file": made.metric.file,
            }
        )
        return 0
    click.echo(f"{name}: written to {made.folder}")
    click.echo(f"  metric    {made.metric.name or made.metric.file or 'none of Kaggle; see README.md'}")
    click.echo(f"  solution  {made.folder / 'private' / 'solution.csv'}: for the host alone")
    click.echo(f"Next: the steps in {made.folder / 'README.md'}")
    return 0


@command.command("import")
@click.argument("slug")
@click.option("--path", type=click.Path(path_type=Path), help="The files where they are there already.")
@click.option("--name", help="What the competition is called here  [default: SLUG]")
@click.option("--target", metavar="COLUMN", help="The column to be predicted  [default: told from the files]")
@options.competitions
@options.json
def import_(slug: str, path: Path | None, name: str | None, target: str | None, competitions: Path, json_: bool) -> int:
    """Make a competition of ours out of one of Kaggle's.

    SLUG is the last part of its address. What participants download is split anew, since the labels of Kaggle's test
    part are hidden; a host's own folder, with solution.csv, keeps its ids, labels and Usage.
    """
    from competition.kaggle.take_in import import_competition

    with drawn() as progress:
        made = import_competition(competitions / _name(slug, name), slug, path, target, progress)
    if json_:
        output.as_json({"competition": made.folder.name, "folder": str(made.folder), "choices": list(made.choices)})
        return 0
    click.echo(f"{made.folder.name}: written to {made.folder}")
    for choice in made.choices:
        click.echo(f"  {choice}")
    click.echo(f"Next: read {made.folder / 'competition.yaml'}, then `grader prepare {made.folder.name}`")
    return 0


def _name(slug: str, name: str | None) -> str:
    from competition.catalog import check_name

    try:
        check_name(name or slug)
    except UserError as error:
        raise UserError(f"{error}; choose one with --name") from None
    return name or slug
