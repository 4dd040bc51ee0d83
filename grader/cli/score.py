"""`grader score`: check and score a submission or a folder of them, and keep what came of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from competition.errors import UserError
from grader.cli import options, output
from grader.cli.problems import show_problems
from grader.cli.which import choose
from grader.scoring.judge import Judge, open_judge
from grader.scoring.record import Handed, hand_in, team_of
from grader.settings import Language
from grader.store import open_store
from grader.store.store import Store

if TYPE_CHECKING:
    from grader.scoring.folder import Graded

EPILOG = """\b
Examples:
  grader score submission.csv -c fontchar --team alice
  grader score submissions/fontchar/             every CSV, in parallel
  grader score submission.csv --private --json"""


@click.command(epilog=EPILOG)
@click.argument("path", type=click.Path(path_type=Path))
@options.competition
@click.option("--team", help="Whose submission it is  [default: alice for alice.csv and for alice/submission.csv]")
@click.option("--private", is_flag=True, help="Show Private scores too.")
@click.option("--no-limit", is_flag=True, help="Take the submission though the team's daily limit is used up.")
@click.option("--report", is_flag=True, help="Write the instructor's report of each submission into the home folder.")
@options.home
@options.data
@options.store
@options.lang
@options.json
def command(
    path: Path,
    competition: str | None,
    team: str | None,
    private: bool,
    no_limit: bool,
    report: bool,
    home: Path,
    data: Path,
    store: str | None,
    lang: Language,
    json_: bool,
) -> int:
    """Check and score a submission, or a folder of them.

    PATH is a .csv, .csv.gz, .zip with one CSV or .parquet, or a folder of such files. A file that was scored before
    is not scored again. Needs the vault: this is the instructor's command.
    """
    is_folder = path.is_dir()
    if is_folder and team:
        raise click.UsageError("--team goes with one file; in a folder each file is named after its team")
    chosen = choose(competition, home, data, path / "any" if is_folder else path)
    if not path.exists():
        raise UserError(f"{path}: there is no such file")
    output.note(f"{chosen.name} ({chosen.why})")
    judge = open_judge(home, chosen.name)
    limit = None if no_limit else judge.rules.daily_limit
    splits = ("Public", "Private") if private else ("Public",)
    with open_store(home, store) as opened:
        if is_folder:
            return _score_folder(opened, judge, path, limit, splits, home if report else None, json_)
        handed = hand_in(opened, judge, path, team or team_of(path), limit)
        if report:
            _write_report(opened, judge, handed, home)
    _show_file(path, handed, splits, lang, json_)
    return 0 if handed.submission.status == "scored" else 1


def _score_folder(
    store: Store,
    judge: Judge,
    folder: Path,
    limit: int | None,
    splits: tuple[str, ...],
    reports: Path | None,
    json_: bool,
) -> int:
    from grader.cli.progress import drawn
    from grader.cli.summary import show_graded
    from grader.scoring.folder import files_to_grade, grade_folder

    with drawn() as progress:
        graded = grade_folder(store, judge, files_to_grade(folder), limit, progress)
    if reports:
        for item in graded:
            if item.handed:
                _write_report(store, judge, item.handed, reports)
    if json_:
        output.as_json(
            {"competition": judge.rules.competition, "files": [_graded_json(item, splits) for item in graded]}
        )
    else:
        show_graded(graded, judge.rules.metric.label, splits)
    return 0 if all(item.handed and item.handed.submission.status == "scored" for item in graded) else 1


def _write_report(store: Store, judge: Judge, handed: Handed, home: Path) -> None:
    if handed.submission.status == "scored":
        from grader.scoring.report import write_report

        output.note(f"report: {write_report(store, judge, handed.submission, home)}")


def _show_file(path: Path, handed: Handed, splits: tuple[str, ...], lang: Language, json_: bool) -> None:
    if json_:
        output.as_json(_handed_json(handed, splits))
        return
    submission = handed.submission
    again = "" if handed.is_new else ", handed in before"
    click.echo(f"team {submission.team}, submission {submission.id}{again}")
    show_problems(path, handed.problems, lang)
    for score in handed.scores:
        if score.split in splits:
            error = "" if score.standard_error is None else f" ± {score.standard_error:.4f}"
            click.echo(f"  {score.split:<8} {score.metric:<20} {click.style(f'{score.value:.6f}', bold=True)}{error}")


def _handed_json(handed: Handed, splits: tuple[str, ...]) -> dict[str, Any]:
    submission = handed.submission
    return {
        "competition": submission.competition,
        "team": submission.team,
        "submission": submission.id,
        "sha256": submission.sha256,
        "status": submission.status,
        "new": handed.is_new,
        "scores": [
            {"split": s.split, "metric": s.metric, "value": s.value, "standard_error": s.standard_error}
            for s in handed.scores
            if s.split in splits
        ],
        "problems": [problem.to_json() for problem in handed.problems],
    }


def _graded_json(item: "Graded", splits: tuple[str, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {"file": str(item.file), "team": item.team}
    if item.handed:
        return told | _handed_json(item.handed, splits)
    next_allowed = item.next_allowed and item.next_allowed.isoformat()
    return told | {"status": "refused", "reason": item.refused, "next_allowed": next_allowed}
