"""`grader rescore`: score everything again after a changed metric, changed rules or corrected labels."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from grader.cli import options, output
from grader.cli.progress import drawn
from grader.cli.which import choose
from grader.scoring.judge import open_judge
from grader.scoring.rescore import Rescoring, rescore
from grader.store import open_store
from grader.store.records import Score

EPILOG = """\b
Examples:
  grader rescore -c fontchar --reason "labels of 12 images corrected"
  grader rescore -c fontchar --json"""


@click.command(epilog=EPILOG)
@options.competition
@click.option("--reason", default="", help="For the ledger: why everything is scored again.")
@options.home
@options.data
@options.store
@options.json
def command(competition: str | None, reason: str, home: Path, data: Path, store: str | None, json_: bool) -> int:
    """Score every submission of a competition again and say who moved on the board and why.

    The old scores stay in the ledger; the new ones count from one moment to the next.
    """
    chosen = choose(competition, home, data)
    judge = open_judge(home, chosen.name)
    with open_store(home, store) as opened, drawn() as progress:
        found = rescore(opened, judge, reason, progress)
    if json_:
        output.as_json(_json(found))
    else:
        _show(chosen.name, found)
    return 1 if found.failed else 0


def _show(competition: str, found: Rescoring) -> None:
    click.echo(f"{competition}: {len(found.changes)} submissions have new scores")
    for move in found.moves:
        causes = ", ".join(found.causes_of(move.team))
        if move.before is None or move.after is None:
            joined = "is ranked now" if move.after else "is not ranked any more"
            click.echo(f"  {move.team}: {joined}{f' ({causes})' if causes else ''}")
        elif move.places or causes:
            places = "stays" if not move.places else f"{'up' if move.places > 0 else 'down'} {abs(move.places)}"
            why = f"changed {causes}" if causes else "others moved"
            change = f"{move.before.score:.6f} -> {move.after.score:.6f}"
            click.echo(f"  {move.team}: {places}, rank {move.before.rank} -> {move.after.rank}, {change} ({why})")
    for submission in found.failed:
        click.echo(f"  submission {submission}: the platform could not score it again; its old scores stand")


def _json(found: Rescoring) -> dict[str, object]:
    def values(scores: Sequence[Score]) -> list[dict[str, object]]:
        return [asdict(score) for score in scores]

    return {
        "changes": [
            {
                "submission": change.submission,
                "team": change.team,
                "before": values(change.before),
                "after": values(change.after),
                "causes": list(change.causes),
            }
            for change in found.changes
        ],
        "moves": [
            {
                "team": move.team,
                "rank_before": move.before and move.before.rank,
                "rank_after": move.after and move.after.rank,
                "causes": list(found.causes_of(move.team)),
            }
            for move in found.moves
        ],
        "failed": list(found.failed),
    }
