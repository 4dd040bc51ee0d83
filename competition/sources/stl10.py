"""STL-10 in its official layout, `stl10_binary`: `train_X.bin`, `train_y.bin`, `test_X.bin`, `test_y.bin`.

https://cs.stanford.edu/~acoates/stl10: an image is 3 planes of 96x96 bytes, each *column by column*; labels are bytes
1..10.
The 100,000 images without labels are not read.
"""

import numpy as np

from competition.errors import BadInputError
from competition.sources.arrays import array_pool
from competition.sources.members import Member, damaged
from competition.sources.pool import Pool
from competition.sources.reading import Reading

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
SIDE_PX = 96
IMAGE_BYTES = 3 * SIDE_PX * SIDE_PX


def is_stl10(reading: Reading) -> bool:
    """Whether the source holds the labelled part of STL-10."""
    return bool(_members(reading))


def read_stl10(reading: Reading) -> Pool:
    """The 5,000 + 8,000 labelled images, the train part first.

    Raises:
        BadInputError: a file is missing or damaged.
    """
    members = _members(reading)
    images, labels, stretches = [], [], []
    for step, part in enumerate(("train", "test")):
        reading.wanted.progress("read", step, 2)
        missing = [name for name in (f"{part}_X.bin", f"{part}_y.bin") if name not in members]
        if missing:
            raise BadInputError(f"{reading.path}: lacks {missing[0]!r} of STL-10")
        pixels, numbers = (
            np.frombuffer(reading.container.read(members[f"{part}_{what}.bin"]), np.uint8) for what in "Xy"
        )
        if len(pixels) != len(numbers) * IMAGE_BYTES:
            reason = f"{len(pixels):,} bytes of pixels for {len(numbers):,} labels"
            raise damaged(reading.path, members[f"{part}_X.bin"].name, reason)
        if len(numbers) and not 1 <= numbers.min() <= numbers.max() <= len(CLASSES):
            raise damaged(reading.path, members[f"{part}_y.bin"].name, "a class number is not from 1 to 10")
        # From planes x columns x rows to rows x columns x planes.
        images.append(pixels.reshape(-1, 3, SIDE_PX, SIDE_PX).transpose(0, 3, 2, 1))
        names = [reading.wanted.labels.label_of(name, reading.path, members[f"{part}_y.bin"].name) for name in CLASSES]
        labels += [names[number - 1] for number in numbers]
        stretches.append((members[f"{part}_X.bin"].name, len(numbers), part))
    reading.wanted.progress("read", 2, 2)
    return array_pool(reading, np.concatenate(images), labels, stretches)


def _members(reading: Reading) -> dict[str, Member]:
    wanted = {f"{part}_{what}.bin" for part in ("train", "test") for what in "Xy"}
    return {
        name.rpartition("/")[2]: reading.container.members[name]
        for name in reading.others
        if name.rpartition("/")[2] in wanted
    }
