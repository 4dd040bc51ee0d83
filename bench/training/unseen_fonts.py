"""Makes `unseen_fonts`: fontchar split by font and with repeats dropped, so that no test letter was seen in training.

    python bench/training/unseen_fonts.py --source ../shared/data/chars74k_fnt.zip --data data --home .grader
    python bench/training/accuracy_in_budget.py --data data/unseen_fonts --budgets 45s 10m

Without --source it is made of the embedded glyphs.
"""

import argparse
import tempfile
from pathlib import Path

import yaml

from competition.catalog import find
from competition.layout import SPEC_FILE
from competition.prepare import PreparedCompetition, prepare

NAME = "unseen_fonts"
CHANGES = {"split": "group", "repeats": "drop"}


def make_unseen_fonts(source: Path | None, data: Path, home: Path) -> PreparedCompetition:
    """Prepare it by the spec of `fontchar` with `CHANGES`.

    Args:
        source: Chars74K's archive of computer fonts; None for the embedded glyphs.
        data: the folder of bundles.
        home: the state folder, with the vault in it.
    """
    spec = yaml.safe_load((find("fontchar").folder / SPEC_FILE).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / NAME
        folder.mkdir()
        (folder / SPEC_FILE).write_text(yaml.safe_dump({**spec, **CHANGES}, allow_unicode=True), encoding="utf-8")
        return prepare(find(str(folder)), data, home, source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="Chars74K's EnglishFnt: an archive or a folder")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the bundles")
    parser.add_argument("--home", type=Path, default=Path(".grader"), help="state folder, with the vault in it")
    options = parser.parse_args()
    made = make_unseen_fonts(options.source, options.data, options.home)
    print(f"{made.bundle}: {dict(made.counts)}")


if __name__ == "__main__":
    main()
