"""CIFAR-10 in its two official layouts: `cifar-10-batches-bin` and the Python pickles `cifar-10-batches-py`.

https://www.cs.toronto.edu/~kriz/cifar.html: a record is a label byte and 3,072 bytes, the red, green and blue planes of
32x32 pixels, row by row; a pickled batch is a dictionary with the same planes as one array of unsigned bytes.
"""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from competition.errors import BadInputError
from competition.sources.arrays import array_pool
from competition.sources.batch_pickle import read_batch
from competition.sources.members import Container, Member, damaged
from competition.sources.pool import Pool
from competition.sources.reading import Reading

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCH = re.compile(r"(?P<part>data|test)_batch(?:_\d)?(?P<binary>\.bin)?")
SIDE_PX = 32
PLANES_BYTES = 3 * SIDE_PX * SIDE_PX


class _Batch(NamedTuple):
    member: Member
    part: str
    is_binary: bool


def is_cifar10(reading: Reading) -> bool:
    """Whether the source holds CIFAR-10 batches."""
    return any(BATCH.fullmatch(name.rpartition("/")[2]) for name in reading.others)


def read_cifar10(reading: Reading) -> Pool:
    """The images of all batches, the training batches first.

    Raises:
        BadInputError: a batch is damaged.
    """
    batches = _batches(reading)
    images, labels, stretches = [], [], []
    for step, batch in enumerate(batches):
        reading.wanted.progress("read", step, len(batches))
        planes, numbers = _read(reading.container, batch)
        if len(numbers) and numbers.max() >= len(CLASSES):
            raise damaged(reading.path, batch.member.name, f"class number {numbers.max()} of {len(CLASSES)}")
        images.append(planes.reshape(-1, 3, SIDE_PX, SIDE_PX).transpose(0, 2, 3, 1))
        names = [reading.wanted.labels.label_of(name, reading.path, batch.member.name) for name in CLASSES]
        labels += [names[number] for number in numbers]
        stretches.append((batch.member.name, len(numbers), batch.part))
    reading.wanted.progress("read", len(batches), len(batches))
    return array_pool(reading, np.concatenate(images), labels, stretches)


def _batches(reading: Reading) -> list[_Batch]:
    found = []
    for name in reading.others:
        if match := BATCH.fullmatch(name.rpartition("/")[2]):
            part = "train" if match["part"] == "data" else "test"
            found.append(_Batch(reading.container.members[name], part, match["binary"] is not None))
    if len({batch.is_binary for batch in found}) > 1:
        raise BadInputError(f"{reading.path}: holds CIFAR-10 both as pickles and as binary files; name one of them")
    return sorted(found, key=lambda batch: (batch.part != "train", batch.member.name))


def _read(container: Container, batch: _Batch) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The planes (N x 3072) and the class numbers (N) of a batch, both uint8."""
    data = container.read(batch.member)
    if not batch.is_binary:
        try:
            return read_batch(data, PLANES_BYTES)
        except ValueError as error:
            raise damaged(container.path, batch.member.name, error) from error
    if len(data) % (1 + PLANES_BYTES):
        raise damaged(container.path, batch.member.name, f"{len(data):,} bytes are no whole number of records")
    records = np.frombuffer(data, np.uint8).reshape(-1, 1 + PLANES_BYTES)
    return records[:, 1:], records[:, 0]
