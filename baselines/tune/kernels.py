"""Finding the kernel to tune: a baseline's name, its module's name, or the folder of one's own."""

import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import baselines
from baselines.kit.kernel import Kernel
from competition.errors import UserError

_BASELINES = Path(baselines.__file__).parent


def kernel_names() -> list[str]:
    """The baselines that have recipes, and so can be tuned."""
    return sorted(
        folder.parent.name for folder in _BASELINES.glob("*/recipes") if (folder.parent / "model.py").exists()
    )


def find_kernel(wish: str) -> Kernel:
    """The kernel of this name or in this folder.

    Raises:
        UserError: nothing of that name is a kernel with recipes.
    """
    name = wish.removeprefix("baselines.")
    if name in kernel_names():
        return _kernel_of(f"baselines.{name}", wish)
    folder = Path(wish).resolve()
    if (folder / "__main__.py").is_file() and folder.name.isidentifier():
        sys.path.insert(0, str(folder.parent))
        return _kernel_of(folder.name, wish)
    near = get_close_matches(name, kernel_names(), 1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UserError(f"kernel {wish!r} is unknown: {hint}one of {', '.join(kernel_names())}, or a kernel's folder")


def _kernel_of(package: str, wish: str) -> Kernel:
    kernel = getattr(import_module(f"{package}.__main__"), "KERNEL", None)
    if not isinstance(kernel, Kernel):
        raise UserError(f"kernel {wish!r} cannot be tuned: its __main__.py has no KERNEL with recipes and a model")
    return kernel
