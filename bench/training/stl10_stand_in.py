"""Makes `stl10_stand_in`: CIFAR-10 pictures enlarged to 96x96, 5,000 to train on and 8,000 to test on, 5 folds.

    python bench/training/stl10_stand_in.py --source ../shared/data/cifar10_images.zip --data data --home .grader

For machines where STL-10 is not at hand. It has STL-10's sizes and counts, but not its detail: its pictures hold 32x32
pixels' worth. Figures measured on it are to be called so.
"""

import argparse
import tempfile
from pathlib import Path

import yaml

from competition.catalog import find
from competition.layout import SPEC_FILE
from competition.prepare import PreparedCompetition, prepare

NAME = "stl10_stand_in"


def make_stand_in(source: Path, data: Path, home: Path) -> PreparedCompetition:
    """Prepare the stand-in by the spec of `stl10`: the same parts, folds and size, the classes of CIFAR-10.

    Args:
        source: the archive or folder of CIFAR-10.
        data: the folder of bundles.
        home: the state folder, with the vault in it.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / NAME
        folder.mkdir()
        (folder / SPEC_FILE).write_text(yaml.safe_dump(_spec(), allow_unicode=True), encoding="utf-8")
        return prepare(find(str(folder)), data, home, source)


def _spec() -> dict[str, object]:
    stl10, cifar10 = (_read(name) for name in ("stl10", "cifar10"))
    title = {"en": "A stand-in for STL-10 made from CIFAR-10", "ko": "CIFAR-10으로 만든 STL-10 대역"}
    return {**stl10, "title": title, "labels": cifar10["labels"], "source": cifar10["source"]}


def _read(name: str) -> dict[str, object]:
    spec: dict[str, object] = yaml.safe_load((find(name).folder / SPEC_FILE).read_text(encoding="utf-8"))
    return spec


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="CIFAR-10: an archive or a folder")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the bundles")
    parser.add_argument("--home", type=Path, default=Path(".grader"), help="state folder, with the vault in it")
    options = parser.parse_args()
    made = make_stand_in(options.source, options.data, options.home)
    print(f"{made.bundle}: {dict(made.counts)}")


if __name__ == "__main__":
    main()
