"""The mark that ties a bundle, its solution and the vault's secret to one call of `grader prepare`."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def json_bytes(content: object) -> bytes:
    """JSON for people and for digests: keys sorted, indented, the same bytes for the same content."""
    return (json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def preparation_mark(files: Mapping[str, Any], solution: bytes, secret: bytes) -> str:
    """The mark that manifest and vault bear. Keyed with the secret, it tells nothing about the solution.

    Args:
        files: name, size and checksum of the bundle's files, as the manifest notes them.
        solution: the bytes of `solution.csv`.
        secret: the vault's secret.
    """
    return hashlib.blake2b(json_bytes(files) + solution, key=secret, digest_size=16).hexdigest()
