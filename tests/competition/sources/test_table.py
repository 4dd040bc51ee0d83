"""Tables of features, of pixels and of paths."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from competition.errors import BadInputError, UserError

Pictures = dict[str, bytes]

FLOWERS = pl.DataFrame(
    {
        "Id": range(6),
        "petal": [1.5, 2.0, None, 4.0, 5.25, 6.0],
        "colour": ["red", "blue", "red", "NA", "red", "blue"],
        "label": ["cat", "dog"] * 3,
    }
)


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("alone", [True, False])
def test_features_labels_and_names_come_in_order(
    kind: str, alone: bool, unpacked: Callable, load: Callable, tmp_path: Path
) -> None:
    content = FLOWERS.write_csv().encode() if kind == "csv" else parquet(FLOWERS)
    folder = unpacked({f"flowers.{kind}": content})
    pool = load(folder / f"flowers.{kind}" if alone else folder, image=None)
    assert pool.images is None
    assert pool.table.equals(FLOWERS.select("petal", "colour"))
    assert pool.labels == ["cat", "dog"] * 3
    assert pool.names == [f"flowers.{kind}:{line}" for line in range(2, 8)]


def test_the_spec_names_columns(unpacked: Callable, load: Callable) -> None:
    folder = unpacked({"flowers.csv": FLOWERS.write_csv().encode()})
    pool = load(folder, image=None, kind="table", group_column="colour", drop_columns=("Id",))
    assert pool.groups == FLOWERS["colour"].to_list()
    assert pool.table.columns == ["petal"]


def test_labels_keep_their_text(unpacked: Callable, load: Callable) -> None:
    folder = unpacked({"t.csv": b"x,label\n1,007\n2,7\n3,007\n4,7\n"})
    assert load(folder, labels=("7", "007"), image=None).labels == ["007", "7", "007", "7"]


def test_a_regression_takes_every_value(unpacked: Callable, load: Callable) -> None:
    folder = unpacked({"houses.csv": b"rooms,price\n3,1.50\n4,2e5\n"})
    pool = load(folder, labels=(), image=None, kind="table", label_column="price")
    assert pool.labels == ["1.50", "2e5"]
    assert pool.table.to_dict(as_series=False) == {"rooms": [3, 4]}


def test_paths_name_images_beside_the_table(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    rows = "\n".join(f"{name},{name.split('/')[0]}" for name in pictures)
    files = {f"data/{name}": content for name, content in pictures.items()} | {
        "data/train.csv": f"file,label\n{rows}".encode()
    }
    by_table = load(zipped(files), kind="table")
    by_folder = load(zipped(pictures, "folders.zip"))
    assert (by_table.images == by_folder.images).all()
    assert by_table.labels == by_folder.labels


def test_a_table_alone_finds_images_beside_it_but_not_elsewhere(
    pictures: Pictures, unpacked: Callable, load: Callable, tmp_path: Path
) -> None:
    rows = "".join(f"{name},{name.split('/')[0]}\n" for name in pictures)
    folder = unpacked(pictures | {"list.csv": f"file,label\n{rows}".encode()})
    assert len(load(folder / "list.csv")) == 6
    (tmp_path / "secret.png").write_bytes(pictures["cat/0.png"])
    (folder / "list.csv").write_text(f"file,label\n{rows}../secret.png,cat\n")
    with pytest.raises(BadInputError, match=r"'\.\./secret.png' points outside"):
        load(folder / "list.csv")


def test_a_path_without_an_image_is_named_with_its_line(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    table = b"file,label\ncat/0.png,cat\ncat/7.png,cat\n"
    with pytest.raises(BadInputError, match=r"list.csv:3: no image 'cat/7.png' in the source"):
        load(zipped(pictures | {"list.csv": table}), kind="table")


def test_rows_of_pixels_become_images(rng: np.random.Generator, unpacked: Callable, load: Callable) -> None:
    images = rng.integers(0, 256, (4, 8, 6, 3), dtype=np.uint8)
    header = ",".join(["label", *(f"pixel{k}" for k in range(144))])
    rows = "\n".join(",".join(["cat" if k % 2 else "dog", *map(str, image.ravel())]) for k, image in enumerate(images))
    pool = load(unpacked({"train.csv": f"{header}\n{rows}\n".encode(), "test.csv": b"pixel0\n1\n"}))
    assert (pool.images == images).all()
    assert pool.labels == ["dog", "cat", "dog", "cat"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"'t.csv' is damaged"),
        (b"x,label\n", r"'t.csv' has no rows"),
        (b"x,label\n1,cat\n2,\n3,dog\n4,  \n", r"t.csv:3: no 'label' \(2 rows like that\)"),
        (b"x,label\n1,cat\n2,cow\n", r"t.csv:3: class 'cow' is not in the label set"),
        (b"label\ncat\ndog\n", r"'t.csv' has no columns beside the label"),
        (b"x,label\n1,cat\n2,3,4,5\n", r"'t.csv' is damaged"),
        ("x,label\n1,cat\n".encode("utf-16"), r"'t.csv' is damaged \(no CSV in UTF-8\)"),
        (b"x,label\n1,\xff\xfe\n", r"'t.csv' is damaged|class"),
    ],
)
def test_a_bad_table_is_told_in_one_line(content: bytes, message: str, unpacked: Callable, load: Callable) -> None:
    with pytest.raises(BadInputError, match=message) as caught:
        load(unpacked({"t.csv": content}), image=None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cell", ["256", "-1", "x", "", "1.5"])
def test_a_cell_that_is_no_pixel_is_refused(cell: str, unpacked: Callable, load: Callable) -> None:
    table = f"a,b,label\n1,2,cat\n3,{cell},cat\n1,2,dog\n3,4,dog\n".encode()
    with pytest.raises(BadInputError, match=r"cells that are no pixels from 0 to 255"):
        load(unpacked({"t.csv": table}), image=(1, 2, 1), kind="table")


def test_a_table_of_the_wrong_width_says_what_is_needed(unpacked: Callable, load: Callable) -> None:
    table = b"a,b,label\n1,2,cat\n1,2,dog\n"
    with pytest.raises(BadInputError, match=r"has 2 columns beside the label; an image shape of 8 x 6 x 3 needs 144"):
        load(unpacked({"t.csv": table}))


def test_a_column_or_a_table_that_is_not_there_is_named(unpacked: Callable, load: Callable) -> None:
    folder = unpacked({"a.csv": FLOWERS.write_csv().encode(), "b.csv": FLOWERS.write_csv().encode()})
    with pytest.raises(UserError, match=r"several tables \(it holds a.csv, b.csv\); name one as `source: table:`"):
        load(folder, image=None)
    with pytest.raises(UserError, match=r"no table 'c.csv' \(it holds a.csv, b.csv\)"):
        load(folder, image=None, table="c.csv")
    with pytest.raises(UserError, match=r"'a.csv' has no column 'color'; did you mean 'colour'\?"):
        load(folder, image=None, table="a.csv", label_column="color")


def test_a_damaged_parquet_is_told_in_one_line(unpacked: Callable, load: Callable) -> None:
    whole = parquet(FLOWERS)
    for content in (b"", b"PAR1", whole[: len(whole) // 2], whole[:20] + bytes(30) + whole[50:]):
        with pytest.raises(BadInputError, match=r"'t.parquet' is damaged"):
            load(unpacked({"t.parquet": content}), image=None)


def test_a_note_beside_class_folders_is_no_table(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    assert len(load(zipped(pictures | {"about.csv": b"a,b\n1,2\n"}))) == 6
