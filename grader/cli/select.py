"""`grader select`: choose the submissions that count in the end."""

from pathlib import Path

import click

from grader.cli import options, output
from grader.cli.board import rules_in_force
from grader.cli.which import choose
from grader.store import open_store

EPILOG = """\b
Examples:
  grader select -c fontchar --team alice 12 17
  grader select -c fontchar --team alice          back to the best Public ones"""


@click.command(epilog=EPILOG)
@click.argument("submissions", type=int, nargs=-1)
@options.competition
@click.option("--team", required=True, help="Whose submissions they are.")
@options.home
@options.data
@options.store
@options.json
def command(
    submissions: tuple[int, ...],
    competition: str | None,
    team: str,
    home: Path,
    data: Path,
    store: str | None,
    json_: bool,
) -> int:
    """Choose the submissions that count on the final board, by number.

    Without any, the team's best Public ones are taken when the competition closes.
    """
    chosen = choose(competition, home, data)
    rules = rules_in_force(home, data, chosen.name)
    with open_store(home, store) as opened:
        opened.select(chosen.name, team, submissions, rules.final_selections)
    if json_:
        output.as_json({"competition": chosen.name, "team": team, "selected": sorted(set(submissions))})
    elif submissions:
        click.echo(f"{team}: {', '.join(map(str, sorted(set(submissions))))} count in the end")
    else:
        click.echo(f"{team}: the best {rules.final_selections} Public ones count in the end")
    return 0
