"""Secret content in a file that may lie anywhere: AES-256-GCM under a passphrase (scrypt) or a key file."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from competition.durable import write_file
from competition.errors import UserError
from competition.private import check_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = "competition vault, sealed, 1"
PASSPHRASE_VARIABLE = "GRADER_PASSPHRASE"
KEY_FILE_VARIABLE = "GRADER_KEY_FILE"

# OWASP's first choice for scrypt: 128 MiB and about 0.4 s a guess.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**17, 8, 1
_SCRYPT_N_MOST = 2**20  # a hostile file must not be able to ask for more memory than this takes: 1 GiB


@dataclass(frozen=True, slots=True)
class Unlock:
    """How sealed content is opened and closed: a key file where one is given, else a passphrase.

    Attributes:
        passphrase: asks for it; called only when something sealed is met, and once at most.
        key_file: a file made by `write_key_file`.
    """

    passphrase: Callable[[], str] | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if self.passphrase is not None:
            object.__setattr__(self, "passphrase", cache(self.passphrase))


def unlock_from_environment() -> Unlock:
    """The passphrase in `GRADER_PASSPHRASE` or the key file that `GRADER_KEY_FILE` names, if any."""
    phrase = os.environ.get(PASSPHRASE_VARIABLE)
    key_file = os.environ.get(KEY_FILE_VARIABLE)
    return Unlock((lambda: phrase) if phrase else None, Path(key_file) if key_file else None)


def write_key_file(path: Path) -> None:
    """Make a new random key file, readable by its owner alone.

    Raises:
        UserError: there is a file already; a lost key is a lost vault, so it is never overwritten.
    """
    if path.exists():
        raise UserError(f"{path}: is there already and is not overwritten; choose another name")
    write_file(path, base64.urlsafe_b64encode(secrets.token_bytes(32)) + b"\n", mode=0o600)


def seal(content: bytes, purpose: str, unlock: Unlock) -> bytes:
    """`content` encrypted, as JSON text; `purpose` says what it is and must be the same when it is opened.

    Raises:
        UserError: neither a passphrase nor a key file is given.
    """
    header: dict[str, Any] = {"format": FORMAT, "purpose": purpose, "nonce": _text(secrets.token_bytes(12))}
    if unlock.key_file is not None:
        header["key"] = "file"
    else:
        header |= {"key": "scrypt", "n": _SCRYPT_N, "r": _SCRYPT_R, "p": _SCRYPT_P}
        header["salt"] = _text(secrets.token_bytes(16))
    cipher = _cipher(header, unlock, purpose)
    ciphertext = cipher.encrypt(_bytes(header["nonce"]), content, _bound(header))
    return (json.dumps(header | {"ciphertext": _text(ciphertext)}, indent=1, sort_keys=True) + "\n").encode()


def unseal(sealed: bytes, purpose: str, unlock: Unlock, where: Path) -> bytes:
    """What `seal` was given.

    Raises:
        UserError: the passphrase or key is missing or wrong, or the file is damaged or of another purpose.
    """
    from cryptography.exceptions import InvalidTag

    header = read_header(sealed, where)
    if header["purpose"] != purpose:
        raise UserError(f"{where}: holds {header['purpose']!r}, not {purpose!r}")
    ciphertext = _bytes(header.pop("ciphertext"))
    cipher = _cipher(header, unlock, str(where))
    try:
        return cipher.decrypt(_bytes(header["nonce"]), ciphertext, _bound(header))
    except InvalidTag:
        tried = "key file" if header["key"] == "file" else "passphrase"
        raise UserError(f"{where}: the {tried} does not open it, or the file is damaged") from None


def read_header(sealed: bytes, where: Path) -> dict[str, Any]:
    """The readable part of sealed content, with its `ciphertext`, checked for form but not for truth.

    Raises:
        UserError: it is nothing that `seal` wrote.
    """
    try:
        header = json.loads(sealed)
        _bytes(header["ciphertext"])
        _bytes(header.get("salt", ""))
        fits = header["format"] == FORMAT and isinstance(header["purpose"], str) and len(_bytes(header["nonce"])) == 12
        if header["key"] == "scrypt":
            n, r, p = header["n"], header["r"], header["p"]
            fits = fits and n in {2**power for power in range(14, 21)} and r in range(1, 9) and p in range(1, 5)
        else:
            fits = fits and header["key"] == "file"
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        fits = False
    if not fits:
        raise UserError(f"{where}: is no sealed file of a vault, or it is damaged")
    return dict(header)


def _cipher(header: Mapping[str, Any], unlock: Unlock, what: str) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if header["key"] == "file":
        return AESGCM(_key_from_file(unlock.key_file, what))
    if unlock.passphrase is None:
        raise UserError(f"{what}: needs a passphrase; set {PASSPHRASE_VARIABLE}, or {KEY_FILE_VARIABLE} for a key file")
    phrase = unlock.passphrase()
    if not phrase:
        raise UserError(f"{what}: the passphrase is empty")
    n, r, p = header["n"], header["r"], header["p"]
    memory = 128 * n * r * p + 2**20
    return AESGCM(hashlib.scrypt(phrase.encode(), salt=_bytes(header["salt"]), n=n, r=r, p=p, maxmem=memory, dklen=32))


def _key_from_file(path: Path | None, what: str) -> bytes:
    if path is None:
        raise UserError(f"{what}: needs its key file; set {KEY_FILE_VARIABLE}")
    check_private(path)
    try:
        key = base64.urlsafe_b64decode(path.read_bytes().strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise UserError(f"{path}: is no key file; `grader vault key` makes one")
    return key


def _bound(header: Mapping[str, Any]) -> bytes:
    """The header as the cipher authenticates it: no part of it can be changed unnoticed."""
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
