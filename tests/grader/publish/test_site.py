"""Sites as folders: whole or not at all, never over somebody's files, the same numbers for machines."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from competition.errors import UserError
from grader.leaderboard.board import Bilingual
from grader.publish import site as site_module
from grader.publish.machine import boards_csv
from grader.publish.site import publish

from .conftest import a_board, a_closed_page, an_open_page, another_page


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_one_competition_is_one_page_with_its_data(tmp_path: Path) -> None:
    opened = publish([an_open_page()], tmp_path / "site")
    assert opened == tmp_path / "site" / "index.html"
    assert files_in(tmp_path / "site") == ["board.csv", "board.json", "index.html", "site.json"]


def test_several_competitions_have_a_folder_each_and_a_list(tmp_path: Path) -> None:
    publish([an_open_page(), another_page()], tmp_path)
    assert files_in(tmp_path) == sorted(
        [f"{name}/{file}" for name in ("b", "fontchar") for file in ("board.csv", "board.json", "index.html")]
        + ["index.html", "site.json"]
    )


def test_a_second_run_replaces_the_first_as_a_whole(tmp_path: Path) -> None:
    publish([an_open_page(), another_page()], tmp_path / "site")
    publish([an_open_page()], tmp_path / "site")
    assert files_in(tmp_path / "site") == ["board.csv", "board.json", "index.html", "site.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_the_same_boards_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        publish([a_closed_page()], tmp_path / name)
    for file in files_in(tmp_path / "one"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.md").write_text("years of work")
    with pytest.raises(UserError, match=r"holds thesis\.md, which is no part of a published site"):
        publish([an_open_page()], tmp_path)
    assert files_in(tmp_path) == ["thesis.md"]


def test_a_file_put_into_a_site_is_not_lost(site: Path) -> None:
    (site / "CNAME").write_text("example.org")
    before = (site / "index.html").read_bytes()
    with pytest.raises(UserError, match="holds CNAME"):
        publish([a_closed_page()], site)
    assert (site / "index.html").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": 3}', b"\xff"])
def test_a_damaged_list_of_files_loses_nothing(site: Path, content: bytes) -> None:
    (site / "site.json").write_bytes(content)
    with pytest.raises(UserError, match="no part of a published site"):
        publish([an_open_page()], site)


def test_a_file_in_the_place_of_the_folder_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file")
    with pytest.raises(UserError, match="is a file; name a folder"):
        publish([an_open_page()], tmp_path / "site")


def test_a_place_that_cannot_be_written_is_told_in_one_line() -> None:
    with pytest.raises(UserError, match="cannot be written"):
        publish([an_open_page()], Path("/proc/site"))


def test_an_interruption_leaves_the_old_site_and_nothing_aside(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: (site / name).read_bytes() for name in files_in(site)}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(site_module, "put_folder", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish([a_closed_page()], site)
    assert {name: (site / name).read_bytes() for name in files_in(site)} == before
    assert [path.name for path in site.parent.iterdir()] == ["site"]


def test_no_file_of_an_open_competition_holds_what_is_hidden(site: Path) -> None:
    everything = "".join((site / name).read_text(encoding="utf-8") for name in files_in(site))
    private = a_board("Private")
    hidden = [repr(one.score)[:6] for one in (*private.rows, *private.history)]
    hidden += ["/home/", "grader/blobs", str(site.parent), str(Path.home()), str(Path.cwd())]
    assert [secret for secret in hidden if secret in everything] == []


def test_machines_read_full_precision(tmp_path: Path) -> None:
    page = a_closed_page()
    publish([page], tmp_path)
    document = json.loads((tmp_path / "board.json").read_text(encoding="utf-8"))
    with (tmp_path / "board.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert document["metric"] == "accuracy"
    assert [board["split"] for board in document["boards"]] == ["Private", "Public"]
    rows = [(board.split, row) for board in page.boards for row in board.rows]
    from_json = [(board["split"], row) for board in document["boards"] for row in board["rows"]]
    for (split, row), (json_split, json_row), csv_row in zip(rows, from_json, table, strict=True):
        assert split == json_split
        assert (row.rank, row.team, row.score) == (json_row["rank"], json_row["team"], json_row["score"])
        assert (csv_row["split"], csv_row["team"], float(csv_row["score"])) == (split, row.team, row.score)
        assert csv_row["rank"] == ("" if row.rank is None else str(row.rank))


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@cmd", '=1+"2",x'])
def test_a_spreadsheet_gets_no_formula(name: str) -> None:
    board = a_board()
    text = boards_csv([replace(board, rows=(replace(board.rows[0], team=name),))])
    (row,) = csv.DictReader(text.splitlines())
    assert row["team"] == f"'{name}"


def test_a_korean_first_site_is_marked_korean(tmp_path: Path) -> None:
    page = replace(an_open_page(), description=Bilingual("설명", ""))
    publish([page], tmp_path, "ko")
    assert '<html lang="ko" data-language="ko">' in (tmp_path / "index.html").read_text(encoding="utf-8")
