"""Handwriting from any paper to EMNIST's form: white ink on black, cut, centred in a square with a border.

After section II-B of G. Cohen, S. Afshar, J. Tapson and A. van Schaik, "EMNIST: an extension of MNIST to handwritten
letters", 2017 (arXiv:1702.05373): take the bounding box of the ink, centre it in a square frame with its aspect
ratio kept and a border of two pixels, scale it down with bicubic interpolation, stretch the intensities to 0..255.
Unlike NIST's binary scans, photographs have a shaded gray background: it is found on the border of the picture, and the
ink by Otsu's threshold.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Gray = NDArray[np.uint8]

BORDER_PX = 2


def centred_ink(gray: Gray, height: int, width: int) -> Gray:
    """The ink of a gray image (2-D uint8) as a height x width image, 255 where it is darkest, 0 for paper.

    An image without any contrast comes out black.
    """
    ink = _ink(gray)
    threshold, mask = cv2.threshold(ink, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    canvas = Image.new("L", (width, height))
    if not len(rows):
        return np.asarray(canvas)
    cut = _stretched(ink, int(threshold))[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min((height - 2 * BORDER_PX) / cut.shape[0], (width - 2 * BORDER_PX) / cut.shape[1])
    size = max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale))
    letter = Image.fromarray(cut).resize(size, Image.Resampling.BICUBIC)
    canvas.paste(letter, ((width - size[0]) // 2, (height - size[1]) // 2))
    return np.asarray(canvas)


def _ink(gray: Gray) -> Gray:
    """How far each pixel is from the paper, towards the side on which the ink lies."""
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    paper = int(np.sort(border)[len(border) // 2])
    darker = np.clip(paper - gray.astype(np.int16), 0, 255)
    brighter = np.clip(gray.astype(np.int16) - paper, 0, 255)
    return (darker if darker.sum() >= brighter.sum() else brighter).astype(np.uint8)


def _stretched(ink: Gray, threshold: int) -> Gray:
    """The ink from half the threshold (paper) to its darkest (255); whole numbers, the same on every machine."""
    low, high = threshold // 2, int(ink.max())
    return (np.clip(ink.astype(np.int32) - low, 0, None) * 255 // max(high - low, 1)).astype(np.uint8)
