"""Runs a notebook from top to bottom in the current folder: `python -m grader.runner.notebook NOTEBOOK`."""

import sys
from pathlib import Path


def run_notebook(path: Path) -> None:
    """Execute every cell and keep the executed notebook, with its outputs, in the current folder.

    Raises:
        SystemExit: a cell failed (the cell's own error is its message) or nbclient is not installed.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError:
        sys.exit("notebooks need nbclient: pip install 'competition-grader[notebook]'")
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    try:
        NotebookClient(notebook, timeout=None, resources={"metadata": {"path": "."}}).execute()
    except CellExecutionError as error:
        sys.exit(str(error))
    finally:
        nbformat.write(notebook, f"{path.stem}.executed.ipynb")  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    run_notebook(Path(sys.argv[1]))
