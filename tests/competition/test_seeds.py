import hashlib

import numpy as np
import pytest

from competition import seeds

SEED_42_FOLDS = [13295513294010352718, 3696306538931509724, 3247686537042611955]


def test_a_stream_is_the_same_on_every_machine() -> None:
    numbers = seeds.keys(42, "folds", 3)
    assert numbers.tolist() == SEED_42_FOLDS
    assert seeds.stream(42, "folds").bit_generator.random_raw(1)[0] == SEED_42_FOLDS[0]


def test_a_secret_stream_is_shake_256_of_secret_seed_and_name(secret: bytes) -> None:
    expected = hashlib.shake_256(secret + b"42\0parts").digest(16)
    numbers = seeds.secret_keys(secret, 42, "parts", 2)
    assert numbers.tolist() == [int.from_bytes(expected[:8], "little"), int.from_bytes(expected[8:], "little")]


def test_streams_of_other_names_seeds_and_secrets_differ(secret: bytes) -> None:
    base = seeds.secret_keys(secret, 42, "parts", 4).tolist()
    assert base != seeds.secret_keys(secret, 42, "order", 4).tolist()
    assert base != seeds.secret_keys(secret, 43, "parts", 4).tolist()
    assert base != seeds.secret_keys(secret[::-1], 42, "parts", 4).tolist()
    assert seeds.keys(1, "a", 4).tolist() != seeds.keys(1, "b", 4).tolist()
    assert seeds.keys(1, "a", 4).tolist() != seeds.keys(2, "a", 4).tolist()


def test_a_longer_stream_begins_like_a_shorter_one(secret: bytes) -> None:
    assert seeds.keys(7, "x", 10)[:3].tolist() == seeds.keys(7, "x", 3).tolist()
    assert seeds.secret_keys(secret, 7, "x", 10)[:3].tolist() == seeds.secret_keys(secret, 7, "x", 3).tolist()


def test_an_order_is_a_permutation_sorted_by_key() -> None:
    keys = seeds.keys(42, "order", 1000)
    order = seeds.order(keys)
    assert sorted(order.tolist()) == list(range(1000))
    assert (np.diff(keys[order].astype(object)) > 0).all()


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seeds.secret_keys(b"short", 42, "parts", 1)
