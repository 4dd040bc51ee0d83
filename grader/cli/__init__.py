"""The `grader` command.

Each command is a module beside this one and is imported only when it is called, so that `grader --help` and
`grader score` start at once. Exit codes: 0 fine, 1 the thing judged is bad, 2 wrong use or a missing prerequisite.
"""

import io
import sys

import click

from competition.errors import UserError
from grader.cli import output
from grader.cli.lazy import LazyGroup

COMMANDS = {
    "prepare": "Make a competition's bundle and hidden solution.",
    "show": "Describe a competition in the terminal.",
    "init": "Make a competition out of images or a table.",
    "new-kernel": "Begin a kernel of one's own with a copy of a baseline.",
    "run": "Run a kernel under its wall-clock budget.",
    "check": "Check a submission without any label.",
    "score": "Check and score a submission, or a folder of them.",
    "select": "Choose the submissions that count in the end.",
    "leaderboard": "Print the board.",
    "publish": "Write the board as a page that opens from disk.",
    "verify": "Replay the ledger and find anything edited or lost.",
    "rescore": "Score everything again, and say who moved and why.",
    "doctor": "Examine a competition before it opens.",
    "vault": "Seal the hidden labels, and carry them elsewhere.",
    "kaggle": "Bring a competition to Kaggle, or one from there.",
}

EPILOG = """\b
Examples:
  grader prepare fontchar
  grader run pixels_linear -c fontchar --budget 60s
  grader check submission.csv -c fontchar
  grader score submission.csv -c fontchar --team alice
  grader leaderboard -c fontchar

\b
Exit codes: 0 fine, 1 the submission, bundle or run is bad,
2 wrong use or a missing prerequisite. Every command has --json."""


@click.group(cls=LazyGroup, package="grader.cli", summaries=COMMANDS, epilog=EPILOG)
@click.version_option(package_name="competition-grader", prog_name="grader")
def cli() -> None:
    """A competition harness for deep-learning courses."""


def main() -> None:
    """Run the command line: a person's mistake becomes one line and an exit code, a bug keeps its traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows no Korean shows marks in its place
            stream.reconfigure(errors="replace")
    sys.exit(_exit_code())


def _exit_code() -> int:
    try:
        return cli.main(standalone_mode=False) or 0
    except click.ClickException as error:
        output.fail(error.format_message(), hint=_usage_hint(error))
        return 2
    except UserError as error:
        output.fail(str(error))
        return error.exit_code
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        output.fail(f"{error.filename or 'input/output'}: {error.strerror}")
        return 2
    except (click.Abort, KeyboardInterrupt):
        output.fail("interrupted")
        return 130


def _usage_hint(error: click.ClickException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"Try '{context.command_path} --help'." if context else None
