"""Random numbers that are the same on every machine: one stream a name, from the spec's seed or the vault's secret.

A new name never shifts another stream. Orders are made by sorting raw 64-bit numbers instead of by
`Generator.permutation`, whose algorithm numpy may change between versions; the raw stream of PCG64 is guaranteed.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from competition.layout import SECRET_BYTES


def _sequence(seed: int, name: str) -> np.random.SeedSequence:
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    words = tuple(int(word) for word in np.frombuffer(digest, dtype="<u4"))
    return np.random.SeedSequence(seed, spawn_key=words)


def stream(seed: int, name: str) -> np.random.Generator:
    """The stream called `name` of a spec's seed: `stream(42, "bootstrap").integers(10)`."""
    return np.random.Generator(np.random.PCG64(_sequence(seed, name)))


def keys(seed: int, name: str, count: int) -> NDArray[np.uint64]:
    """`count` sort keys of 64 bits that anyone who knows the seed can repeat."""
    return np.asarray(np.random.PCG64(_sequence(seed, name)).random_raw(count), dtype=np.uint64)


def secret_keys(secret: bytes, seed: int, name: str, count: int) -> NDArray[np.uint64]:
    """`count` sort keys of 64 bits that only the holder of the secret can repeat.

    They come from SHAKE-256, not from PCG64: part of them is published as ids, and the state of PCG64 can be
    computed from its output.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes, not {len(secret)}")
    message = secret + f"{seed}\0{name}".encode()
    return np.frombuffer(hashlib.shake_256(message).digest(8 * count), dtype="<u8").astype(np.uint64)


def order(sort_keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The order that the keys bring N items into: a permutation of 0..N-1."""
    return np.argsort(sort_keys, kind="stable").astype(np.int64)
