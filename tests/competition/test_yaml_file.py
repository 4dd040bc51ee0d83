from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from competition.errors import UserError
from competition.yaml_file import read_mapping


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "competition.yaml"


def test_ratios_leading_zeros_dates_and_words_stay_text(file: Path) -> None:
    file.write_text("a: 80:20\nb: 0123\nc: 2026-03-02\nd: no\ne: 0o17\nf: 1_000\n")
    assert read_mapping(file) == {
        "a": "80:20", "b": "0123", "c": "2026-03-02", "d": "no", "e": "0o17", "f": "1_000"
    }  # fmt: skip


def test_numbers_truth_values_and_nothing_are_read(file: Path) -> None:
    file.write_text("a: 42\nb: -1.5e3\nc: true\nd: null\ne:\nf: .5\ng: 1e-3\n")
    assert read_mapping(file) == {"a": 42, "b": -1500.0, "c": True, "d": None, "e": None, "f": 0.5, "g": 0.001}


def test_named_keys_keep_the_text_that_was_written(file: Path) -> None:
    file.write_text("labels: [0, 1.0, true, 007]\nseed: 1\n")
    assert read_mapping(file, frozenset({"labels"})) == {"labels": ["0", "1.0", "true", "007"], "seed": 1}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: [2", "line 2"),
        ("a: 1\na: 2", "line 2, column 1: the key 'a' is given twice"),
        ("a: &x 1\nb: *x", "aliases are not allowed"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("? [a]\n: 1", "a key must be plain text"),
        ("- 1\n- 2", "must hold `key: value` lines"),
        ("", "must hold `key: value` lines"),
        ("just text", "must hold `key: value` lines"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: " + "[" * 5000, "not a YAML text file"),
        ("a: \x00", "not a YAML text file"),
    ],
)
def test_bad_yaml_gets_one_line_with_the_place(file: Path, text: str, problem: str) -> None:
    file.write_text(text)
    with pytest.raises(UserError) as error:
        read_mapping(file)
    assert problem in str(error.value)
    assert str(error.value).startswith(str(file))
    assert "\n" not in str(error.value)


def test_a_missing_file_a_folder_and_bytes_get_one_line(tmp_path: Path, file: Path) -> None:
    file.write_bytes(b"a: \xff\xfe")
    for path in (tmp_path / "none.yaml", tmp_path, file):
        with pytest.raises(UserError, match=path.name):
            read_mapping(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_at_all_lead_to_another_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        assert isinstance(read_mapping(file), dict)
    except UserError as error:
        assert "\n" not in str(error)
