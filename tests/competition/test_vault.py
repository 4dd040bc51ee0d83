import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from competition.errors import UserError
from competition.sealed import Unlock, seal, write_key_file
from competition.vault import Vault, import_vault, make_vault, open_vault

SOLUTION = b"id,label,Usage\na1,cat,Public\nb2,dog,Private\n"


@pytest.fixture
def key(tmp_path: Path) -> Unlock:
    write_key_file(tmp_path / "vault.key")
    return Unlock(key_file=tmp_path / "vault.key")


@pytest.fixture
def vault(tmp_path: Path, key: Unlock) -> Vault:
    """A vault whose solution and rules came in with a bundle."""
    vault = make_vault(tmp_path / "home", "pets", key)
    put_in_place(vault, tmp_path / "data" / "pets", SOLUTION, "p1")
    return vault


def put_in_place(vault: Vault, bundle: Path, solution: bytes, preparation: str) -> None:
    note = {"bundle": str(bundle), "preparation": preparation, "fingerprint": "f"}
    vault.stage(solution, {"rules.json": b"{}\n"}, note)
    bundle.mkdir(parents=True, exist_ok=True)
    (bundle / "manifest.json").write_text(json.dumps({"preparation": preparation}))
    vault.settle()


def test_folder_and_files_are_for_the_owner_alone(vault: Vault) -> None:
    assert vault.folder.stat().st_mode & 0o777 == 0o700
    for path in vault.folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_the_solution_is_read_back(vault: Vault, tmp_path: Path) -> None:
    assert open_vault(tmp_path / "home", "pets").read_solution() == SOLUTION
    assert vault.prepared()["preparation"] == "p1"


def test_the_secret_is_made_once_and_stays(vault: Vault, tmp_path: Path, key: Unlock) -> None:
    assert len(vault.read_secret()) == 32
    assert make_vault(tmp_path / "home", "pets", key).read_secret() == vault.read_secret()
    assert make_vault(tmp_path / "home", "others", key).read_secret() != vault.read_secret()


@pytest.mark.parametrize("name", ["solution.csv", "secret.key"])
def test_a_file_open_to_others_is_refused(vault: Vault, name: str) -> None:
    (vault.folder / name).chmod(0o640)
    with pytest.raises(UserError, match=f"{name}: open to other users.*chmod 600"):
        vault.read_solution() if name == "solution.csv" else vault.read_secret()


def test_a_folder_open_to_others_is_refused(vault: Vault, tmp_path: Path) -> None:
    vault.folder.chmod(0o750)
    with pytest.raises(UserError, match="chmod 700"):
        vault.read_solution()
    with pytest.raises(UserError, match="chmod 700"):
        open_vault(tmp_path / "home", "pets")


def test_a_missing_vault_solution_or_secret_gets_one_line(vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no vault here; run `grader prepare none`"):
        open_vault(tmp_path / "home", "none")
    (vault.folder / "solution.csv").unlink()
    with pytest.raises(UserError, match="run `grader prepare pets` first"):
        vault.read_solution()
    (vault.folder / "secret.key").write_text("not hex")
    with pytest.raises(UserError, match="is damaged"):
        vault.read_secret()


def test_a_sealed_vault_holds_no_plain_secret_and_opens_with_its_key(vault: Vault, tmp_path: Path) -> None:
    secret = vault.read_secret()
    vault.encrypt()
    assert vault.is_sealed
    assert not (vault.folder / "solution.csv").exists()
    for path in vault.folder.iterdir():
        content = path.read_bytes()
        assert b"a1,cat" not in content
        assert secret.hex().encode() not in content
    assert vault.read_solution() == SOLUTION
    assert vault.read_secret() == secret
    with pytest.raises(UserError, match="needs its key file"):
        open_vault(tmp_path / "home", "pets", Unlock()).read_solution()
    vault.decrypt()
    assert not vault.is_sealed
    assert (vault.folder / "solution.csv").read_bytes() == SOLUTION
    assert not list(vault.folder.glob("*.enc"))


def test_a_new_solution_of_a_sealed_vault_is_sealed_too(vault: Vault, tmp_path: Path) -> None:
    vault.encrypt()
    put_in_place(vault, tmp_path / "data" / "pets", SOLUTION + b"c3,dog,Public\n", "p2")
    assert not (vault.folder / "solution.csv").exists()
    assert vault.read_solution().endswith(b"c3,dog,Public\n")


def test_the_next_state_counts_only_once_its_bundle_is_in_place(vault: Vault, tmp_path: Path) -> None:
    bundle = tmp_path / "data" / "pets"
    vault.stage(b"new", {"rules.json": b"new"}, {"bundle": str(bundle), "preparation": "p2", "fingerprint": "f"})
    assert open_vault(tmp_path / "home", "pets").read_solution() == SOLUTION
    (bundle / "manifest.json").write_text(json.dumps({"preparation": "p2"}))
    settled = open_vault(tmp_path / "home", "pets")
    assert settled.read_solution() == b"new"
    assert settled.rules_path.read_bytes() == b"new"
    assert not (vault.folder / "next").exists()


def test_a_half_moved_state_is_taken_to_its_end(vault: Vault, tmp_path: Path) -> None:
    bundle = tmp_path / "data" / "pets"
    vault.stage(b"new", {"rules.json": b"new"}, {"bundle": str(bundle), "preparation": "p2", "fingerprint": "f"})
    (bundle / "manifest.json").write_text(json.dumps({"preparation": "p2"}))
    (vault.folder / "next" / "rules.json").replace(vault.folder / "rules.json")
    assert open_vault(tmp_path / "home", "pets").read_solution() == b"new"


def test_an_export_travels_to_another_machine(vault: Vault, tmp_path: Path, key: Unlock) -> None:
    (vault.folder / "metric.py").write_text("def score(solution, submission, row_id_column_name): return 1.0\n")
    exported = tmp_path / "pets.vault"
    exported.write_bytes(vault.export())
    assert b"a1,cat" not in exported.read_bytes()
    other = import_vault(tmp_path / "other", exported, key)
    assert other.read_solution() == SOLUTION
    assert other.read_secret() == vault.read_secret()
    assert other.rules_path.read_bytes() == vault.rules_path.read_bytes()
    assert (other.folder / "metric.py").exists()
    assert other.folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(UserError, match="has a vault already"):
        import_vault(tmp_path / "other", exported, key)
    assert import_vault(tmp_path / "other", exported, key, replace=True).prepared() == {}


def test_a_vault_is_exported_under_a_passphrase_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    phrase = Unlock(passphrase=lambda: "open sesame")
    vault = make_vault(tmp_path / "home", "pets", phrase)
    vault.store("solution.csv", SOLUTION)
    (tmp_path / "pets.vault").write_bytes(vault.export())
    with pytest.raises(UserError, match="passphrase does not open it"):
        import_vault(tmp_path / "other", tmp_path / "pets.vault", Unlock(passphrase=lambda: "wrong"))
    assert not (tmp_path / "other").exists()
    assert import_vault(tmp_path / "other", tmp_path / "pets.vault", phrase).read_solution() == SOLUTION


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "next", "a/b.py", "prepared.json", "..", "sub\\x"])
def test_an_export_cannot_write_outside_its_vault(tmp_path: Path, key: Unlock, name: str) -> None:
    hostile = json.dumps({"competition": "pets", "files": {name: "x"}}).encode()
    (tmp_path / "pets.vault").write_bytes(seal(hostile, "vault of pets", key))
    with pytest.raises(UserError, match="belong in no vault"):
        import_vault(tmp_path / "other", tmp_path / "pets.vault", key)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("content", [b"[]", b"null", b"{}", b'{"files": []}', b'{"files": {"rules.json": 5}}', b"\xff"])
def test_an_export_of_another_form_is_refused(tmp_path: Path, key: Unlock, content: bytes) -> None:
    (tmp_path / "pets.vault").write_bytes(seal(content, "vault of pets", key))
    with pytest.raises(UserError):
        import_vault(tmp_path / "other", tmp_path / "pets.vault", key)


def test_a_file_that_is_no_export_is_refused(tmp_path: Path, key: Unlock) -> None:
    (tmp_path / "a.csv").write_text("id,label\n")
    (tmp_path / "evil").write_bytes(seal(b"{}", "vault of ../evil", key))
    for path in (tmp_path / "a.csv", tmp_path / "evil", tmp_path / "missing", tmp_path):
        with pytest.raises(UserError):
            import_vault(tmp_path / "other", path, key)


def test_a_second_prepare_is_kept_out(vault: Vault) -> None:
    code = (
        "import sys; from pathlib import Path; from competition.vault import open_vault\n"
        "with open_vault(Path(sys.argv[1]), 'pets').lock(): pass\n"
    )
    command = [sys.executable, "-c", code, str(vault.folder.parents[1])]
    with vault.lock():
        run = subprocess.run(command, capture_output=True, text=True)
        assert "another `grader prepare` is at work" in run.stderr
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_reading_a_plain_solution_imports_neither_cryptography_nor_yaml(vault: Vault) -> None:
    code = (
        "import sys; from pathlib import Path; from competition.vault import open_vault\n"
        "open_vault(Path(sys.argv[1]), 'pets').read_solution()\n"
        "print({'cryptography', 'yaml', 'pydantic', 'polars', 'PIL'} & set(sys.modules))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(vault.folder.parents[1])], capture_output=True, text=True, check=True
    )
    assert run.stdout == "set()\n"


def test_a_vault_never_shows_its_passphrase(tmp_path: Path) -> None:
    vault = make_vault(tmp_path, "pets", Unlock(passphrase=lambda: "open sesame"))
    assert "sesame" not in repr(vault)
    assert "unlock" not in repr(vault)
    assert os.fspath(vault.folder) in repr(vault)


def test_a_person_is_asked_for_the_passphrase_once(tmp_path: Path) -> None:
    asked = []

    def ask() -> str:
        asked.append("?")
        return "open sesame" if len(asked) == 1 else "another by mistake"

    vault = make_vault(tmp_path, "pets", Unlock(passphrase=ask))
    vault.store("solution.csv", SOLUTION)
    vault.encrypt()
    assert vault.read_solution() == SOLUTION
    assert len(vault.read_secret()) == 32
    assert asked == ["?"]
