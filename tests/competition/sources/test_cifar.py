"""CIFAR-10 batches, binary and pickled; a pickle is written as Python 2 wrote the official ones."""

import hashlib
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from competition.errors import BadInputError
from competition.sources.batch_pickle import read_batch
from competition.sources.cifar import CLASSES

Files = dict[str, bytes]


@pytest.fixture
def planes(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)


@pytest.fixture
def numbers() -> np.ndarray:
    return np.arange(40, dtype=np.uint8) % 10


def string(text: bytes) -> bytes:
    """A Python 2 string in protocol 2: SHORT_BINSTRING or BINSTRING."""
    if len(text) < 256:
        return b"U" + bytes([len(text)]) + text
    return b"T" + struct.pack("<i", len(text)) + text


def official_pickle(rows: np.ndarray, labels: list[int]) -> bytes:
    """The opcodes that cPickle of Python 2 wrote for {'data': array, 'labels': list, …} (see `pickletools.dis`)."""
    version = b"K\1"
    shape = b"M" + struct.pack("<H", rows.shape[0]) + b"M" + struct.pack("<H", rows.shape[1]) + b"\x86"
    dtype = (
        b"cnumpy\ndtype\n"
        + string(b"u1")
        + b"K\0K\1\x87R"
        + b"(K\3"
        + string(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    )
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\0\x85" + string(b"b") + b"\x87R"
        b"(" + version + shape + dtype + b"\x89" + string(rows.tobytes()) + b"tb"
    )
    listed = b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e"
    names = b"](" + b"".join(string(f"a_{n}.png".encode()) for n in range(len(labels))) + b"e"
    items = (
        string(b"data")
        + array
        + string(b"labels")
        + listed
        + string(b"batch_label")
        + string(b"training batch 1 of 5")
        + string(b"filenames")
        + names
    )
    return b"\x80\2}(" + items + b"u."


@pytest.fixture
def pickled(planes: np.ndarray, numbers: np.ndarray) -> Files:
    rows = planes.reshape(40, -1)
    files = {
        f"cifar-10-batches-py/data_batch_{k + 1}": official_pickle(
            rows[6 * k : 6 * k + 6], numbers[6 * k : 6 * k + 6].tolist()
        )
        for k in range(5)
    }
    return files | {"cifar-10-batches-py/test_batch": official_pickle(rows[30:], numbers[30:].tolist())}


@pytest.fixture
def binary(planes: np.ndarray, numbers: np.ndarray) -> Files:
    records = np.concatenate([numbers[:, None], planes.reshape(40, -1)], axis=1)
    files = {f"cifar-10-batches-bin/data_batch_{k + 1}.bin": records[6 * k : 6 * k + 6].tobytes() for k in range(5)}
    return files | {"cifar-10-batches-bin/test_batch.bin": records[30:].tobytes()}


@pytest.mark.parametrize("layout", ["pickled", "binary"])
@pytest.mark.parametrize("container", ["unpacked", "tarred"])
def test_both_layouts_give_the_images_with_their_channels_last(
    layout: str, container: str, planes: np.ndarray, numbers: np.ndarray, request: pytest.FixtureRequest, load: Callable
) -> None:
    write = request.getfixturevalue(container)
    files = request.getfixturevalue(layout)
    source = write(files) if container == "unpacked" else write(files, "cifar-10.tar.gz")
    pool = load(source, labels=CLASSES, image=(32, 32, 3))
    assert (pool.images == planes.transpose(0, 2, 3, 1)).all()
    assert pool.labels == [CLASSES[number] for number in numbers]
    assert pool.parts == ["train"] * 30 + ["test"] * 10


def test_torchvision_reads_the_same_from_the_same_pickles(
    pickled: Files, unpacked: Callable, load: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import CIFAR10

    names = {"label_names": list(CLASSES)}
    folder = unpacked(pickled | {"cifar-10-batches-py/batches.meta": pickle.dumps(names, 2)})
    md5 = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in (folder / CIFAR10.base_folder).iterdir()}
    monkeypatch.setattr(CIFAR10, "train_list", [[name, md5[name]] for name, _ in CIFAR10.train_list])
    monkeypatch.setattr(CIFAR10, "test_list", [[name, md5[name]] for name, _ in CIFAR10.test_list])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5["batches.meta"]})
    theirs = CIFAR10(str(folder), train=True)
    pool = load(folder, labels=CLASSES, image=(32, 32, 3))
    assert (theirs.data == pool.images[:30]).all()
    assert [theirs.classes[n] for n in theirs.targets] == pool.labels[:30]


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_batch_written_by_python_3_is_read_too(protocol: int, planes: np.ndarray, numbers: np.ndarray) -> None:
    rows = planes.reshape(40, -1)
    data = pickle.dumps({b"data": rows, b"labels": numbers.tolist()}, protocol)
    read_rows, read_numbers = read_batch(data, 3072)
    assert (read_rows == rows).all()
    assert (read_numbers == numbers).all()


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.flag,))


def test_a_pickle_that_calls_something_is_refused_and_calls_nothing(
    pickled: Files, unpacked: Callable, load: Callable, tmp_path: Path
) -> None:
    flag = tmp_path / "pwned"
    evil = pickle.dumps({"data": Evil(flag), "labels": [1]}, 2)
    with pytest.raises(BadInputError, match=r"test_batch' is damaged .*refused, a batch of images has no use for"):
        load(unpacked(pickled | {"cifar-10-batches-py/test_batch": evil}), labels=CLASSES, image=(32, 32, 3))
    assert not flag.exists()
    pickle.loads(evil)
    assert flag.exists()  # the attack is real


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        b"cos\nsystem\n(S'true'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n.",
        b"\x80\x02}r\xff\xff\xff\x7f.",
        b"\x80\x05\x96\0\0\0\0\0\0\0\x7f.",
        pickle.dumps([1, 2, 3]),
        pickle.dumps({"data": 1, "labels": [1]}),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [300]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [True]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), np.float32), "labels": [1]}, 2),
        pickle.dumps({"data": np.zeros((1, 3072), object), "labels": [1]}, 2),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, 2),
        pickle.dumps({"data": np.asfortranarray(np.zeros((2, 3072), np.uint8)), "labels": [1, 1]}, 2),
    ],
)
def test_whatever_is_no_batch_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_batch(content, 3072)


def test_a_mutated_batch_is_read_or_refused(pickled: Files, rng: np.random.Generator) -> None:
    original = pickled["cifar-10-batches-py/test_batch"]
    heads = [*range(220), *range(len(original) - 400, len(original))]  # where the program is, not the pixels
    for _ in range(500):
        data = bytearray(original)
        for at in rng.choice(heads, rng.integers(1, 4)):
            data[at] = rng.integers(256)
        try:
            rows, numbers = read_batch(bytes(data), 3072)
        except ValueError:
            continue
        assert rows.shape == (len(numbers), 3072)


def test_a_damaged_binary_batch_is_named(binary: Files, unpacked: Callable, load: Callable) -> None:
    cut = binary["cifar-10-batches-bin/data_batch_3.bin"][:-1]
    with pytest.raises(BadInputError, match=r"data_batch_3.bin' is damaged \(.* no whole number of records"):
        load(unpacked(binary | {"cifar-10-batches-bin/data_batch_3.bin": cut}), labels=CLASSES, image=(32, 32, 3))
    wild = b"\x0a" + bytes(3072)
    with pytest.raises(BadInputError, match=r"test_batch.bin' is damaged \(class number 10 of 10"):
        load(unpacked(binary | {"cifar-10-batches-bin/test_batch.bin": wild}), labels=CLASSES, image=(32, 32, 3))


def test_both_layouts_at_once_are_refused(binary: Files, pickled: Files, unpacked: Callable, load: Callable) -> None:
    with pytest.raises(BadInputError, match=r"both as pickles and as binary files"):
        load(unpacked(binary | pickled), labels=CLASSES, image=(32, 32, 3))
