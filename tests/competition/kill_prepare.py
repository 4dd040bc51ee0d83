"""Kill `prepare` at each of its changes to the disk in turn, and look at what is left: `python -m … FOLDER STEP`.

With a step of 9 only every ninth moment is tried. Prints how many moments there are. The old pair of bundle and
solution is there beforehand, and every kill must leave that pair or the new one.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from competition.bundle import open_bundle
from competition.catalog import find
from competition.errors import UserError
from competition.prepare import prepare
from competition.vault import make_vault, open_vault

CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "ctypes.call_function", "os.chmod"}


def main(folder: Path, step: int) -> None:
    """Try one kill after another until `prepare` comes to its end unharmed."""
    data, home = folder / "data", folder / "home"
    make_vault(home, "shapes")
    with_seed(folder, 0)
    in_child(lambda: prepare(find(f"{folder}/shapes"), data, home))
    moment, finished = 0, False
    while not finished:
        moment += step
        with_seed(folder, moment)
        before = pair(data, home)
        finished = in_child(partial(killed_at, moment, folder, data, home))
        after = pair(data, home)
        if after[0] != after[1]:
            raise SystemExit(f"moment {moment}: bundle and solution are of different preparations")
        if finished and after == before:
            raise SystemExit("the last run changed nothing")
    left = [path.name for path in data.iterdir()]
    if left != ["shapes"] or (home / "vault" / "shapes" / "next").exists():
        raise SystemExit(f"left behind: {left}")
    print(moment)


def with_seed(folder: Path, seed: int) -> None:
    spec = folder / "shapes" / "competition.yaml"
    lines = [line for line in spec.read_text().splitlines() if not line.startswith("seed:")]
    spec.write_text("\n".join([*lines, f"seed: {seed}"]) + "\n")


def pair(data: Path, home: Path) -> tuple[set[str], set[str]]:
    """The test ids of the bundle and of the solution, after checking that the bundle is whole."""
    bundle = open_bundle(data / "shapes")
    bundle.verify()
    solution = open_vault(home, "shapes").read_solution().decode().splitlines()[1:]
    return set(bundle.test_ids), {line.partition(",")[0] for line in solution}


def in_child(work: Callable[[], object]) -> bool:
    """Run `work` in a child; whether it came to its end."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def killed_at(moment: int, folder: Path, data: Path, home: Path) -> None:
    """Prepare, and die without warning just before the change to the disk number `moment`."""
    seen = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in CHANGES or writes:
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        prepare(find(f"{folder}/shapes"), data, home)
    except UserError as error:
        print(error, file=sys.stderr)
        os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
