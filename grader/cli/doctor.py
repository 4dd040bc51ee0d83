"""`grader doctor`: a competition's self-test, one line a finding."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from competition import catalog
from competition.layout import bundle_folder
from grader.cli import options, output
from grader.cli.progress import drawn
from grader.cli.which import choose

if TYPE_CHECKING:
    from competition.doctor.finding import Finding

EPILOG = """\b
Examples:
  grader doctor fontchar
  grader doctor cifar10 --json

\b
ok and note need nothing, a warning is true and worth a decision,
a fault must be mended before the competition opens: exit code 1."""

COLOURS = {"ok": "green", "note": "blue", "warning": "yellow", "fault": "red"}


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option(
    "--site", default="site", show_default=True, type=click.Path(path_type=Path), help="Folder of the published pages."
)
@options.competitions
@options.home
@options.data
@options.runs
@options.json
def command(name: str, site: Path, competitions: Path, home: Path, data: Path, runs: Path, json_: bool) -> int:
    """Examine a prepared competition and say what is true of it, one line a finding.

    Judge, checksums, balance, repeats, wrong labels, distribution of the parts, ids, order, file names and leaks.
    Lists and a contact sheet a class go to the home folder, for the instructor's eyes alone.
    """
    competition = catalog.find(name, [competitions])
    choose(competition.name, home, data)
    from competition.doctor.examine import examine
    from competition.doctor.finding import is_sound
    from competition.doctor.leaks import repository_files
    from grader.doctor.judge import judged

    began = time.monotonic()
    places = {
        "repository": repository_files(Path.cwd()),
        "runs": sorted(runs.rglob("*")),
        "site": sorted(site.rglob("*")),
    }
    with drawn() as progress:
        examined = examine(competition, home, data, places, progress)
        findings = (*judged(home, bundle_folder(data, competition.name), competition.name), *examined.findings)
    seconds = time.monotonic() - began
    if json_:
        told = [finding.to_json() for finding in findings]
        output.as_json(
            {
                "competition": competition.name,
                "sound": is_sound(findings),
                "findings": told,
                "folder": str(examined.folder),
                "seconds": round(seconds, 1),
            }
        )
    else:
        _show(findings, examined.folder, seconds)
    return 0 if is_sound(findings) else 1


def _show(findings: "tuple[Finding, ...]", folder: Path, seconds: float) -> None:
    for finding in findings:
        level = click.style(f"{finding.level:<7}", fg=COLOURS[finding.level], bold=finding.level == "fault")
        remedy = f" -> {finding.remedy}" if finding.remedy else ""
        listed = f" [{finding.listing.name}]" if finding.listing else ""
        click.echo(f"{level}  {finding.code:<14} {finding.message}{remedy}{listed}")
    counts = ", ".join(f"{sum(f.level == level for f in findings)} {level}" for level in COLOURS)
    click.echo(f"{counts}; lists and pictures in {folder} ({seconds:.0f} s)")
