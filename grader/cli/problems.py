"""How the problems of a submission are shown to people."""

from collections.abc import Sequence
from pathlib import Path

import click

from grader.settings import Language
from grader.submission.korean import KOREAN
from grader.submission.problems import Problem, counted


def show_problems(submission: Path, problems: Sequence[Problem], lang: Language) -> None:
    """Print what is wrong with a submission, a line a problem; nothing where nothing is wrong.

    In Korean each message, which names ids, cells and lines, is followed by what it means and what to do.
    """
    if problems:
        how_many = f"문제 {len(problems)}개" if lang == "ko" else counted(len(problems), "problem")
        click.echo(f"{submission}: {how_many}")
    for problem in problems:
        click.echo(f"  {click.style(problem.code, fg='red')}  {problem.message}")
        if lang == "ko" and problem.code in KOREAN:
            click.echo(f"  {' ' * len(problem.code)}  {KOREAN[problem.code]}")
