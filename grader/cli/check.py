"""`grader check`: look over a submission as the judge would, without any label."""

from pathlib import Path

import click

from competition.layout import TEST_TABLE, bundle_folder
from competition.rules import RULES_FILE, load_rules
from grader.cli import options, output
from grader.cli.problems import show_problems
from grader.cli.which import choose
from grader.settings import Language
from grader.submission.check import Checked, check_submission
from grader.submission.solution import read_ids

EPILOG = """\b
Examples:
  grader check submission.csv -c fontchar
  grader check submissions/fontchar/alice.csv
  grader check submission.zip -c letters --json"""


@click.command(epilog=EPILOG)
@click.argument("submission", type=click.Path(path_type=Path))
@options.competition
@options.home
@options.data
@options.lang
@options.json
def command(submission: Path, competition: str | None, home: Path, data: Path, lang: Language, json_: bool) -> int:
    """Check a submission without any label.

    SUBMISSION is a .csv, .csv.gz, .zip with one CSV or .parquet. Needs the bundle alone, so participants can run it.
    Exit code 1 means that the submission would be refused; every reason is listed.
    """
    chosen = choose(competition, home, data, submission)
    checked = check_for(submission, bundle_folder(data, chosen.name))
    if json_:
        output.as_json(
            {
                "competition": chosen.name,
                "valid": not checked.problems,
                "rows": checked.rows,
                "problems": [problem.to_json() for problem in checked.problems],
            }
        )
    else:
        output.note(f"{chosen.name} ({chosen.why})")
        show_problems(submission, checked.problems, lang)
        if not checked.problems:
            fine = f"문제 없음, {checked.rows:,}행" if lang == "ko" else f"fine, {checked.rows:,} rows"
            click.echo(f"{submission}: {fine}")
    return 1 if checked.problems else 0


def check_for(submission: Path, bundle: Path) -> Checked:
    """Check a submission by what a bundle says: its rules and its test ids."""
    rules = load_rules(bundle / RULES_FILE)
    return check_submission(submission, rules, read_ids((bundle / TEST_TABLE).read_bytes(), rules))
