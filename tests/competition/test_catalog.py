import subprocess
import sys
from pathlib import Path

import pytest

from competition import catalog
from competition.errors import UserError
from tests.competition.conftest import write_competition


def test_built_in_competitions_are_found_by_name() -> None:
    assert "fontchar" in catalog.names()
    assert catalog.find("fontchar").folder.name == "fontchar"


def test_a_folder_of_competitions_wins_over_the_built_in_ones(tmp_path: Path) -> None:
    write_competition(tmp_path / "fontchar", title="Mine")
    write_competition(tmp_path / "shapes")
    assert set(catalog.names([tmp_path])) >= {"fontchar", "shapes"}
    assert catalog.find("fontchar", [tmp_path]).spec.title.en == "Mine"


def test_a_competition_is_found_by_a_path(tmp_path: Path) -> None:
    write_competition(tmp_path / "shapes")
    assert catalog.find(str(tmp_path / "shapes")).name == "shapes"


def test_a_misspelt_name_gets_the_nearest_one() -> None:
    with pytest.raises(UserError, match="no competition 'fontchr'; did you mean 'fontchar'"):
        catalog.find("fontchr")


def test_an_unknown_name_gets_the_list(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there are: .*fontchar"):
        catalog.find("zzz", [tmp_path, tmp_path / "missing"])


def test_a_folder_without_a_spec_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")  # what lies around the checkout is nobody's business
    for name in (str(tmp_path), "..", "."):
        with pytest.raises(UserError, match=r"no competition\.yaml in this folder"):
            catalog.find(name)


@pytest.mark.parametrize("name", ["", "Pets", "1st", "a b", "a/b", "../a", "a" * 65, "한글", "-a", "a\n"])
def test_a_name_that_is_no_good_folder_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="is no name for a competition"):
        catalog.check_name(name)


def test_listing_names_reads_neither_yaml_nor_pydantic() -> None:
    code = "import sys, competition.catalog as c; c.names(); print({'yaml', 'pydantic'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
