"""idx files: Fashion-MNIST's layout, and EMNIST's with its transposed images."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from competition.errors import BadInputError

Files = dict[str, bytes]


def idx(array: np.ndarray) -> bytes:
    """An idx file of unsigned bytes, by its description."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (14, 8, 6), dtype=np.uint8)


@pytest.fixture
def fashion(images: np.ndarray) -> Files:
    """Ten training and four test images of two classes."""
    return {
        "train-images-idx3-ubyte": idx(images[:10]),
        "train-labels-idx1-ubyte": idx(np.arange(10) % 2),
        "t10k-images-idx3-ubyte": idx(images[10:]),
        "t10k-labels-idx1-ubyte": idx(np.array([1, 1, 0, 0])),
    }


@pytest.mark.parametrize("packed", [False, True])
def test_images_labels_and_parts_come_in_order(
    packed: bool, fashion: Files, images: np.ndarray, unpacked: Callable, load: Callable
) -> None:
    files = {f"{name}.gz": gzip.compress(data) for name, data in fashion.items()} if packed else fashion
    pool = load(unpacked(files), image=(8, 6, 1))
    assert (pool.images == images).all()
    assert pool.labels == ["cat", "dog"] * 5 + ["dog", "dog", "cat", "cat"]
    assert pool.parts == ["train"] * 10 + ["test"] * 4
    assert pool.names[10].startswith("t10k-images-idx3-ubyte")
    assert len(set(pool.names)) == 14


def test_torchvision_reads_the_same(fashion: Files, images: np.ndarray, unpacked: Callable, load: Callable) -> None:
    from torchvision.datasets import FashionMNIST

    folder = unpacked({f"FashionMNIST/raw/{name}": data for name, data in fashion.items()})
    theirs = FashionMNIST(str(folder), train=True)
    pool = load(folder, image=(8, 6, 1))
    assert (theirs.data.numpy() == pool.images[:10]).all()
    assert [("cat", "dog")[n] for n in theirs.targets] == pool.labels[:10]


def test_emnist_letters_are_set_upright_and_counted_from_one(
    images: np.ndarray, zipped: Callable, load: Callable
) -> None:
    """The official archive: gzip files of six data sets in one zip; only the letters are read."""
    upright = images.transpose(0, 2, 1)  # 6 x 8, stored column by column
    files = {
        "gzip/emnist-letters-train-images-idx3-ubyte.gz": gzip.compress(idx(images[:10])),
        "gzip/emnist-letters-train-labels-idx1-ubyte.gz": gzip.compress(idx(1 + np.arange(10) % 2)),
        "gzip/emnist-letters-test-images-idx3-ubyte.gz": gzip.compress(idx(images[10:])),
        "gzip/emnist-letters-test-labels-idx1-ubyte.gz": gzip.compress(idx(np.array([2, 2, 1, 1]))),
        "gzip/emnist-digits-train-images-idx3-ubyte.gz": b"never read",
        "gzip/emnist-digits-train-labels-idx1-ubyte.gz": b"never read",
    }
    pool = load(zipped(files), labels="ab", image=(6, 8, 1))
    assert (pool.images == upright).all()
    assert pool.labels == ["a", "b"] * 5 + ["b", "b", "a", "a"]


def test_images_of_another_size_are_resized(fashion: Files, unpacked: Callable, load: Callable) -> None:
    assert load(unpacked(fashion), image=(5, 5, 3)).images.shape == (14, 5, 5, 3)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train-images-idx3-ubyte", lambda data: data[:-1], r"claims to hold 480 bytes and holds 479"),
        ("train-images-idx3-ubyte", lambda data: data + b"\0", r"claims to hold 480 bytes and holds more"),
        ("train-images-idx3-ubyte", lambda data: b"", r"no idx file of unsigned bytes in 3 dimensions"),
        ("train-images-idx3-ubyte", lambda data: b"\0\0\x0d" + data[3:], r"no idx file of unsigned bytes"),
        (
            "train-images-idx3-ubyte",
            lambda data: data[:4] + b"\xff" * 12 + data[16:],
            r"claims to hold [\d,]{20,} bytes",
        ),
        ("train-labels-idx1-ubyte", lambda data: idx(np.zeros(9)), r"9 labels for 10 images"),
        ("t10k-labels-idx1-ubyte", lambda data: idx(np.array([0, 1, 2, 0])), r"class number 2 with a label set of 2"),
    ],
)
def test_a_damaged_file_is_named(
    name: str, change: Callable, message: str, fashion: Files, unpacked: Callable, load: Callable
) -> None:
    with pytest.raises(BadInputError, match=message) as caught:
        load(unpacked(fashion | {name: change(fashion[name])}), image=(8, 6, 1))
    assert name in str(caught.value)


def test_a_cut_gzip_is_named_wherever_it_is_cut(fashion: Files, unpacked: Callable, load: Callable) -> None:
    whole = gzip.compress(fashion.pop("train-images-idx3-ubyte"))
    for end in range(0, len(whole), 29):
        with pytest.raises(BadInputError, match=r"'train-images-idx3-ubyte.gz' is damaged"):
            load(unpacked(fashion | {"train-images-idx3-ubyte.gz": whole[:end]}), image=(8, 6, 1))


def test_a_gzip_that_goes_on_and_on_is_not_unpacked(fashion: Files, unpacked: Callable, load: Callable) -> None:
    endless = gzip.compress(fashion.pop("train-images-idx3-ubyte") + bytes(64 << 20))
    with pytest.raises(BadInputError, match=r"holds more"):
        load(unpacked(fashion | {"train-images-idx3-ubyte.gz": endless}), image=(8, 6, 1))


def test_a_file_without_its_partner_is_named(fashion: Files, unpacked: Callable, load: Callable) -> None:
    del fashion["t10k-labels-idx1-ubyte"]
    with pytest.raises(BadInputError, match=r"'t10k-images-idx3-ubyte' lacks its partner"):
        load(unpacked(fashion), image=(8, 6, 1))


def test_the_real_fashion_mnist_has_7000_images_a_class(shared_data: Path, load: Callable) -> None:
    from collections import Counter

    pool = load(shared_data / "fashion-mnist", labels="0123456789", image=(28, 28, 1))
    assert Counter(pool.labels) == dict.fromkeys("0123456789", 7000)
    assert Counter(pool.parts) == {"train": 60000, "test": 10000}
    raw = gzip.decompress((shared_data / "fashion-mnist/t10k-images-idx3-ubyte.gz").read_bytes())
    assert pool.images[69_999].tobytes() == raw[-784:]
