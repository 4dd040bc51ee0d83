"""What a kernel is and how it is started: a baseline's name, a folder with `__main__.py`, a script or a notebook."""

import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import baselines
from competition.errors import UserError

BASELINES = Path(baselines.__file__).parent


@dataclass(frozen=True, slots=True)
class Kernel:
    """A program that reads the bundle and writes `submission.csv`: its name, command and the path it imports from."""

    name: str
    command: tuple[str, ...]
    import_path: Path | None = None


def baseline_names() -> list[str]:
    """The baselines that come with the harness, by name."""
    return sorted(model.parent.name for model in BASELINES.glob("*/model.py"))


def find_kernel(kernel: str) -> Kernel:
    """The kernel of this name or path.

    Raises:
        UserError: nothing of that name or path can be run.
    """
    name = kernel.removeprefix("baselines.")
    if name in baseline_names():
        return Kernel(name, (sys.executable, "-m", f"baselines.{name}"))
    path = Path(kernel).resolve()
    if path.is_dir() and (path / "__main__.py").is_file():
        return _from_folder(path)
    if path.is_file() and path.suffix == ".py":
        return Kernel(path.stem, (sys.executable, str(path)))
    if path.is_file() and path.suffix == ".ipynb":
        command = (sys.executable, "-m", "grader.runner.notebook", str(path))
        return Kernel(path.stem, command, import_path=_import_root(path.parent))
    raise UserError(f"{kernel}: no kernel here; {_what_would_do(path, name)}")


def _from_folder(folder: Path) -> Kernel:
    """A folder runs as a package where its name allows it, so that its modules can import one another."""
    if folder.name.isidentifier():
        return Kernel(folder.name, (sys.executable, "-m", folder.name), import_path=folder.parent)
    return Kernel(folder.name, (sys.executable, str(folder)))


def _import_root(folder: Path) -> Path:
    """Where a notebook in `folder` imports from: above its package, or its own folder where it is in none."""
    return _import_root(folder.parent) if (folder / "__init__.py").is_file() else folder


def _what_would_do(path: Path, name: str) -> str:
    if path.is_dir():
        return "the folder needs a __main__.py"
    if path.exists():
        return "a kernel is a .py script, an .ipynb notebook or a folder with a __main__.py"
    near = get_close_matches(name, baseline_names(), n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"name a script, a notebook, a folder with a __main__.py or one of: {', '.join(baseline_names())}"
