import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competition.errors import UserError
from competition.sealed import Unlock, read_header, seal, unlock_from_environment, unseal, write_key_file

WHERE = Path("solution.csv.enc")
CONTENT = "id,label,Usage\na1,가,Public\n".encode()
nested = st.recursive(st.none() | st.integers() | st.text(), st.lists)


def by(phrase: str) -> Unlock:
    return Unlock(passphrase=lambda: phrase)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Unlock:
    path = tmp_path_factory.mktemp("keys") / "vault.key"
    write_key_file(path)
    return Unlock(key_file=path)


@pytest.fixture(scope="module")
def sealed_by_phrase() -> bytes:
    return seal(CONTENT, "solution", by("open sesame"))


def test_a_passphrase_opens_what_it_sealed(sealed_by_phrase: bytes) -> None:
    assert unseal(sealed_by_phrase, "solution", by("open sesame"), WHERE) == CONTENT


def test_nothing_of_the_content_can_be_read_in_the_sealed_file(sealed_by_phrase: bytes) -> None:
    assert b"Public" not in sealed_by_phrase
    assert b"open sesame" not in sealed_by_phrase


def test_the_same_content_never_seals_to_the_same_bytes(key: Unlock) -> None:
    assert seal(CONTENT, "solution", key) != seal(CONTENT, "solution", key)


def test_a_wrong_passphrase_gets_one_line(sealed_by_phrase: bytes) -> None:
    with pytest.raises(UserError, match="the passphrase does not open it, or the file is damaged"):
        unseal(sealed_by_phrase, "solution", by("open says me"), WHERE)


def test_without_a_passphrase_the_line_names_the_variable(sealed_by_phrase: bytes) -> None:
    with pytest.raises(UserError, match="GRADER_PASSPHRASE"):
        unseal(sealed_by_phrase, "solution", Unlock(), WHERE)
    with pytest.raises(UserError, match="passphrase is empty"):
        seal(CONTENT, "solution", by(""))


def test_another_key_file_does_not_open_it(key: Unlock, tmp_path: Path) -> None:
    write_key_file(tmp_path / "other.key")
    sealed = seal(CONTENT, "solution", key)
    assert unseal(sealed, "solution", key, WHERE) == CONTENT
    with pytest.raises(UserError, match="the key file does not open it"):
        unseal(sealed, "solution", Unlock(key_file=tmp_path / "other.key"), WHERE)
    with pytest.raises(UserError, match="GRADER_KEY_FILE"):
        unseal(sealed, "solution", by("x"), WHERE)


def test_a_key_file_is_private_and_never_overwritten(key: Unlock, tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    write_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UserError, match="not overwritten"):
        write_key_file(path)
    path.chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        seal(CONTENT, "solution", Unlock(key_file=path))
    (tmp_path / "text").write_text("hello")
    (tmp_path / "text").chmod(0o600)
    with pytest.raises(UserError, match="is no key file"):
        seal(CONTENT, "solution", Unlock(key_file=tmp_path / "text"))


def test_content_of_another_purpose_is_refused(key: Unlock) -> None:
    with pytest.raises(UserError, match="holds 'solution of a', not 'solution of b'"):
        unseal(seal(CONTENT, "solution of a", key), "solution of b", key, WHERE)


def test_every_changed_field_is_noticed(key: Unlock) -> None:
    header = json.loads(seal(CONTENT, "solution", key))
    for field, value in (("purpose", "other"), ("nonce", "AAAAAAAAAAAAAAAA"), ("ciphertext", "AAAA" * 20), ("x", 1)):
        changed = json.dumps(header | {field: value}).encode()
        with pytest.raises(UserError):
            unseal(changed, str(value) if field == "purpose" else "solution", key, WHERE)


@pytest.mark.parametrize(
    "change", [{"n": 2**40}, {"n": 3}, {"r": 10**6}, {"p": 0}, {"n": "x"}, {"salt": 5}, {"key": "none"}, {"format": 1}]
)
def test_a_file_that_asks_for_absurd_work_is_refused(sealed_by_phrase: bytes, change: dict[str, object]) -> None:
    with pytest.raises(UserError, match="is no sealed file"):
        read_header(json.dumps(json.loads(sealed_by_phrase) | change).encode(), WHERE)


@given(st.binary(max_size=300) | nested.map(json.dumps).map(str.encode))
def test_no_bytes_at_all_lead_to_another_error(content: bytes) -> None:
    with pytest.raises(UserError, match="is no sealed file"):
        read_header(content, WHERE)


def test_the_environment_gives_passphrase_and_key_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_PASSPHRASE", "p")
    monkeypatch.setenv("GRADER_KEY_FILE", "/k")
    unlock = unlock_from_environment()
    assert (unlock.passphrase and unlock.passphrase(), unlock.key_file) == ("p", Path("/k"))
    monkeypatch.delenv("GRADER_PASSPHRASE")
    monkeypatch.delenv("GRADER_KEY_FILE")
    assert unlock_from_environment() == Unlock()
