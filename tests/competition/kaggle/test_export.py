import csv
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from competition.bundle import open_bundle
from competition.catalog import Competition
from competition.errors import UserError
from competition.kaggle.export import export_competition
from competition.prepare import prepare


def export(tmp_path: Path, out: str = "out"):
    return export_competition("shapes", tmp_path / "data", tmp_path / "home", tmp_path / out)


def test_the_solution_alone_is_private_and_the_same_bytes_as_in_the_vault(exported: Path, tmp_path: Path):
    modes = {path.relative_to(exported).as_posix(): stat.S_IMODE(path.stat().st_mode) for path in exported.rglob("*")}
    assert {name for name, mode in modes.items() if mode & 0o077 == 0} == {
        "private",
        "private/solution.csv",
        "private/export.json",
        "private/.gitignore",
    }
    assert modes["private"] == 0o700
    solution = (exported / "private" / "solution.csv").read_bytes()
    assert solution == (tmp_path / "home" / "vault" / "shapes" / "solution.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(solution.decode())))
    assert list(rows[0]) == ["id", "label", "Usage"]
    assert {row["Usage"] for row in rows} == {"Public", "Private"}


def test_the_data_are_the_bundle_and_hold_no_hidden_label(exported: Path, tmp_path: Path):
    (tmp_path / "data" / "shapes" / "my_notes.txt").write_text("not for participants")
    again = export(tmp_path, "again")
    with zipfile.ZipFile(again.folder / "data.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        archive.extractall(tmp_path / "unpacked")
    assert names == sorted(names)
    assert "my_notes.txt" not in names
    assert not any("solution" in name for name in names)
    bundle = open_bundle(tmp_path / "unpacked")  # what participants unpack opens as a bundle, checksums and all
    bundle.verify()
    assert bundle.test_images.shape == (12, 6, 5)
    hidden = {line.rpartition(",")[0] for line in (exported / "private" / "solution.csv").read_text().splitlines()[1:]}
    for path in again.folder.rglob("*"):
        if path.is_file() and path.parent.name != "private":
            assert not any(pair.encode() in path.read_bytes() for pair in hidden - _sample_pairs(exported))
    for path in (tmp_path / "unpacked").iterdir():
        if path.name != "sample_submission.csv":
            assert not any(pair.encode() in path.read_bytes() for pair in hidden)


def _sample_pairs(exported: Path) -> set[str]:
    """The sample submission names one label for every id: a third of them is right by chance."""
    return set((exported / "sample_submission.csv").read_text().splitlines())


def test_the_same_competition_gives_the_same_bytes(exported: Path, tmp_path: Path):
    again = export(tmp_path, "again").folder
    files = sorted(path.relative_to(exported) for path in exported.rglob("*") if path.is_file())
    for file in files:
        assert (exported / file).read_bytes() == (again / file).read_bytes()
    with zipfile.ZipFile(exported / "data.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_pictures_travel_where_the_bundle_has_them(shapes: Callable[..., Competition], tmp_path: Path):
    prepare(shapes(), tmp_path / "data", tmp_path / "home", layout="folder")
    with zipfile.ZipFile(export(tmp_path).folder / "data.zip") as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".png")]
    assert len([name for name in pictures if name.startswith("train/")]) == 48
    assert len([name for name in pictures if name.startswith("test/") and name.count("/") == 1]) == 12


def test_an_export_takes_the_place_of_its_own_earlier_one_alone(exported: Path, tmp_path: Path):
    before = _state(exported)
    export(tmp_path)
    assert _state(exported) == before
    for spoil in (
        lambda folder: (folder / "notes.txt").write_text("mine"),
        lambda folder: (folder / "description.md").write_text("my own words"),
        lambda folder: (folder / "private" / "export.json").unlink(),
        lambda folder: (folder / "link").symlink_to(tmp_path),
    ):
        folder = tmp_path / "spoiled"
        shutil.copytree(exported, folder)
        spoil(folder)
        state = _state(folder)
        with pytest.raises(UserError, match="no export of shapes wrote this file, or it was changed since"):
            export(tmp_path, "spoiled")
        assert _state(folder) == state
        shutil.rmtree(folder)


def test_a_file_in_the_way_is_left_alone(shapes: Callable[..., Competition], tmp_path: Path):
    shapes()
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="is there and no folder"):
        export(tmp_path)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_changed_bundle_or_another_solution_is_not_exported(shapes: Callable[..., Competition], tmp_path: Path):
    shapes()
    sample = tmp_path / "data" / "shapes" / "sample_submission.csv"
    kept = sample.read_text()
    sample.write_text(kept.replace("circle", "square", 1))
    with pytest.raises(UserError, match=r"sample_submission.csv: differs from the manifest"):
        export(tmp_path)
    sample.write_text(kept)
    prepared = tmp_path / "home" / "vault" / "shapes" / "prepared.json"
    prepared.write_text(json.dumps(json.loads(prepared.read_text()) | {"preparation": "0" * 32}))
    with pytest.raises(UserError, match="do not belong together; run `grader prepare shapes` again"):
        export(tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing(shapes: Callable[..., Competition], tmp_path: Path):
    shapes()
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from competition.kaggle.export import export_competition\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))\n"
        f"root = Path({str(tmp_path)!r})\n"
        "export_competition('shapes', root / 'data', root / 'home', root / 'out')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert "UserError" in done.stderr.splitlines()[-1]
    assert "free some space" in done.stderr.splitlines()[-1]
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_every_section_of_a_description_goes_to_its_page(shapes: Callable[..., Competition], tmp_path: Path):
    competition = shapes()
    (competition.folder / "description.en.md").write_text(
        "# Shapes\n\n## Data\n\nImages.\n\n## Description\n\nTell shapes apart.\n\n"
        "## Evaluation\n\n```\n## no heading\n```\n\n## Rules\n\nBe fair.\n\n## Random seed\n\n42.\n"
    )
    (competition.folder / "description.ko.md").write_text(
        "# 도형\n\n## 설명\n\n구별.\n\n## 규칙\n\n공정.\n\n## 데이터\n\n그림.\n"
    )
    prepare(competition, tmp_path / "data", tmp_path / "home")
    folder = export(tmp_path).folder
    english = (folder / "description.md").read_text()
    headings = [line for line in english.splitlines() if line.startswith("#")]
    assert headings == [
        "# Shapes", "## Overview", "### Description", "### Evaluation", "## no heading", "### Random seed", "## Data",
        "## Rules",
    ]  # fmt: skip
    assert english.count("Be fair.") == english.count("Images.") == 1
    korean = (folder / "description.ko.md").read_text()
    assert korean == "# 도형\n\n## Overview\n\n### 설명\n\n구별.\n\n## Data\n\n그림.\n\n## Rules\n\n공정.\n"


def test_the_built_in_descriptions_lose_no_line():
    from competition.kaggle.pages import kaggle_pages

    for path in sorted(Path("competition").glob("*/description.*.md")):
        text = path.read_text()
        pages = kaggle_pages(text)
        for line in text.splitlines():
            if not line.startswith("## "):
                assert line in pages
        assert [f"## {tab}" in pages.splitlines() for tab in ("Overview", "Data", "Rules")] == [True] * 3, path


def test_the_readme_tells_this_competitions_numbers(exported: Path):
    text = (exported / "README.md").read_text()
    assert "$" not in text
    for told in (
        "**Categorization Accuracy**",
        "6 Public, 6 Private",
        "`label` (the answer)",
        "final submissions **2**",
    ):
        assert told in text


def test_a_table_competition_travels_too(tmp_path: Path):
    from competition.catalog import find
    from competition.init import init_competition

    rows = "".join(f"{number / 7!r},{number % 5},{number / 3!r}\n" for number in range(100))
    (tmp_path / "houses.csv").write_text("area,rooms,price\n" + rows)
    init_competition(tmp_path / "competition" / "houses", tmp_path / "houses.csv", "price")
    prepare(find(f"{tmp_path}/competition/houses"), tmp_path / "data", tmp_path / "home")
    made = export_competition("houses", tmp_path / "data", tmp_path / "home", tmp_path / "houses-out")
    assert made.metric.name == "Root Mean Squared Error"
    assert np.isin(["data.zip", "private/solution.csv"], made.files).all()


def _state(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
