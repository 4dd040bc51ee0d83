"""`grader show`: describe a competition in the terminal."""

from pathlib import Path

import click

from competition import catalog
from competition.errors import UserError
from grader.cli import options, output
from grader.settings import Language

EPILOG = """\b
Examples:
  grader show                    every competition there is
  grader show fontchar
  grader show fontchar --lang ko"""


@click.command(epilog=EPILOG)
@click.argument("name", required=False)
@options.lang
@options.competitions
@options.json
def command(name: str | None, lang: Language, competitions: Path, json_: bool) -> int:
    """Describe a competition in the terminal, or list them all."""
    found = [catalog.find(one, [competitions]) for one in ([name] if name else catalog.names([competitions]))]
    if json_:
        output.as_json([one.spec.rules(one.name).to_dict() for one in found])
    elif name:
        _print_markdown(_description(found[0].folder, lang))
    else:
        for one in found:
            click.echo(f"{one.name:<16} {getattr(one.spec.title, lang)}")
    return 0


def _description(folder: Path, lang: Language) -> str:
    """The description in this language, else in the other."""
    for file in (folder / f"description.{lang}.md", *sorted(folder.glob("description.*.md"))):
        if file.is_file():
            return _text(file)
    raise UserError(f"{folder}: has no description.{lang}.md")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{file}: is not UTF-8 text; save it as UTF-8") from None


def _print_markdown(text: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, 100))
