"""The vault of a competition: the solution and the secret that keys the split, for the instructor's eyes alone.

`GRADER_HOME/vault/<competition>/` holds `solution.csv` and `secret.key`, plain or sealed (`.enc`), with `rules.json`
and `prepared.json`, which says what bundle they belong to. The folder `next/` holds their next state while
`grader prepare` moves from one to the other.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from competition.catalog import check_name
from competition.durable import flush_folder, folder_aside, put_folder, write_file
from competition.errors import UserError
from competition.layout import MANIFEST, SECRET_BYTES, SOLUTION, vault_folder
from competition.preparation import json_bytes
from competition.private import FILE_MODE, FOLDER_MODE, check_private, make_private_folder
from competition.rules import RULES_FILE
from competition.sealed import Unlock, read_header, seal, unlock_from_environment, unseal

SECRET = "secret.key"
PREPARED = "prepared.json"
SECRETS = (SOLUTION, SECRET)
NEXT = "next"
SEALED_SUFFIX = ".enc"
MAX_SEALED_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Vault:
    """An open vault. Its secret files are read through it alone, so that permissions are always checked."""

    name: str
    folder: Path
    unlock: Unlock = field(default_factory=unlock_from_environment, repr=False)

    @property
    def rules_path(self) -> Path:
        """The rules that the solution is scored by."""
        return self.folder / RULES_FILE

    @property
    def is_sealed(self) -> bool:
        """Whether secrets are encrypted at rest."""
        return not (self.folder / SECRET).exists() and (self.folder / (SECRET + SEALED_SUFFIX)).exists()

    @property
    def has_solution(self) -> bool:
        """Whether there is a solution, sealed or not."""
        return SOLUTION in self._present()

    def read_solution(self) -> bytes:
        """The solution as CSV: `id,label,Usage`.

        Raises:
            UserError: there is none, others can read it, or it is sealed and cannot be opened.
        """
        return self._read(SOLUTION)

    def read_secret(self) -> bytes:
        """The 32 bytes that key test membership, order and ids."""
        try:
            secret = bytes.fromhex(self._read(SECRET).decode())
        except ValueError:
            secret = b""
        if len(secret) != SECRET_BYTES:
            raise UserError(f"{self.folder / SECRET}: is damaged; restore it from your copy of the vault")
        return secret

    def prepared(self) -> dict[str, Any]:
        """What the last `grader prepare` noted: `preparation`, `fingerprint` and `bundle`; empty before the first."""
        return _read_json(self.folder / PREPARED)

    def encrypt(self) -> None:
        """Seal every secret file at rest; from now on reading needs the passphrase or the key file."""
        for name in self._present():
            self.store(name, self._read(name), sealed=True)

    def decrypt(self) -> None:
        """Keep the secret files as plain text again, guarded by permissions alone."""
        for name in self._present():
            self.store(name, self._read(name), sealed=False)

    def store(self, name: str, content: bytes, sealed: bool | None = None) -> None:
        """Write a secret file in one step, sealed when the vault is (or as asked), and drop its other form."""
        kept, content = self._form(name, content, self.is_sealed if sealed is None else sealed)
        write_file(self.folder / kept, content, FILE_MODE)
        (self.folder / _other_form(kept)).unlink(missing_ok=True)
        flush_folder(self.folder)

    def stage(self, solution: bytes, public_files: Mapping[str, bytes], prepared: Mapping[str, Any]) -> None:
        """Write the next state of the vault into `next/`; it counts once the bundle named in `prepared` is in place."""
        self.unstage()
        building = self.folder / f".{NEXT}"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(mode=FOLDER_MODE)
        staged = dict(
            [self._form(SOLUTION, solution, self.is_sealed), (PREPARED, json_bytes(prepared))], **public_files
        )
        for name, content in staged.items():
            write_file(building / name, content, FILE_MODE)
        building.rename(self.folder / NEXT)
        flush_folder(self.folder)

    def unstage(self) -> None:
        """Throw away a next state that never came to count."""
        shutil.rmtree(self.folder / NEXT, ignore_errors=True)

    def settle(self) -> None:
        """Bring in the next state if its bundle is in place: also after an interruption between the two."""
        staged = self.folder / NEXT
        noted = _read_json(staged / PREPARED)
        if not noted or _read_json(Path(noted["bundle"]) / MANIFEST).get("preparation") != noted["preparation"]:
            return
        # The note goes last: as long as it is in `next/`, an interrupted move is taken up again here.
        for path in sorted(staged.iterdir(), key=lambda path: path.name == PREPARED):
            _move(path, self.folder / path.name)
            (self.folder / _other_form(path.name)).unlink(missing_ok=True)
        flush_folder(self.folder)
        shutil.rmtree(staged, ignore_errors=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second `grader prepare` of this competition out until the end of the block.

        Raises:
            UserError: one is at work.
        """
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{self.name}: another `grader prepare` is at work on it; wait for its end") from None
            yield
        finally:
            os.close(descriptor)

    def export(self) -> bytes:
        """The solution, the secret and the rules as one sealed file that may lie in a public place."""
        texts = {name: self._read(name).decode() for name in self._present()}
        texts |= {path.name: path.read_text() for path in _public_files(self.folder)}
        return seal(json_bytes({"competition": self.name, "files": texts}), f"vault of {self.name}", self.unlock)

    def _read(self, name: str) -> bytes:
        check_private(self.folder)
        plain, closed = self.folder / name, self.folder / _other_form(name)
        if plain.exists():
            check_private(plain)
            return plain.read_bytes()
        if closed.exists():
            check_private(closed)
            return unseal(closed.read_bytes(), self._purpose(name), self.unlock, closed)
        raise UserError(f"{plain}: no such file; run `grader prepare {self.name}` first")

    def _form(self, name: str, content: bytes, sealed: bool) -> tuple[str, bytes]:
        """The file name and the bytes that a secret file is kept as."""
        if not sealed:
            return name, content
        return name + SEALED_SUFFIX, seal(content, self._purpose(name), self.unlock)

    def _present(self) -> list[str]:
        return [name for name in SECRETS if any((self.folder / form).exists() for form in (name, _other_form(name)))]

    def _purpose(self, name: str) -> str:
        return f"{name} of {self.name}"


def open_vault(home: Path, name: str, unlock: Unlock | None = None) -> Vault:
    """The vault of the competition `name` below `GRADER_HOME`; takes an interrupted `prepare` to its end.

    Raises:
        UserError: there is none, or others can look into it.
    """
    folder = vault_folder(home, name)
    if not folder.is_dir():
        raise UserError(f"{folder}: no vault here; run `grader prepare {name}` first")
    check_private(folder)
    vault = Vault(name, folder, unlock or unlock_from_environment())
    vault.settle()
    return vault


def make_vault(home: Path, name: str, unlock: Unlock | None = None) -> Vault:
    """The vault of the competition `name`, made with a new secret where there is none."""
    folder = vault_folder(home, name)
    make_private_folder(folder)
    vault = open_vault(home, name, unlock)
    if not (folder / SECRET).exists() and not vault.is_sealed:
        import secrets  # here alone: the path that scores a file has no use for it

        vault.store(SECRET, (secrets.token_hex(SECRET_BYTES) + "\n").encode())
    return vault


def import_vault(home: Path, file: Path, unlock: Unlock | None = None, replace: bool = False) -> Vault:
    """Take in a file that `Vault.export` wrote.

    Raises:
        UserError: it cannot be opened, or the competition has a vault and `replace` is not given.
    """
    unlock = unlock or unlock_from_environment()
    name, files = _opened_export(file, unlock)
    folder = vault_folder(home, name)
    if folder.exists() and not replace:
        raise UserError(f"{folder}: has a vault already; --replace takes the imported one instead")
    # Without `prepared.json` the next `grader prepare` builds the bundle anew, from the imported secret.
    with folder_aside(folder) as aside:
        aside.chmod(FOLDER_MODE)
        for file_name, content in files.items():
            write_file(aside / file_name, content.encode(), FILE_MODE)
        put_folder(aside, folder)
    return Vault(name, folder, unlock)


def _opened_export(file: Path, unlock: Unlock) -> tuple[str, dict[str, str]]:
    try:
        if file.stat().st_size > MAX_SEALED_BYTES:
            raise UserError(f"{file}: larger than 1 GiB, so no exported vault")
        sealed = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from None
    purpose = read_header(sealed, file)["purpose"]
    name = purpose.removeprefix("vault of ")
    check_name(name)
    files = _files_in(unseal(sealed, purpose, unlock, file))
    if not files or not all(_belongs(known) for known in files):
        raise UserError(f"{file}: holds files that belong in no vault")
    return name, files


def _files_in(content: bytes) -> dict[str, str]:
    """The files of an export, or none where it has another form."""
    try:
        files = json.loads(content)["files"]
        return dict(files) if all(isinstance(text, str) for text in files.values()) else {}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _public_files(folder: Path) -> list[Path]:
    """The rules, and a custom metric beside them."""
    return [path for path in sorted(folder.iterdir()) if _belongs(path.name) and path.name not in SECRETS]


def _belongs(name: str) -> bool:
    """Whether a file of this name is a part of a vault that travels with it."""
    return name in (*SECRETS, RULES_FILE) or (name.endswith(".py") and Path(name).name == name)


def _other_form(name: str) -> str:
    """The name of the sealed form of a plain file, and of the plain form of a sealed one."""
    return name.removesuffix(SEALED_SUFFIX) if name.endswith(SEALED_SUFFIX) else name + SEALED_SUFFIX


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except FileNotFoundError:
        if not target.exists():  # else another reader settled the same state a moment ago
            raise


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
