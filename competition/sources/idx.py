"""The idx format of MNIST, Fashion-MNIST and EMNIST: `*-images-idx3-ubyte` and `*-labels-idx1-ubyte`, plain or gzip.

Big-endian: two zero bytes, the type (8: unsigned byte), the number of dimensions, the dimensions, the values
(http://yann.lecun.com/exdb/mnist/). EMNIST stores every image transposed and numbers its letters from 1.
"""

import gzip
import io
import math
import re
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from competition.errors import BadInputError
from competition.sources.arrays import array_pool
from competition.sources.members import MAX_MEMBER_BYTES, Container, Member, damaged
from competition.sources.pool import Pool
from competition.sources.reading import Reading

# emnist-letters-train-images-idx3-ubyte.gz, train-images.idx3-ubyte, t10k-labels-idx1-ubyte
NAME = re.compile(r"(?:(?P<set>[\w-]+)-)?(?P<part>train|test|t10k)-(?P<what>images|labels)[.-]idx[13]-ubyte(?:\.gz)?")
EMNIST_LETTERS = "emnist-letters"
UNSIGNED_BYTE = 8


@dataclass(frozen=True, slots=True)
class _Part:
    images: Member
    labels: Member
    part: str


def is_idx(reading: Reading) -> bool:
    """Whether the source holds idx files."""
    return any(NAME.fullmatch(name.rpartition("/")[2]) for name in reading.others)


def read_idx(reading: Reading) -> Pool:
    """All images of the train and test files, in this order.

    Raises:
        BadInputError: a file is missing, cut, or disagrees with its partner.
    """
    chosen, parts = _parts(reading.container)
    images, labels, stretches = [], [], []
    first = 1 if chosen == EMNIST_LETTERS else 0
    for step, part in enumerate(parts):
        reading.wanted.progress("read", step, len(parts))
        pixels = read_array(reading.container, part.images, 3)
        numbers = read_array(reading.container, part.labels, 1)
        if len(pixels) != len(numbers):
            raise damaged(reading.path, part.labels.name, f"{len(numbers):,} labels for {len(pixels):,} images")
        images.append(pixels.transpose(0, 2, 1) if chosen.startswith("emnist") else pixels)
        of_number = {n: reading.wanted.labels.label_at(int(n) - first, part.labels.name) for n in np.unique(numbers)}
        labels += [of_number[number] for number in numbers]
        stretches.append((part.images.name, len(pixels), part.part))
    reading.wanted.progress("read", len(parts), len(parts))
    return array_pool(reading, np.concatenate(images), labels, stretches)


def read_array(container: Container, member: Member, dimensions: int) -> NDArray[np.uint8]:
    """The array of one idx file.

    Raises:
        BadInputError: the file is cut, too long or no idx file of unsigned bytes in so many dimensions.
    """
    packed = container.read(member)
    header_bytes = 4 + 4 * dimensions
    try:
        raw = gzip.GzipFile(fileobj=io.BytesIO(packed)) if member.name.endswith(".gz") else io.BytesIO(packed)
        header = raw.read(header_bytes)
        if header[:4] != bytes([0, 0, UNSIGNED_BYTE, dimensions]) or len(header) < header_bytes:
            raise damaged(container.path, member.name, f"no idx file of unsigned bytes in {dimensions} dimensions")
        shape = struct.unpack(f">{dimensions}I", header[4:])
        size = math.prod(shape)
        if size > MAX_MEMBER_BYTES:
            raise damaged(container.path, member.name, f"it claims to hold {size:,} bytes")
        values = raw.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(container.path, member.name, error) from error
    if len(values) != size:
        held = "more" if len(values) > size else f"{len(values):,}"
        raise damaged(container.path, member.name, f"it claims to hold {size:,} bytes and holds {held}")
    return np.frombuffer(values, np.uint8).reshape(shape)


def _parts(container: Container) -> tuple[str, list[_Part]]:
    """The name of the data set that is read (EMNIST's archive holds six) and its parts."""
    found: dict[tuple[str, str, str], Member] = {}
    for name, member in container.members.items():
        if match := NAME.fullmatch(name.rpartition("/")[2]):
            part = "train" if match["part"] == "train" else "test"
            # A folder may hold a file both packed and unpacked: the unpacked one is read.
            key = (match["set"] or "", part, match["what"])
            if key not in found or not name.endswith(".gz"):
                found[key] = member
    sets = sorted({name for name, _, _ in found})
    chosen = EMNIST_LETTERS if EMNIST_LETTERS in sets else sets[0]
    if len(sets) > 1 and chosen != EMNIST_LETTERS:
        raise BadInputError(f"{container.path}: holds idx files of several data sets ({', '.join(sets)}); keep one")
    parts = []
    for part in ("train", "test"):
        pair = [found.get((chosen, part, what)) for what in ("images", "labels")]
        if pair == [None, None]:
            continue
        images, labels = pair
        if images is None or labels is None:
            there = images or labels
            assert there is not None  # one of the two is there
            raise BadInputError(f"{container.path}: {there.name!r} lacks its partner with the images or the labels")
        parts.append(_Part(images, labels, part))
    return chosen, parts
