import hashlib
import io
import re

import numpy as np
import pandas as pd

from competition.identifiers import draw_ids

ID_HASH = "2467f267c5d493887f2717b2baf87e8f9b4cad8c9282dcb2caead11a715755d4"


def test_ids_are_twelve_hex_characters_and_begin_with_a_letter(secret: bytes) -> None:
    assert all(re.fullmatch(r"[a-f][0-9a-f]{11}", item) for item in draw_ids(secret, 42, 5000))


def test_two_hundred_thousand_ids_all_differ(secret: bytes) -> None:
    assert len(set(draw_ids(secret, 42, 200_000))) == 200_000


def test_ids_are_the_same_on_every_machine(secret: bytes) -> None:
    ids = draw_ids(secret, 42, 1000)
    assert hashlib.sha256("\n".join(ids).encode()).hexdigest() == ID_HASH


def test_another_secret_gives_other_ids(secret: bytes) -> None:
    assert not set(draw_ids(secret, 42, 1000)) & set(draw_ids(secret[::-1], 42, 1000))


def test_every_character_is_evenly_spread(secret: bytes) -> None:
    letters = np.array([list(item) for item in draw_ids(secret, 1, 48_000)])
    for position in range(12):
        _, counts = np.unique(letters[:, position], return_counts=True)
        assert len(counts) == (6 if position == 0 else 16)
        expected = 48_000 / len(counts)
        assert ((counts - expected) ** 2 / expected).sum() < 45  # chi square, 15 degrees: p = 1e-4


def test_pandas_reads_ids_as_the_text_they_are(secret: bytes) -> None:
    ids = draw_ids(secret, 42, 5000)
    assert pd.read_csv(io.StringIO("id\n" + "\n".join(ids)))["id"].tolist() == ids


def test_no_ids_at_all_can_be_drawn(secret: bytes) -> None:
    assert draw_ids(secret, 42, 0) == []
