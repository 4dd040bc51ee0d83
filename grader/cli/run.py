"""`grader run`: run a kernel under its budget, check the CSV it leaves and put it where submissions are scored."""

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import click

from competition.layout import bundle_folder
from competition.quantities import duration_seconds
from competition.rules import RULES_FILE, load_rules
from grader.cli import options, output
from grader.cli.check import check_for
from grader.cli.problems import show_problems
from grader.cli.watch import watched
from grader.cli.which import choose
from grader.runner.kernel import find_kernel
from grader.runner.run import SUBMISSION, Outcome, run_kernel
from grader.settings import Language
from grader.store import open_store
from grader.store.records import Run
from grader.submission.check import Checked

EPILOG = """\b
Examples:
  grader run pixels_linear -c fontchar --budget 60s
  grader run fontchar_bottleneck -c fontchar
  grader run my_idea/ -c fontchar --seed 7"""


def _seconds(given: str | None) -> float | None:
    try:
        return None if given is None else duration_seconds(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(epilog=EPILOG)
@click.argument("kernel")
@options.competition
@click.option(
    "--budget",
    metavar="TIME",
    callback=lambda _, __, given: _seconds(given),
    help="Wall clock of the run, such as 90s or 10m  [default: the competition's]",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=42, show_default=True, help="Given to the kernel.")
@options.home
@options.data
@options.runs
@options.submissions
@options.store
@options.lang
@options.json
def command(
    kernel: str,
    competition: str | None,
    budget: float | None,
    seed: int,
    home: Path,
    data: Path,
    runs: Path,
    submissions: Path,
    store: str | None,
    lang: Language,
    json_: bool,
) -> int:
    """Run a kernel under its wall-clock budget.

    KERNEL is a baseline's name, a folder with a __main__.py, a script or a notebook. When the budget ends, the
    kernel and all it has started are dead. A CSV that passes the check is put into the submissions folder,
    named after the kernel, ready to be scored.
    """
    chosen = choose(competition, home, data)
    program = find_kernel(kernel)
    bundle = bundle_folder(data, chosen.name)
    rules = load_rules(bundle / RULES_FILE)
    budget_seconds = budget or rules.budget_seconds
    output.note(f"{program.name} on {chosen.name} ({chosen.why}), budget {budget_seconds:g} s, seed {seed}")
    with watched(program.name, budget_seconds) as on_line:
        outcome = run_kernel(
            program, bundle, runs / chosen.name, budget_seconds=budget_seconds, seed=seed, on_line=on_line
        )
    with open_store(home, store) as opened:
        opened.record_run(_as_record(outcome, chosen.name))
    checked = check_for(outcome.submission, bundle) if outcome.submission else None
    handed_over = None
    if outcome.submission and checked and not checked.problems:
        handed_over = hand_over(outcome.submission, submissions / chosen.name / f"{program.name}.csv")
    if json_:
        problems = [problem.to_json() for problem in checked.problems] if checked else []
        output.as_json(
            {**outcome.to_json(), "problems": problems, "handed_over": str(handed_over) if handed_over else None}
        )
    else:
        _show(outcome, checked, handed_over, lang)
    return 0 if handed_over else 1


def hand_over(submission: Path, target: Path) -> Path:
    """Put the CSV of a run where submissions are scored, in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(submission, aside)
    return aside.replace(target)


def _show(outcome: Outcome, checked: Checked | None, handed_over: Path | None, lang: Language) -> None:
    colour = "green" if outcome.status == "finished" else "red"
    status = click.style(outcome.status, fg=colour, bold=True)
    click.echo(f"{outcome.kernel}: {status} after {outcome.elapsed_seconds:.1f} of {outcome.budget_seconds:g} s")
    click.echo(f"  log and outputs  {outcome.folder}")
    if handed_over:
        click.echo(f"  submission       {handed_over}")
    elif outcome.status == "timeout":
        click.echo("  the budget ended first: the kernel and all it had started are dead, nothing is handed in")
    elif outcome.status == "failed":
        click.echo(f"  the kernel ended with exit code {outcome.exit_code}: read log.txt there")
    elif checked is None:
        click.echo("  the kernel wrote no submission.csv into its working folder (GRADER_OUT)")
    else:
        show_problems(outcome.folder / SUBMISSION, checked.problems, lang)


def _as_record(outcome: Outcome, competition: str) -> Run:
    return Run(
        competition=competition,
        kernel=outcome.kernel,
        team=outcome.kernel,
        budget_seconds=outcome.budget_seconds,
        elapsed_seconds=outcome.elapsed_seconds,
        status=outcome.status,
        started_at=datetime.fromisoformat(outcome.started_at),
        seed=outcome.seed,
        device=_device(outcome.folder),
    )


def _device(folder: Path) -> str:
    """The device that the kernel says it used, in the `run.json` that the training kit writes."""
    try:
        told = json.loads((folder / "run.json").read_bytes())["device"]
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"
    return told[:80] if isinstance(told, str) else "unknown"
