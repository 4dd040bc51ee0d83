import string
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from competition.assignment import encoded_targets
from competition.repeats import find_repeats, kept_items
from competition.sources import Pool, load_pool
from tests.competition.conftest import write_competition

contents = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=40)


def image_pool(numbers: list[int]) -> Pool:
    """A pool whose item i has the content `numbers[i]`."""
    distinct = np.random.default_rng(0).integers(0, 256, (7, 4, 3), dtype=np.uint8)
    return Pool(distinct[numbers], None, ["x"] * len(numbers), [str(place) for place in range(len(numbers))])


def table_pool(numbers: list[int]) -> Pool:
    table = pl.DataFrame({"a": [number % 3 for number in numbers], "b": [str(number) for number in numbers]})
    return Pool(None, table, ["x"] * len(numbers), [str(place) for place in range(len(numbers))])


@given(contents)
def test_equal_contents_get_equal_numbers_in_images_and_tables_alike(items: list[tuple[int, int]]) -> None:
    numbers, targets = [item[0] for item in items], np.array([item[1] for item in items])
    for pool in (image_pool(numbers), table_pool(numbers)):
        repeats = find_repeats(pool, targets)
        assert repeats.distinct == len(set(numbers))
        first_met = list(dict.fromkeys(numbers))
        assert repeats.content.tolist() == [first_met.index(number) for number in numbers]


@given(contents)
def test_conflicts_are_contents_with_two_labels_as_a_count_by_hand_says(items: list[tuple[int, int]]) -> None:
    repeats = find_repeats(image_pool([item[0] for item in items]), np.array([item[1] for item in items]))
    expected = [len({label for content, label in items if content == mine}) > 1 for mine, _ in items]
    assert repeats.conflicting.tolist() == expected


def test_missing_cells_are_equal_to_missing_cells() -> None:
    pool = Pool(None, pl.DataFrame({"a": [None, None, 1.0], "b": ["x", "x", "x"]}), ["1"] * 3, ["0", "1", "2"])
    assert find_repeats(pool, np.zeros(3, dtype=np.int64)).content.tolist() == [0, 0, 1]


def test_dropping_keeps_the_first_of_each_content_and_label() -> None:
    targets = np.array([0, 0, 1, 1, 2])
    repeats = find_repeats(image_pool([5, 5, 5, 3, 3]), targets)
    assert kept_items(repeats, targets, "keep", "keep").tolist() == [0, 1, 2, 3, 4]
    assert kept_items(repeats, targets, "drop", "keep").tolist() == [0, 2, 3, 4]
    assert kept_items(repeats, targets, "drop", "drop").tolist() == []
    assert kept_items(repeats, targets, "together", "keep").tolist() == [0, 1, 2, 3, 4]


def test_conflicts_can_be_dropped_while_repeats_are_kept() -> None:
    targets = np.array([0, 0, 1, 1])
    repeats = find_repeats(image_pool([5, 5, 2, 5]), targets)
    assert kept_items(repeats, targets, "keep", "drop").tolist() == [2]


def test_images_in_a_memory_map_and_in_another_order_of_axes_are_read_alike() -> None:
    images = np.random.default_rng(1).integers(0, 2, (50, 2, 2), dtype=np.uint8)
    turned = np.ascontiguousarray(images.transpose(2, 1, 0)).transpose(2, 1, 0)
    targets = np.zeros(50, dtype=np.int64)
    names = [str(place) for place in range(50)]
    plain, strided = (find_repeats(Pool(a, None, ["x"] * 50, names), targets) for a in (images, turned))
    assert plain.content.tolist() == strided.content.tolist()
    assert plain.distinct == len(np.unique(images.reshape(50, -1), axis=0))


@pytest.mark.slow
def test_the_repeats_of_chars74k_are_those_its_readers_counted(shared_data: Path, tmp_path: Path) -> None:
    labels = string.digits + string.ascii_uppercase + string.ascii_lowercase
    competition = write_competition(
        tmp_path / "chars",
        labels=list(labels),
        image={"height": 128, "width": 128, "channels": 1},
        source={"kind": "images"},
    )
    pool = load_pool(competition.spec, competition.folder, shared_data / "chars74k_fnt.zip")
    repeats = find_repeats(pool, encoded_targets(competition.spec, pool).astype(np.int64))
    assert len(pool) == 62 * 1016
    assert round(1 - repeats.distinct / len(pool), 2) == 0.19
    assert len(np.unique(repeats.content[repeats.conflicting])) == 796
