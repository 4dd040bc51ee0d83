"""STL-10's binary layout: planes of 96x96, column by column, labels from 1."""

from collections.abc import Callable

import numpy as np
import pytest

from competition.errors import BadInputError
from competition.sources.stl10 import CLASSES

Files = dict[str, bytes]


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (30, 96, 96, 3), dtype=np.uint8)


@pytest.fixture
def official(images: np.ndarray) -> Files:
    """Ten training and twenty test images, each written pixel column after pixel column, plane after plane."""

    def written(part: np.ndarray) -> bytes:
        return b"".join(
            image[:, column, plane].tobytes() for image in part for plane in range(3) for column in range(96)
        )

    return {
        "stl10_binary/train_X.bin": written(images[:10]),
        "stl10_binary/train_y.bin": bytes(range(1, 11)),
        "stl10_binary/test_X.bin": written(images[10:]),
        "stl10_binary/test_y.bin": bytes(n % 10 + 1 for n in range(20)),
        "stl10_binary/unlabeled_X.bin": b"never read",
        "stl10_binary/class_names.txt": "\n".join(CLASSES).encode(),
        "stl10_binary/fold_indices.txt": b"0 1 2\n",
    }


@pytest.mark.parametrize("container", ["unpacked", "tarred"])
def test_images_come_upright_with_labels_from_one(
    container: str, images: np.ndarray, official: Files, request: pytest.FixtureRequest, load: Callable
) -> None:
    write = request.getfixturevalue(container)
    source = write(official) if container == "unpacked" else write(official, "stl10_binary.tar.gz")
    pool = load(source, labels=CLASSES, image=(96, 96, 3))
    assert (pool.images == images).all()
    assert pool.labels == [*CLASSES, *CLASSES, *CLASSES]
    assert pool.parts == ["train"] * 10 + ["test"] * 20


def test_torchvision_reads_the_same(
    official: Files, unpacked: Callable, load: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import STL10

    folder = unpacked(official)
    monkeypatch.setattr(STL10, "_check_integrity", lambda self: True)
    theirs = STL10(str(folder), split="test")
    pool = load(folder, labels=CLASSES, image=(96, 96, 3))
    assert (theirs.data.transpose(0, 2, 3, 1) == pool.images[10:]).all()
    assert [theirs.classes[n] for n in theirs.labels] == pool.labels[10:]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train_X.bin", b"\0" * 27648 * 9, r"train_X.bin' is damaged \(248,832 bytes of pixels for 10 labels"),
        ("test_y.bin", bytes(20), r"test_y.bin' is damaged \(a class number is not from 1 to 10"),
        ("test_y.bin", bytes([11] * 20), r"test_y.bin' is damaged \(a class number is not from 1 to 10"),
    ],
)
def test_a_damaged_file_is_named(
    name: str, content: bytes, message: str, official: Files, unpacked: Callable, load: Callable
) -> None:
    with pytest.raises(BadInputError, match=message):
        load(unpacked(official | {f"stl10_binary/{name}": content}), labels=CLASSES, image=(96, 96, 3))


def test_a_missing_file_is_named(official: Files, unpacked: Callable, load: Callable) -> None:
    del official["stl10_binary/test_y.bin"]
    with pytest.raises(BadInputError, match=r"lacks 'test_y.bin' of STL-10"):
        load(unpacked(official), labels=CLASSES, image=(96, 96, 3))
