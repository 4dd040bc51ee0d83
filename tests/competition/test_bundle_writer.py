import hashlib
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from competition.bundle_writer import (
    BundleWriter,
    check_features,
    label_folders,
    labels_csv,
    sample_csv,
    solution_csv,
    table_csv,
)
from competition.errors import BadInputError
from competition.rules import MetricRule, Rules

RULES = Rules("pets", "Pets", "classification", "labels", MetricRule("accuracy"), labels=("cat", "dog"))


@pytest.mark.parametrize("shape", [(7, 4, 3), (5, 2, 2, 3), (0, 4, 4), (300, 250, 250)])
def test_images_are_written_as_numpy_itself_would(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    rows = np.random.default_rng(1).permutation(shape[0])
    writer = BundleWriter(tmp_path)
    writer.write_images("a.npy", images, rows)
    expected = io.BytesIO()
    np.save(expected, images[rows])
    assert (tmp_path / "a.npy").read_bytes() == expected.getvalue()
    noted = {"bytes": len(expected.getvalue()), "sha256": hashlib.sha256(expected.getvalue()).hexdigest()}
    assert writer.files == {"a.npy": noted}


def test_progress_counts_up_to_all_images(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    images = np.zeros((300, 250, 250), dtype=np.uint8)
    BundleWriter(tmp_path).write_images("a.npy", images, np.arange(300), lambda *now: told.append(now))
    assert told[0] == ("writing a.npy", 0, 300)
    assert told[-1] == ("writing a.npy", 300, 300)
    assert len(told) > 2


def test_no_file_is_written_twice(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path)
    writer.write("a", b"1")
    with pytest.raises(FileExistsError):
        writer.write("a", b"2")


def test_labels_with_commas_quotes_and_korean_survive() -> None:
    labels = ["a,b", 'say "hi"', "가"]
    read = pl.read_csv(io.BytesIO(labels_csv(labels, ["one", "two", "three"])))
    assert read.to_dict(as_series=False) == {"label": labels, "index": [0, 1, 2], "name": ["one", "two", "three"]}
    rules = Rules("x", "X", "classification", "labels", MetricRule("accuracy"), labels=tuple(labels))
    solution = solution_csv(rules, ["a", "b", "c"], labels, ["Public", "Private", "Public"])
    assert pl.read_csv(io.BytesIO(solution))["label"].to_list() == labels
    assert pl.read_csv(io.BytesIO(table_csv(rules, ["a", "b", "c"], None, labels)))["label"].to_list() == labels
    assert pl.read_csv(io.BytesIO(sample_csv(rules, ["a"], labels)))["label"].to_list() == ["a,b"]


def test_the_mean_of_a_sample_does_not_depend_on_the_order() -> None:
    rules = Rules("x", "X", "regression", "values", MetricRule("rmse"))
    values = [repr(value) for value in (1e16, 1.0, -1e16, 3.0, 0.1)]
    assert sample_csv(rules, ["a"], values) == sample_csv(rules, ["a"], values[::-1])


@pytest.mark.parametrize("name", ["id", "label", "fold"])
def test_a_feature_called_like_a_column_of_the_bundle_is_refused(name: str) -> None:
    with pytest.raises(BadInputError, match=f"the feature '{name}' is called like a column of the bundle"):
        check_features(RULES, pl.DataFrame({"a": [1], name: [2]}))


def test_folders_of_labels_can_be_told_apart_on_every_file_system() -> None:
    assert label_folders(["cat", "dog"]) == ["cat", "dog"]
    assert label_folders(["A", "B", "a"]) == ["0-A", "B", "2-a"]
    assert label_folders(["a/b", "..", "x.", "5%"]) == ["0-a%2Fb", "1-..", "2-x.", "3-5%25"]
    hostile = label_folders(["../../etc", "/abs", "a\\b", "con:", "한글", "ß", "ss"])
    assert not any("/" in name or "\\" in name or name in (".", "..") for name in hostile)
    assert len({name.casefold() for name in hostile}) == 7
