"""Runs a notebook from top to bottom in the current folder: `python -m grader.runner.notebook NOTEBOOK`."""

import os
import sys
from pathlib import Path

_CLOSING_SECONDS = 2.0  # to see that the notebook's process has ended, which takes up to one, and to write it down


def run_notebook(path: Path) -> None:
    """Execute every cell and keep the executed notebook, with its outputs, in the current folder.

    A notebook may end its own process with exit code 0, as a script may; the cells behind are left out.

    Raises:
        SystemExit: a cell failed (the cell's own error is its message), the notebook's process died or nbclient is
            not installed.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, DeadKernelError
    except ImportError:
        sys.exit("notebooks need nbclient: pip install 'competition-grader[notebook]'")
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    _move_deadline()
    client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": "."}})
    manager = client.create_kernel_manager()
    try:
        client.execute()
    except CellExecutionError as error:
        sys.exit(str(error))
    except DeadKernelError:
        exit_code = manager.provisioner.process.returncode  # type: ignore[union-attr]
        if exit_code:
            sys.exit(f"the notebook's process died (exit code {exit_code}); -9 mostly means that memory ran out")
        print("the notebook ended itself before its last cell; what it had written stays")
    finally:
        nbformat.write(notebook, f"{path.stem}.executed.ipynb")  # type: ignore[no-untyped-call]


def _move_deadline() -> None:
    """Tell the notebook to be done a little before the run must be."""
    if "GRADER_DEADLINE" in os.environ:
        os.environ["GRADER_DEADLINE"] = repr(float(os.environ["GRADER_DEADLINE"]) - _CLOSING_SECONDS)


if __name__ == "__main__":
    run_notebook(Path(sys.argv[1]))
