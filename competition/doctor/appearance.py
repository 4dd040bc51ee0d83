"""What images look like, as numbers that can be compared: thumbnails, perceptual hashes, features.

All of it is matrix products over blocks of images, so that 60,000 images take seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from competition.doctor.case import Case
from competition.progress import Progress

SIDE = 32  # pixels of a thumbnail
HASH_SIDE = 8  # a perceptual hash has 8 x 8 bits
COARSE = 16  # pixels of the picture that features are made of
COMPONENTS = 64
LEARNED_FROM = 10_000  # images that the principal components are learned from
BLOCK_BYTES = 32 * 1024 * 1024

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Appearance:
    """N items as numbers.

    Attributes:
        thumbnails: float32, N x 32 x 32, gray 0..255; None for the rows of a table.
        shape: float32, N x D, in which near items look alike: principal components, the first the widest.
        features: float32, N x D, each column standardised: what a model of the data would be fed.
    """

    thumbnails: Floats | None
    shape: Floats
    features: Floats


def appearance(case: Case, progress: Progress) -> Appearance:
    """Look at every item once."""
    if not case.has_images:
        columns = standardised(_table_features(case))
        return Appearance(None, columns, columns)
    count = len(case.ids)
    thumbnails = np.empty((count, SIDE, SIDE), dtype=np.float32)
    colours: list[Floats] = []
    for start, block in _blocks(case.images):
        progress("looking at the images", start, count)
        pixels = block.astype(np.float32)
        gray = pixels @ LUMA if pixels.ndim == 4 else pixels
        thumbnails[start : start + len(block)] = resampled(gray, SIDE)
        colours.append(_statistics(pixels, gray))
    progress("looking at the images", count, count)
    shape = components(normalised(thumbnails))
    return Appearance(thumbnails, shape, standardised(np.hstack([shape, np.concatenate(colours)])))


def resampled(gray: Floats, side: int) -> Floats:
    """Gray images at `side` x `side` pixels, each the mean of the area it covers."""
    rows, columns = _area_weights(gray.shape[1], side), _area_weights(gray.shape[2], side)
    small: Floats = np.matmul(np.matmul(rows, gray), columns.T)
    return small


def normalised(thumbnails: Floats) -> Floats:
    """Thumbnails as N x 256 vectors of mean 0 and length 1: brightness and contrast no longer count."""
    flat = resampled(thumbnails, COARSE).reshape(len(thumbnails), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    unit: Floats = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-3)
    return unit


def components(vectors: Floats) -> Floats:
    """The first principal components of N vectors, learned from an even sample of them."""
    sample = vectors[:: max(1, len(vectors) // LEARNED_FROM)]
    mean = sample.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(sample - mean, rowvar=False))
    projected: Floats = (vectors - mean) @ axes[:, : -COMPONENTS - 1 : -1].astype(np.float32)
    return projected


def hashes(thumbnails: Floats) -> Floats:
    """The perceptual hash of each thumbnail as 64 signs, -1 or 1, so that a product of two counts equal bits.

    The low 8 x 8 frequencies of the cosine transform, each above or below their median: N. Krawetz's pHash, "Looks
    Like It" (2011).
    """
    from scipy.fft import dct

    basis = dct(np.eye(SIDE, dtype=np.float32), axis=0, norm="ortho")[:HASH_SIDE]
    low = np.matmul(np.matmul(basis, thumbnails), basis.T).reshape(len(thumbnails), -1)
    low[:, 0] = 0  # the mean brightness
    signs: Floats = np.where(low > np.median(low, axis=1, keepdims=True), 1, -1).astype(np.float32)
    return signs


def standardised(columns: Floats) -> Floats:
    """Columns of mean 0 and deviation 1; constant columns are left out."""
    deviation = columns.std(axis=0)
    kept = deviation > 1e-6
    unit: Floats = ((columns[:, kept] - columns[:, kept].mean(axis=0)) / deviation[kept]).astype(np.float32)
    return unit


def _blocks(images: NDArray[np.uint8]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    step = max(1, BLOCK_BYTES // (4 * images[0].size))
    for start in range(0, len(images), step):
        yield start, images[start : start + step]


def _area_weights(size: int, side: int) -> Floats:
    """side x size: the share of each of `size` pixels in each of `side` equal stretches."""
    edges = np.linspace(0, size, side + 1)
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: Floats = (np.clip(overlap, 0, None) * side / size).astype(np.float32)
    return weights


def _statistics(pixels: Floats, gray: Floats) -> Floats:
    """Brightness, contrast, colour, sharpness and clipping of each image: what a shifted part would differ in."""
    count = len(gray)
    across, down = np.diff(gray, axis=2), np.diff(gray, axis=1)
    columns = [
        pixels.mean(axis=(1, 2)).reshape(count, -1),
        pixels.std(axis=(1, 2)).reshape(count, -1),
        _energy(across),
        _energy(down),
        _energy(np.diff(across, axis=2)),
        (gray < 1).mean(axis=(1, 2))[:, None],
        (gray > 254).mean(axis=(1, 2))[:, None],
    ]
    return np.hstack(columns).astype(np.float32)


def _energy(differences: Floats) -> Floats:
    energy: Floats = np.sqrt(np.square(differences).reshape(len(differences), -1).mean(axis=1, keepdims=True))
    return energy


def _table_features(case: Case) -> Floats:
    """The columns of a table as numbers: gaps become the median and a column of their own, texts their rank."""
    columns = []
    for column in case.features.get_columns():
        values = column.cast(float) if column.dtype.is_numeric() else column.rank("dense").cast(float)
        columns.append(values.fill_nan(None).fill_null(values.median() or 0.0).to_numpy())
        columns.append(column.is_null().to_numpy())
    return np.column_stack(columns).astype(np.float32)
