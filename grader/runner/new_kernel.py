"""A kernel of one's own: a copy of a baseline under another name."""

import shutil
from difflib import get_close_matches
from pathlib import Path

from competition.errors import UserError
from grader.runner.kernel import BASELINES, baseline_names

TEXTS = {".py", ".md", ".yaml", ".ipynb"}
NOT_COPIED = ("__pycache__", ".ipynb_checkpoints", "runs")  # what using a baseline leaves in its folder


def new_kernel(target: Path, baseline: str) -> list[Path]:
    """Copy the baseline's folder to `target` and put the new name where its own stood.

    Returns:
        The files of the new kernel.

    Raises:
        UserError: no such baseline, a name that Python cannot import, or a folder that is there already.
    """
    if baseline not in baseline_names():
        near = get_close_matches(baseline, baseline_names(), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(baseline_names())}"
        raise UserError(f"no baseline is called '{baseline}'; {hint}")
    if not target.name.isidentifier():
        raise UserError(f"'{target.name}' is no name for a kernel; use letters, digits and _, such as my_idea")
    if target.exists():
        raise UserError(f"{target}: is there already; choose another name")
    shutil.copytree(BASELINES / baseline, target, ignore=shutil.ignore_patterns(*NOT_COPIED))
    files = sorted(path for path in target.rglob("*") if path.is_file())
    for file in files:
        if file.suffix in TEXTS:
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(f"baselines.{baseline}", target.name), encoding="utf-8")
    return files
