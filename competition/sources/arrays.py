"""Raw images that a source holds as one array: a pool of them, at the image shape of the competition."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from competition.errors import UserError
from competition.sources.picture import Shape, fitted
from competition.sources.pool import Pool
from competition.sources.reading import Reading


def array_pool(
    reading: Reading,
    images: NDArray[np.uint8],
    labels: Sequence[str | None],
    parts: Sequence[tuple[str, int, str]],
) -> Pool:
    """A pool of the images, resized where their size is not the competition's.

    Args:
        reading: the source they come from.
        images: uint8, N x height x width or N x height x width x 3.
        labels: N labels of the label set; None drops the item.
        parts: the file, the number of items and "train" or "test" for each stretch of the array, in its order.
    """
    if reading.wanted.shape is None:
        raise UserError(f"{reading.path}: holds images, but the spec has no `image` shape; add it to competition.yaml")
    items = [(f"{file}:{row}", part) for file, count, part in parts for row in range(count)]
    kept = [index for index, label in enumerate(labels) if label is not None]
    return Pool(
        images=_at_shape(images if len(kept) == len(labels) else images[kept], reading.wanted.shape),
        table=None,
        labels=[label for label in labels if label is not None],
        names=[items[index][0] for index in kept],
        parts=[items[index][1] for index in kept],
    )


def _at_shape(images: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    if images.shape[1:] == shape.array_shape:
        return images
    mode = "L" if shape.channels == 1 else "RGB"
    # An array has no paper around its ink: it is scaled, never cut.
    plain = Shape(shape.height, shape.width, shape.channels)
    out = np.empty((len(images), *shape.array_shape), dtype=np.uint8)
    for image, to in zip(images, out, strict=True):
        to[...] = fitted(np.asarray(Image.fromarray(image).convert(mode)), plain)
    return out
