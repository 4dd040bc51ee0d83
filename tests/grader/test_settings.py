"""A setting comes from the command line, the environment, `grader.toml` or its default, in this order."""

from pathlib import Path

import pytest

from competition.errors import UserError
from grader.settings import DATA, SETTINGS, language, read_config, resolve


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_default_is_last():
    assert resolve(DATA, None, {}) == "data"


def test_the_file_wins_over_the_default():
    Path("grader.toml").write_text('data = "from-file"')
    assert resolve(DATA, None, {}) == "from-file"


def test_the_environment_wins_over_the_file():
    Path("grader.toml").write_text('data = "from-file"')
    assert resolve(DATA, None, {"GRADER_DATA": "from-environment"}) == "from-environment"


def test_the_command_line_wins_over_all():
    assert resolve(DATA, "from-option", {"GRADER_DATA": "from-environment"}) == "from-option"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('dta = "x"', "grader.toml: unknown key 'dta'; did you mean 'data'? (known: home, data, "),
        ("data = 3", 'grader.toml: data must be text in quotes, as in data = "data"'),
        ("data = ", "grader.toml: cannot be read as TOML ("),
    ],
)
def test_a_wrong_file_is_told_in_one_line(text: str, message: str):
    Path("grader.toml").write_text(text)
    with pytest.raises(UserError) as error:
        read_config()
    assert str(error.value).startswith(message)


def test_every_setting_has_a_variable_of_its_own():
    assert len({setting.variable for setting in SETTINGS.values()}) == len(SETTINGS)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "GRADER_LANG": "en"}, "en"),
        ({"LANG": "kok_IN"}, "en"),
    ],
)
def test_the_language_is_the_settings_or_the_locales(environment: dict[str, str], expected: str):
    assert language(None, environment) == expected
    assert language("ko", environment) == "ko"


def test_an_unknown_language_is_told():
    with pytest.raises(UserError, match="GRADER_LANG = 'fr': give en or ko"):
        language(None, {"GRADER_LANG": "fr"})
