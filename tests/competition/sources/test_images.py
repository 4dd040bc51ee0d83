"""Folders of images, one a class, from every kind of container."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from competition.errors import BadInputError

Pictures = dict[str, bytes]


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize(
    "container", ["folder", "zip", "source.tar", "source.tar.gz", "source.tar.bz2", "source.tar.xz"]
)
def test_every_container_gives_the_same_pool(
    container: str, pictures: Pictures, zipped: Callable, unpacked: Callable, tarred: Callable, load: Callable
) -> None:
    files = {f"any/prefix/{name}": content for name, content in pictures.items()}
    make = {"folder": unpacked, "zip": zipped}.get(container)
    pool = load(make(files) if make else tarred(files, container))
    by_name = dict(zip(pool.names, pool.images, strict=True))
    assert by_name.keys() == files.keys()
    for name, content in files.items():
        assert (by_name[name] == pixels(content)).all()
    assert pool.labels == [name.split("/")[2] for name in pool.names]
    assert pool.groups is None
    assert pool.parts is None


def test_torchvisions_image_folder_reads_the_same_items(pictures: Pictures, unpacked: Callable, load: Callable) -> None:
    from torchvision.datasets import ImageFolder

    folder = unpacked(pictures)
    theirs = ImageFolder(str(folder))
    pool = load(folder)
    assert pool.labels == [theirs.classes[target] for target in theirs.targets]
    assert all((np.asarray(image) == ours).all() for (image, _), ours in zip(theirs, pool.images, strict=True))


def test_train_and_test_folders_become_parts(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    files = {f"data/{part}/{name}": content for part in ("train", "Test") for name, content in pictures.items()}
    assert load(zipped(files)).parts == ["train"] * 6 + ["test"] * 6


def test_litter_and_notes_beside_the_classes_are_left_out(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    litter = {
        "__MACOSX/cat/._0.png": b"\0",
        "cat/.DS_Store": b"\0",
        "cat/Thumbs.db": b"\0",
        "README.md": b"about",
        "docs/licence.txt": b"free",
    }
    assert len(load(zipped(pictures | litter))) == 6


def test_a_file_that_is_no_image_among_images_is_named(pictures: Pictures, unpacked: Callable, load: Callable) -> None:
    with pytest.raises(BadInputError, match=r"'cat/notes.txt' lies among images and is none"):
        load(unpacked(pictures | {"cat/notes.txt": b"hello"}))


def test_images_without_a_class_folder_are_refused(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    with pytest.raises(BadInputError, match=r"'lone.png' lies in no folder of a class"):
        load(zipped({"lone.png": pictures["cat/0.png"]}))
    with pytest.raises(BadInputError, match=r"'train/lone.png' lies in no folder of a class"):
        load(zipped({"train/lone.png": pictures["cat/0.png"]}))


def test_an_unknown_class_is_refused_or_dropped(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    source = zipped(pictures | {"dogs/9.png": pictures["cat/0.png"]})
    with pytest.raises(BadInputError, match=r"class 'dogs' is not in the label set; did you mean 'dog'\?"):
        load(source)
    assert len(load(source, other_classes="drop")) == 6


def test_a_class_with_one_image_is_refused(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    del pictures["dog/0.png"], pictures["dog/1.png"]
    with pytest.raises(BadInputError, match=r"class 'dog' has 1 item; each class needs 2 or more"):
        load(zipped(pictures))


def test_a_class_without_images_is_refused(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    with pytest.raises(BadInputError, match=r"class 'bird' has no items"):
        load(zipped(pictures), labels=("cat", "dog", "bird"))


def test_class_folders_may_differ_in_case_unless_case_tells_labels_apart(
    pictures: Pictures, zipped: Callable, load: Callable
) -> None:
    renamed = {name.replace("cat", "Cat"): content for name, content in pictures.items()}
    assert set(load(zipped(renamed)).labels) == {"cat", "dog"}
    with pytest.raises(BadInputError, match="class 'c' is not in the label set"):
        load(zipped({f"{c}/{n}.png": pictures["cat/0.png"] for c in "Aac" for n in range(2)}), labels="AaC")


def test_chars74k_names_give_characters_and_groups(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    png = pictures["cat/0.png"]
    faces = {
        f"Sample0{character}/img0{character}-0000{face}.png": png for character in (11, 37) for face in range(1, 6)
    }
    pool = load(zipped(faces), labels="Aa")
    assert pool.labels == ["A"] * 5 + ["a"] * 5
    assert pool.groups == (["family 001"] * 4 + ["family 002"]) * 2
    writers = {f"all/SMALL_a/img037-00{writer}.png": png for writer in (1, 2)} | {
        f"all/CAP_A/img011-00{writer}.png": png for writer in (1, 2)
    }
    assert load(zipped(writers), labels="Aa").groups == ["writer 001", "writer 002"] * 2


def test_listed_files_of_a_folder_are_read_together(
    pictures: Pictures, zipped: Callable, load: Callable, tmp_path: Path
) -> None:
    zipped(pictures, "one.zip")
    zipped({f"all/{name}": content for name, content in pictures.items()}, "two.zip")
    zipped({"other/thing.png": b"never looked at"}, "three.zip")
    pool = load(tmp_path, files=("one.zip", "two.zip", "absent.zip"))
    assert len(pool) == 12
    assert len(set(pool.names)) == 12
    assert (pool.images[:6] == pool.images[6:]).all()


def test_a_folder_that_holds_one_archive_is_that_archive(
    pictures: Pictures, zipped: Callable, load: Callable, tmp_path: Path
) -> None:
    (tmp_path / "downloads").mkdir()
    zipped(pictures, "downloads/one.zip")
    assert len(load(tmp_path / "downloads")) == 6
    zipped(pictures, "downloads/two.zip")
    with pytest.raises(BadInputError, match="holds 2 archives, name one of them"):
        load(tmp_path / "downloads")


def test_images_are_brought_to_the_shape_of_the_spec(pictures: Pictures, zipped: Callable, load: Callable) -> None:
    pool = load(zipped(pictures), image=(4, 3, 1))
    assert pool.images.shape == (6, 4, 3)
    gray = Image.fromarray(pixels(pictures["cat/0.png"])).convert("L").resize((3, 4), Image.Resampling.BICUBIC)
    assert (pool.images[0] == np.asarray(gray)).all()
