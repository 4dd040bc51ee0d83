"""The ids of items: random text that tells neither the class, the order nor the place in the source."""

import numpy as np
from numpy.typing import NDArray

from competition.seeds import secret_keys

ID_LENGTH = 12
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def draw_ids(secret: bytes, seed: int, count: int) -> list[str]:
    """`count` different ids of 12 hex characters, keyed by the vault's secret.

    The first character is always a letter: a spreadsheet turns `000123456789` into a number and `12e345678901`
    into infinity, and the id is gone.
    """
    # Among a million ids of 46.6 bits about five collide: the spare ones take their place.
    numbers = secret_keys(secret, seed, "ids", count + count // 1000 + 64)
    characters = np.empty((len(numbers), ID_LENGTH), dtype=np.uint8)
    characters[:, 0] = _HEX[10 + numbers % np.uint64(6)]
    for position in range(1, ID_LENGTH):
        characters[:, position] = _HEX[_nibble(numbers, position)]
    texts = characters.view(f"S{ID_LENGTH}").ravel()
    _, first = np.unique(texts, return_index=True)
    kept = texts[np.sort(first)[:count]]
    if len(kept) < count:
        raise ValueError(f"{count} items are too many for ids of {ID_LENGTH} characters")
    return [text.decode() for text in kept.tolist()]


def _nibble(numbers: NDArray[np.uint64], position: int) -> NDArray[np.uint64]:
    return (numbers >> np.uint64(4 * (position + 4))) & np.uint64(15)
