"""The competition a command is about is found from what is named, where a file lies, or what is configured."""

from pathlib import Path

import pytest

from competition.errors import UserError
from grader.cli.which import choose


@pytest.fixture
def place(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRADER_COMPETITION", raising=False)

    def prepare(*names: str) -> tuple[Path, Path]:
        for name in names:
            (tmp_path / "data" / name).mkdir(parents=True)
            (tmp_path / "data" / name / "rules.json").write_text("{}")
        return tmp_path / "home", tmp_path / "data"

    return prepare


def test_the_named_competition_wins(place):
    chosen = choose("letters", *place("fontchar", "letters"))
    assert (chosen.name, chosen.why) == ("letters", "named with -c")


def test_a_file_tells_its_competition_by_the_folder_it_lies_in(place, tmp_path: Path):
    folders = place("fontchar", "letters")
    chosen = choose(None, *folders, file=tmp_path / "submissions" / "letters" / "alice.csv")
    assert (chosen.name, chosen.why) == ("letters", "the file lies in letters/")


def test_the_configured_default_is_next(place, monkeypatch):
    folders = place("fontchar", "letters")
    Path("grader.toml").write_text('competition = "fontchar"')
    assert choose(None, *folders).name == "fontchar"
    monkeypatch.setenv("GRADER_COMPETITION", "letters")
    assert choose(None, *folders).name == "letters"


def test_the_only_prepared_competition_needs_no_name(place):
    assert choose(None, *place("fontchar")).why == "the only one prepared here"


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        ((), None, "no competition is prepared here; run `grader prepare NAME` first"),
        (("fontchar", "letters"), None, "which competition? name one with -c: fontchar, letters"),
        (("fontchar",), "fontcha", "'fontcha' (named with -c) is not prepared here; did you mean 'fontchar'?"),
        (("fontchar",), "stl10", "'stl10' (named with -c) is not prepared here; run `grader prepare stl10` first"),
        (("fontchar",), "../data", "'../data' (named with -c) is no name of a competition"),
    ],
)  # fmt: skip
def test_what_cannot_be_chosen_is_said_in_one_line(place, names, given, message):
    with pytest.raises(UserError) as error:
        choose(given, *place(*names))
    assert str(error.value).removeprefix("competition ") == message
