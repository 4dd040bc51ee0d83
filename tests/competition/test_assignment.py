import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from competition.assignment import Assignment, assign
from competition.errors import BadInputError
from competition.sources.pool import Pool
from competition.spec import CompetitionSpec
from tests.competition.conftest import write_competition

LABELS = ["circle", "cross", "square"]
HASHES = {
    "random": "63d8f6308b41b1d26893f69472622e67e45e4ebfd69057d3a0b5c4433efcd586",
    "group": "fea3ddcb693f625addcc6ab03175e94e1cd6e3c0780981a6a31415465445a2d0",
    "folds": "fc74424be9bff046d525a3aff694eddaa78817ec949ccefb445de506d52a3550",
    "together": "5af5d1016535a90379fa5a559a22deeb278ae90b061982ebe6b1109c7f144655",
    "drop": "abb408d71a49c2e991b7095260e46a765dd5c9cd61dd16f0b7120c84dd8e90b5",
}


@pytest.fixture
def spec_with(tmp_path: Path) -> Callable[..., CompetitionSpec]:
    def make(**changes: object) -> CompetitionSpec:
        return write_competition(tmp_path / "shapes", **changes).spec

    return make


def pool_of(counts: dict[str, int], repeat_every: int | None = None, group_size: int | None = None) -> Pool:
    """A pool with so many items a class; every so many items one repeats its neighbour."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 6, 5), dtype=np.uint8)
    if repeat_every:
        images[repeat_every::repeat_every] = images[repeat_every - 1 : -1 : repeat_every]
    groups = [str(place // group_size) for place in range(len(labels))] if group_size else None
    return Pool(images, None, labels, [f"item {place}" for place in range(len(labels))], groups)


def digest(assignment: Assignment) -> str:
    parts = [assignment.train, assignment.test, assignment.public]
    parts += [] if assignment.folds is None else [assignment.folds]
    content = b"".join(part.astype("<i8").tobytes() for part in parts)
    return hashlib.sha256(content + "".join(assignment.train_ids + assignment.test_ids).encode()).hexdigest()


@pytest.mark.parametrize("changes", [{}, {"parts": "80:20", "folds": 4}, {"parts": {"train": 9, "test": 4}}])
def test_every_item_is_used_once_at_most_and_ids_differ(
    spec_with: Callable[..., CompetitionSpec], secret: bytes, changes: dict[str, object]
) -> None:
    assignment = assign(spec_with(**changes), pool_of(dict.fromkeys(LABELS, 20)), secret)
    rows = [*assignment.train.tolist(), *assignment.test.tolist()]
    assert len(set(rows)) == len(rows)
    ids = assignment.train_ids + assignment.test_ids
    assert len(set(ids)) == len(ids) == len(rows)
    assert len(assignment.public) == len(assignment.test)


def test_ratios_hold_in_every_class(spec_with: Callable[..., CompetitionSpec], secret: bytes) -> None:
    pool = pool_of({"circle": 100, "cross": 50, "square": 25})
    assignment = assign(spec_with(parts="60:20:20"), pool, secret)
    labels = np.array(pool.labels)
    assert assignment.folds is not None
    for label, (train, validation, test) in {
        "circle": (60, 20, 20),
        "cross": (30, 10, 10),
        "square": (15, 5, 5),
    }.items():
        mine = labels[assignment.train] == label
        assert int((assignment.folds[mine] == 1).sum()) == train
        assert int((assignment.folds[mine] == 0).sum()) == validation
        assert int((labels[assignment.test] == label).sum()) == test
        assert abs(int((labels[assignment.test][assignment.public] == label).sum()) - test / 2) < 1


def test_exact_counts_leave_the_rest_unused(spec_with: Callable[..., CompetitionSpec], secret: bytes) -> None:
    assignment = assign(
        spec_with(parts={"train": 10, "validation": 3, "test": 5}), pool_of(dict.fromkeys(LABELS, 20)), secret
    )
    assert (len(assignment.train), len(assignment.test)) == (39, 15)


def test_folds_are_a_stratified_column_and_the_seed_alone_decides_them(
    spec_with: Callable[..., CompetitionSpec], secret: bytes
) -> None:
    pool = pool_of(dict.fromkeys(LABELS, 50))
    assignment = assign(spec_with(parts="80:20", folds=5), pool, secret)
    assert assignment.folds is not None
    assert np.bincount(assignment.folds).tolist() == [24] * 5
    labels = np.array(pool.labels)[assignment.train]
    for fold in range(5):
        assert {int((labels[assignment.folds == fold] == label).sum()) for label in LABELS} == {8}


def test_without_validation_or_folds_there_is_no_fold_column(
    spec_with: Callable[..., CompetitionSpec], secret: bytes
) -> None:
    assert assign(spec_with(parts="80:20"), pool_of(dict.fromkeys(LABELS, 20)), secret).folds is None


@pytest.mark.parametrize("changes", [{"parts": "60:20:20"}, {"parts": "80:20", "folds": 3}])
def test_no_group_is_in_two_parts_or_folds(
    spec_with: Callable[..., CompetitionSpec], secret: bytes, changes: dict[str, object]
) -> None:
    pool = pool_of(dict.fromkeys(LABELS, 60), group_size=4)
    assert pool.groups is not None
    assignment = assign(spec_with(split="group", **changes), pool, secret)
    assert assignment.folds is not None
    home = {pool.groups[row]: -1 for row in assignment.test}
    for row, fold in zip(assignment.train.tolist(), assignment.folds.tolist(), strict=True):
        assert home.setdefault(pool.groups[row], fold) == fold
    assert len(home) == 45


def test_repeats_kept_together_lie_in_one_part_and_counts_stay_exact(
    spec_with: Callable[..., CompetitionSpec], secret: bytes
) -> None:
    pool = pool_of(dict.fromkeys(LABELS, 40), repeat_every=3)
    assert pool.images is not None
    assignment = assign(spec_with(repeats="together", parts={"train": 24, "validation": 8, "test": 8}), pool, secret)
    assert assignment.folds is not None
    home = {pool.images[row].tobytes(): -1 for row in assignment.test}
    for row, fold in zip(assignment.train.tolist(), assignment.folds.tolist(), strict=True):
        assert home.setdefault(pool.images[row].tobytes(), fold) == fold
    labels = np.array(pool.labels)
    assert {int((labels[assignment.test] == label).sum()) for label in LABELS} == {8}


def test_dropped_repeats_are_nowhere(spec_with: Callable[..., CompetitionSpec], secret: bytes) -> None:
    pool = pool_of(dict.fromkeys(LABELS, 40), repeat_every=4)
    assert pool.images is not None
    assignment = assign(spec_with(repeats="drop"), pool, secret)
    used = [pool.images[row].tobytes() for row in (*assignment.train, *assignment.test)]
    assert len(set(used)) == len(used)
    conflicting = {image.tobytes() for image in pool.images if len(_labels_of(pool, image.tobytes())) > 1}
    assert conflicting
    assert not conflicting & set(used)
    everything = {image.tobytes() for image in pool.images}
    assert set(used) == everything - conflicting


def _labels_of(pool: Pool, content: bytes) -> set[str]:
    assert pool.images is not None
    return {label for image, label in zip(pool.images, pool.labels, strict=True) if image.tobytes() == content}


def test_another_secret_gives_another_test_part_and_the_same_secret_the_same(
    spec_with: Callable[..., CompetitionSpec], secret: bytes
) -> None:
    pool, spec = pool_of(dict.fromkeys(LABELS, 100)), spec_with()
    mine, again, other = (assign(spec, pool, key) for key in (secret, secret, secret[::-1]))
    assert digest(mine) == digest(again)
    assert not set(mine.test_ids) & set(other.test_ids)
    # 60 of 300 items are tested: two independent draws share about 12.
    assert len(set(mine.test.tolist()) & set(other.test.tolist())) < 30


def test_neither_the_order_nor_the_ids_tell_the_class_or_the_place_in_the_source(
    spec_with: Callable[..., CompetitionSpec], secret: bytes
) -> None:
    pool = pool_of(dict.fromkeys(LABELS, 1000))
    assignment = assign(spec_with(), pool, secret)
    for rows, ids in ((assignment.train, assignment.train_ids), (assignment.test, assignment.test_ids)):
        place = np.arange(len(rows))
        by_id = np.argsort(np.argsort(np.array(ids)))
        limit = 4 / len(rows) ** 0.5  # four standard errors of a correlation of nothing
        for one, other in ((place, rows), (by_id, rows), (by_id, place)):
            assert abs(np.corrcoef(one, other)[0, 1]) < limit


def test_a_regression_is_split_by_the_range_of_its_values(
    spec_with: Callable[..., CompetitionSpec], secret: bytes
) -> None:
    values = np.random.default_rng(0).lognormal(size=500)
    images = np.random.default_rng(0).integers(0, 256, (500, 6, 5), dtype=np.uint8)
    pool = Pool(images, None, [repr(float(value)) for value in values], [str(place) for place in range(500)])
    assignment = assign(spec_with(task="regression", metric="rmse", labels=None, parts="80:20"), pool, secret)
    tested = np.zeros(500, dtype=bool)
    tested[assignment.test] = True
    for tenth in np.array_split(np.argsort(values), 10):
        assert tested[tenth].sum() == 10


@pytest.mark.parametrize(
    ("counts", "changes", "problem"),
    [
        (
            {"circle": 20, "cross": 20, "square": 1},
            {},
            "class 'square' has 1 item in the source; a split needs",
        ),
        ({"circle": 20, "cross": 20, "square": 9}, {"parts": {"train": 8, "test": 2}}, "class 'square' has 9 items"),
        ({"circle": 20, "cross": 20, "round": 9}, {}, "item 40: the label 'round' is not among the 3 labels"),
        ({}, {}, "the source holds no items"),
        (dict.fromkeys(LABELS, 20), {"split": "group"}, "split: group needs a source that names groups"),
        (dict.fromkeys(LABELS, 20), {"parts": "80:20", "folds": 50}, "50 folds of 48 training items"),
        (dict.fromkeys(LABELS, 2), {"parts": "1:1", "public_share": 0.01}, "too few for a public_share of 0.01"),
    ],
)
def test_a_pool_that_does_not_fit_the_spec_gets_one_line(
    spec_with: Callable[..., CompetitionSpec],
    secret: bytes,
    counts: dict[str, int],
    changes: dict[str, object],
    problem: str,
) -> None:
    with pytest.raises(BadInputError) as error:
        assign(spec_with(**changes), pool_of(counts), secret)
    assert problem in str(error.value)


def test_too_few_groups_get_one_line(spec_with: Callable[..., CompetitionSpec], secret: bytes) -> None:
    with pytest.raises(BadInputError, match="too few groups: nothing is left for the"):
        assign(spec_with(split="group"), pool_of(dict.fromkeys(LABELS, 20), group_size=30), secret)


def test_a_value_that_is_no_number_is_named(spec_with: Callable[..., CompetitionSpec], secret: bytes) -> None:
    spec = spec_with(task="regression", metric="rmse", labels=None)
    images = np.zeros((3, 6, 5), dtype=np.uint8)
    for bad in ("nan", "inf", "dear", ""):
        with pytest.raises(BadInputError, match=f"b: the target '{bad}' is no finite number"):
            assign(spec, Pool(images, None, ["1", bad, "2"], ["a", "b", "c"]), secret)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "random"),
        ({"split": "group"}, "group"),
        ({"parts": "80:20", "folds": 5}, "folds"),
        ({"repeats": "together"}, "together"),
        ({"repeats": "drop", "parts": "98:1:1"}, "drop"),
    ],
)
def test_a_split_is_the_same_on_every_machine(
    spec_with: Callable[..., CompetitionSpec], secret: bytes, changes: dict[str, object], expected: str
) -> None:
    pool = pool_of({"circle": 211, "cross": 97, "square": 150}, repeat_every=7, group_size=3)
    assert digest(assign(spec_with(**changes), pool, secret)) == HASHES[expected]
