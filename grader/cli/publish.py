"""`grader publish`: write the board as a page that opens from disk."""

from datetime import UTC, datetime
from pathlib import Path

import click

from competition.errors import BadInputError
from competition.layout import bundle_folder
from competition.rules import Rules
from grader.cli import options, output
from grader.cli.board import boards_of, rules_in_force
from grader.cli.which import choose, prepared
from grader.leaderboard.board import Bilingual
from grader.publish.page import CompetitionPage
from grader.publish.site import publish
from grader.settings import Language

EPILOG = """\b
Examples:
  grader publish -c fontchar --out site
  grader publish --all --out site --lang ko"""


@click.command(epilog=EPILOG)
@options.competition
@click.option("--all", "all_", is_flag=True, help="Every competition prepared here, and a list of them.")
@click.option("--out", type=click.Path(path_type=Path), default="site", show_default=True, help="Folder of the site.")
@options.lang
@options.home
@options.data
@options.store
@options.json
def command(
    competition: str | None,
    all_: bool,
    out: Path,
    lang: Language,
    home: Path,
    data: Path,
    store: str | None,
    json_: bool,
) -> int:
    """Write the board as a page that opens from disk, with no network.

    The Private board is part of it once the competition is closed, never before.
    """
    names = prepared(home, data) if all_ else [choose(competition, home, data).name]
    pages = [_page(home, data, store, rules_in_force(home, data, name)) for name in names]
    index = publish(pages, out, lang)
    if json_:
        output.as_json({"page": str(index), "competitions": names})
    else:
        click.echo(f"{', '.join(names)}: published at {index}")
        click.echo(f"  open {index.resolve().as_uri()}")
    return 0


def _page(home: Path, data: Path, store: str | None, rules: Rules) -> CompetitionPage:
    closed = rules.closes is not None and datetime.fromisoformat(rules.closes) <= datetime.now(UTC)
    boards = tuple(boards_of(home, data, store, rules, ("Private", "Public") if closed else ("Public",)))
    bundle = bundle_folder(data, rules.competition)
    texts = {language: _text(bundle / f"description.{language}.md") for language in ("ko", "en")}
    return CompetitionPage(rules, boards, Bilingual(**texts))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError:
        raise BadInputError(f"{path}: is not UTF-8 text; save it as UTF-8 and prepare again") from None
