"""How the problems of a submission are shown to people."""

from collections.abc import Sequence
from pathlib import Path

import click

from grader.submission.problems import Problem, counted


def show_problems(submission: Path, problems: Sequence[Problem]) -> None:
    """Print what is wrong with a submission, a line a problem; nothing where nothing is wrong."""
    if problems:
        click.echo(f"{submission}: {counted(len(problems), 'problem')}")
    for problem in problems:
        click.echo(f"  {click.style(problem.code, fg='red')}  {problem.message}")
