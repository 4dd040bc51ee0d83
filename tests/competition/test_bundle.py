import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from competition.bundle import open_bundle, read_manifest
from competition.bundle_writer import BundleWriter
from competition.catalog import Competition
from competition.errors import BadInputError
from competition.prepare import prepare
from competition.rules import MetricRule, Rules


@pytest.fixture
def folder(shapes: Callable[..., Competition], tmp_path: Path) -> Path:
    """A bundle of 36 training, 12 validation and 12 test pictures."""
    return prepare(shapes(), tmp_path / "data", tmp_path / "home").bundle


def test_everything_is_there_and_of_the_right_type(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert bundle.train_images.shape == (48, 6, 5)
    assert bundle.test_images.shape == (12, 6, 5)
    assert bundle.train_images.dtype == np.uint8
    assert isinstance(bundle.train_images, np.memmap)
    assert not bundle.train_images.flags.writeable
    assert bundle.train_labels.dtype == np.int64
    assert bundle.train_folds is not None
    assert set(bundle.train_folds.tolist()) == {0, 1}
    assert len(bundle.train_ids) == 48
    assert [bundle.rules.labels[label] for label in bundle.train_labels] == bundle.target_texts
    bundle.verify()


def test_opening_needs_neither_polars_nor_pydantic_nor_yaml(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from competition.bundle import open_bundle\n"
        "bundle = open_bundle(Path(sys.argv[1])); bundle.train_labels; bundle.train_folds; bundle.test_ids\n"
        "print({'polars', 'pydantic', 'yaml', 'pandas', 'PIL', 'cryptography'} & set(sys.modules))\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_a_bundle_of_two_gigabytes_opens_without_being_read(folder: Path) -> None:
    bundle = open_bundle(folder)
    path = folder / "train_images.npy"
    path.unlink()
    big = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(250_000, 90, 90))
    del big
    manifest = bundle.manifest
    manifest["files"]["train_images.npy"]["bytes"] = path.stat().st_size
    (folder / "manifest.json").write_text(json.dumps(manifest))
    images = open_bundle(folder).train_images
    assert images.shape == (250_000, 90, 90)
    assert isinstance(images, np.memmap)


def test_a_changed_file_of_the_same_size_is_found_by_its_checksum(folder: Path) -> None:
    path = folder / "test_images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"test_images\.npy: differs from the manifest"):
        open_bundle(folder).verify()


@pytest.mark.parametrize("name", ["train_images.npy", "test.csv", "rules.json", "labels.csv", "manifest.json"])
def test_a_missing_empty_or_cut_file_gets_one_line(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    for change in (lambda: path.write_bytes(content[:-7]), lambda: path.write_bytes(b""), path.unlink):
        change()
        with pytest.raises(BadInputError, match="run `grader prepare") as error:
            open_bundle(folder)
        assert "\n" not in str(error.value)


def test_a_folder_without_a_bundle_gets_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(BadInputError, match="no bundle here; run `grader prepare"):
            open_bundle(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", b"not an array", b"\x93NUMPY\x01\x00\x10\x00{'descr':'|O',  }", b"PK\x03\x04 zip"],
)
def test_an_array_that_is_none_gets_one_line(folder: Path, content: bytes) -> None:
    path = folder / "train_images.npy"
    path.write_bytes(content)
    noted = read_manifest(folder)
    noted["files"]["train_images.npy"]["bytes"] = len(content)
    (folder / "manifest.json").write_text(json.dumps(noted))
    with pytest.raises(BadInputError, match="is no array of images"):
        _ = open_bundle(folder).train_images


def test_an_array_of_objects_is_never_unpickled(folder: Path, tmp_path: Path) -> None:
    path = folder / "train_images.npy"
    np.save(path, np.array([{"evil": 1}], dtype=object), allow_pickle=True)
    noted = read_manifest(folder)
    noted["files"]["train_images.npy"]["bytes"] = path.stat().st_size
    (folder / "manifest.json").write_text(json.dumps(noted))
    with pytest.raises(BadInputError, match="is no array of images"):
        _ = open_bundle(folder).train_images


def rewrite(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    noted = read_manifest(folder)
    noted["files"][name]["bytes"] = len(content)
    (folder / "manifest.json").write_text(json.dumps(noted))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"id,label\na1,unicorn\n", "a target is not a label of this competition"),
        (b"id\na1\n", "has no column 'label'"),
        (b"", "has no column 'label'"),
        (b"id,label\na1\n", "is no CSV of a bundle"),
        (b'id,label\n"a1,cat\n', "is no CSV of a bundle"),
        (b"id,label\n\xff,cat\n", "is no CSV of a bundle"),
    ],
)
def test_a_bad_training_table_gets_one_line(folder: Path, content: bytes, problem: str) -> None:
    rewrite(folder, "train.csv", content)
    with pytest.raises(BadInputError, match=problem) as error:
        _ = open_bundle(folder).train_labels
    assert "\n" not in str(error.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.binary(max_size=80))
def test_no_bytes_in_the_manifest_lead_to_another_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BadInputError):
        open_bundle(tmp_path)


@pytest.mark.parametrize(
    "manifest",
    [[], None, {}, {"format": 2, "files": {}}, {"format": 1, "files": []}, {"format": 1, "files": {"a": 1}},
     {"format": 1, "files": {"../../etc/passwd": {"bytes": 1, "sha256": ""}}},
     {"format": 1, "files": {"a": {"bytes": "1", "sha256": ""}}}],
)  # fmt: skip
def test_a_manifest_of_another_form_is_refused(tmp_path: Path, manifest: object) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadInputError, match="is no manifest of a bundle"):
        open_bundle(tmp_path)


def test_a_table_competition_has_no_images(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path)
    rules = Rules("houses", "Houses", "regression", "values", MetricRule("rmse"))
    writer.write("rules.json", rules.to_json().encode())
    writer.write("train.csv", b"id,rooms,label\na1,3,1.5\nb2,4,x\n")
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "files": writer.files}))
    bundle = open_bundle(tmp_path)
    with pytest.raises(BadInputError, match="is about a table and has no images"):
        _ = bundle.train_images
    with pytest.raises(BadInputError, match="a target is not a number"):
        _ = bundle.train_values
    assert bundle.train_folds is None
    assert bundle.train_table["rooms"].to_list() == [3, 4]


def test_a_table_that_cannot_be_read_gets_one_line(folder: Path) -> None:
    rewrite(folder, "test.csv", b"id,x\na1,1\nb2,2,3,4\n")
    with pytest.raises(BadInputError, match="is no CSV of a bundle") as error:
        _ = open_bundle(folder).test_table
    assert "\n" not in str(error.value)
