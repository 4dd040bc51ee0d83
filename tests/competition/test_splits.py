import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from competition import seeds, splits

FONTCHAR_HASHES = [
    "f6b047372f9f983adcaacba1bc62738de9a3cddf45c9591615630ebb8e13bb75",
    "10689ebb5341f4b5d05868c2f9238624e7af6c0472553f1690b8939fd17d5862",
]

weights = st.lists(st.integers(0, 100), min_size=2, max_size=4).filter(lambda parts: sum(parts) > 0)
sizes = st.lists(st.integers(0, 60), min_size=1, max_size=12).filter(lambda classes: sum(classes) > 0)


def items(class_sizes: list[int], seed: int) -> tuple[splits.Ints, splits.Keys]:
    """Items of the given class sizes, mixed, with keys."""
    strata = np.repeat(np.arange(len(class_sizes)), class_sizes)
    keys = seeds.keys(seed, "test", len(strata))
    return strata[seeds.order(keys[::-1])], keys


@given(sizes, weights)
def test_quotas_share_out_every_item_within_one_of_the_ratio(class_sizes: list[int], parts: list[int]) -> None:
    quotas = splits.quotas(class_sizes, parts)
    assert quotas.sum(axis=0).tolist() == class_sizes
    for column, size in zip(quotas.T.tolist(), class_sizes, strict=True):
        for count, weight in zip(column, parts, strict=True):
            assert abs(count * sum(parts) - size * weight) < sum(parts)


@given(sizes, st.integers(1, 99))
def test_the_totals_of_two_parts_keep_the_ratio_too(class_sizes: list[int], percent: int) -> None:
    first, _ = splits.quotas(class_sizes, [percent, 100 - percent]).sum(axis=1).tolist()
    assert abs(first * 100 - sum(class_sizes) * percent) <= 100


def test_many_small_classes_do_not_all_round_the_same_way() -> None:
    assert splits.quotas([3] * 10, [1, 1]).sum(axis=1).tolist() == [15, 15]
    assert splits.quotas([1] * 300, [70, 15, 15]).sum(axis=1).tolist() == [210, 45, 45]


def test_a_hundredth_of_a_large_set_is_a_hundredth() -> None:
    assert splits.quotas([5000] * 10, [98, 1, 1]).tolist() == [[4900] * 10, [50] * 10, [50] * 10]


@given(sizes, weights, st.integers(0, 5))
def test_a_stratified_split_gives_each_part_its_quota_of_each_class(
    class_sizes: list[int], parts: list[int], seed: int
) -> None:
    strata, keys = items(class_sizes, seed)
    targets = splits.quotas(class_sizes, parts)
    assigned = splits.stratified(strata, keys, targets)
    for part in range(len(parts)):
        assert np.bincount(strata[assigned == part], minlength=len(class_sizes)).tolist() == targets[part].tolist()
    assert (assigned >= 0).all()


@given(sizes, weights, st.integers(0, 5))
def test_moving_items_with_their_keys_moves_the_split_with_them(
    class_sizes: list[int], parts: list[int], seed: int
) -> None:
    strata, keys = items(class_sizes, seed)
    groups = np.arange(len(strata)) // 3
    moved = np.random.default_rng(seed).permutation(len(strata))
    targets = splits.quotas(class_sizes, parts)
    plain = splits.stratified(strata, keys, targets)
    assert splits.stratified(strata[moved], keys[moved], targets).tolist() == plain[moved].tolist()
    whole = splits.grouped(groups, strata, keys, targets)
    assert splits.grouped(groups[moved], strata[moved], keys[moved], targets).tolist() == whole[moved].tolist()


def test_items_beyond_exact_counts_are_left_unused() -> None:
    strata, keys = items([10, 12], 0)
    assigned = splits.stratified(strata, keys, np.array([[5, 5], [2, 2], [2, 2]]))
    assert np.bincount(strata[assigned == splits.UNUSED]).tolist() == [1, 3]
    assert [np.bincount(strata[assigned == part]).tolist() for part in range(3)] == [[5, 5], [2, 2], [2, 2]]


def test_all_items_of_a_class_are_equally_likely_to_be_tested() -> None:
    strata = np.zeros(10, dtype=np.int64)
    targets = np.array([[7], [3]])
    tested = sum((splits.stratified(strata, seeds.keys(seed, "x", 10), targets) == 1) * 1 for seed in range(3000))
    expected = 3000 * 0.3
    assert (abs(tested - expected) < 5 * (expected * 0.7) ** 0.5).all()


@given(sizes, weights, st.integers(1, 9), st.integers(0, 5))
def test_a_group_is_never_torn_apart(class_sizes: list[int], parts: list[int], size: int, seed: int) -> None:
    strata, keys = items(class_sizes, seed)
    groups = seeds.order(keys) // size * 7
    assigned = splits.grouped(groups, strata, keys, splits.quotas(class_sizes, parts))
    assert len(assigned) == len(strata)
    assert set(assigned.tolist()) <= set(range(len(parts)))
    for group in np.unique(groups):
        assert len(set(assigned[groups == group].tolist())) == 1


def test_groups_of_one_item_meet_the_targets_exactly() -> None:
    strata, keys = items([50, 30, 20], 1)
    targets = splits.quotas([50, 30, 20], [60, 20, 20])
    assigned = splits.grouped(np.arange(100), strata, keys, targets)
    for part in range(3):
        assert np.bincount(strata[assigned == part]).tolist() == targets[part].tolist()


def test_equal_families_come_within_one_family_of_the_ratio() -> None:
    strata = np.repeat(np.arange(52), 1016)
    families = np.tile(np.arange(1016) // 4, 52)
    keys = seeds.keys(3, "families", len(strata))
    targets = splits.quotas([1016] * 52, [716, 150, 150])
    assigned = splits.grouped(families, strata, keys, targets)
    one_family = 4 * 52
    for part in range(3):
        assert abs(int((assigned == part).sum()) - int(targets[part].sum())) <= one_family


def test_groups_of_very_different_sizes_still_come_near_the_ratio() -> None:
    sizes_of_groups = [400, 200, 100] + [10] * 30
    groups = np.repeat(np.arange(len(sizes_of_groups)), sizes_of_groups)
    strata = np.arange(len(groups)) % 4
    assigned = splits.grouped(groups, strata, seeds.keys(5, "x", len(groups)), splits.quotas([250] * 4, [70, 15, 15]))
    share = np.bincount(assigned, minlength=3) / len(groups)
    assert abs(share - [0.70, 0.15, 0.15]).max() < 0.05


def test_large_groups_go_to_small_parts_too() -> None:
    sizes_of_groups = np.repeat([1, 2, 5, 20], [2000, 400, 200, 100])
    groups = np.repeat(np.arange(len(sizes_of_groups)), sizes_of_groups)
    strata = np.zeros(len(groups), dtype=np.int64)
    targets = splits.quotas([len(groups)], [70, 15, 15])
    assigned = splits.grouped(groups, strata, seeds.keys(1, "x", len(groups)), targets)
    for size in (1, 2, 5, 20):
        parts = np.bincount(assigned[sizes_of_groups[groups] == size], minlength=3) / (sizes_of_groups == size).sum()
        assert parts / size == pytest.approx([0.70, 0.15, 0.15], abs=0.02)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(0, 3))
def test_value_strata_follow_the_values_and_have_equal_sizes(values: list[float], seed: int) -> None:
    array = np.array(values)
    strata = splits.value_strata(array, seeds.keys(seed, "values", len(array)))
    counts = np.bincount(strata)
    assert counts.max() - counts.min() <= 1
    assert (np.diff(strata[np.lexsort((strata, array))]) >= 0).all()


@pytest.mark.parametrize(("share", "expected"), [(0.5, (1, 1)), (0.3, (3, 7)), (1.0, (1, 0)), (0.1, (1, 9))])
def test_a_share_is_read_as_the_decimal_that_was_written(share: float, expected: tuple[int, int]) -> None:
    assert splits.share_weights(share) == expected


def test_the_split_of_fontchar_is_the_same_on_every_machine(secret: bytes) -> None:
    strata = np.repeat(np.arange(52), 1016)
    keys = seeds.secret_keys(secret, 42, "parts", len(strata))
    targets = np.repeat(np.array([[716], [150], [150]]), 52, axis=1)
    random = splits.stratified(strata, keys, targets).astype("<i8")
    by_family = splits.grouped(np.tile(np.arange(1016) // 4, 52), strata, keys, targets).astype("<i8")
    hashes = [hashlib.sha256(assigned.tobytes()).hexdigest() for assigned in (random, by_family)]
    assert hashes == FONTCHAR_HASHES
