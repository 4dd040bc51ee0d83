"""`grader leaderboard`: print the board."""

from pathlib import Path

import click

from grader.cli import options
from grader.cli.board import boards_of, rules_in_force
from grader.cli.which import choose
from grader.settings import Language

EPILOG = """\b
Examples:
  grader leaderboard -c fontchar
  grader leaderboard -c fontchar --private --lang ko
  grader leaderboard --json"""


@click.command(epilog=EPILOG)
@options.competition
@click.option("--private", is_flag=True, help="The final board: Private scores of each team's final selections.")
@options.lang
@options.home
@options.data
@options.store
@options.json
def command(
    competition: str | None, private: bool, lang: Language, home: Path, data: Path, store: str | None, json_: bool
) -> int:
    """Print the board: each team's best Public score.

    Ranks use full precision, the earlier of equal scores wins, and a failed submission is listed without a rank.
    """
    chosen = choose(competition, home, data)
    rules = rules_in_force(home, data, chosen.name)
    boards = boards_of(home, data, store, rules, ("Private",) if private else ("Public",))
    if json_:
        from grader.publish.machine import boards_json

        click.echo(boards_json(boards), nl=False)
        return 0
    from rich.console import Console

    from grader.leaderboard.terminal import BoardView

    Console().print(BoardView(boards[0], lang))
    return 0
