"""`grader new-kernel`: begin a kernel of one's own with a copy of a baseline."""

from pathlib import Path

import click

from grader.cli import options, output
from grader.runner.new_kernel import new_kernel

EPILOG = """\b
Examples:
  grader new-kernel my_idea --from fontchar_bottleneck
  grader run my_idea -c fontchar"""


@click.command(epilog=EPILOG)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--from", "baseline", metavar="BASELINE", required=True, help="The baseline to copy.")
@options.json
def command(folder: Path, baseline: str, json_: bool) -> int:
    """Begin a kernel of one's own with a copy of a baseline."""
    files = new_kernel(folder, baseline)
    if json_:
        output.as_json({"kernel": str(folder), "files": [str(file) for file in files]})
        return 0
    click.echo(f"{folder}: a kernel like {baseline}, {len(files)} files")
    click.echo(f"Next: change it, then `grader run {folder} -c COMPETITION`")
    return 0
