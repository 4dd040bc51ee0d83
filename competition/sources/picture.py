"""One encoded image to pixels: decoded strictly, upright, without transparency, brought to a shape.

OpenCV decodes JPEG and plain PNG, 2 to 3 times faster than Pillow. Pillow decodes all else and whatever OpenCV refuses,
so that its word on a damaged file is the last. Both give the same pixels (tested).
Resizing and gray are Pillow's, whose whole-number arithmetic gives the same bytes on every machine.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from competition.sources.ink import centred_ink

Pixels = NDArray[np.uint8]

MAX_IMAGE_BYTES = 64 << 20
MAX_IMAGE_PIXELS = 64_000_000  # 192 MB of RGB
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".jfif")

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
PNG_COLOR_TYPE = 25  # byte of the header; 0 gray and 2 RGB have neither palette nor transparency of their own
NO_SIZE_MARKERS = frozenset({0xC4, 0xC8, 0xCC})


@dataclass(frozen=True, slots=True)
class Shape:
    """What every image becomes.

    Attributes:
        height: pixels.
        width: pixels.
        channels: 1 (gray, the array is 2-D) or 3 (RGB).
        fit: `stretch` scales an image of another size; `ink` cuts and centres its ink, white on black.
    """

    height: int
    width: int
    channels: int
    fit: Literal["stretch", "ink"] = "stretch"

    @property
    def array_shape(self) -> tuple[int, ...]:
        """The shape of one image as an array."""
        return (self.height, self.width) if self.channels == 1 else (self.height, self.width, 3)


def decode_into(out: Pixels, data: bytes, shape: Shape) -> None:
    """Decode one image into `out`, a uint8 array of `shape.array_shape`.

    Raises:
        ValueError: the data is no image, damaged or too large; the message says which.
    """
    pixels = decode(data, shape.channels)
    out[...] = pixels if pixels.shape == out.shape and shape.fit == "stretch" else fitted(pixels, shape)


def decode(data: bytes, channels: int) -> Pixels:
    """The pixels of an encoded image, gray (2-D) for 1 channel, RGB (3-D) for 3.

    Raises:
        ValueError: the data is no image, damaged or too large.
    """
    if len(data) > MAX_IMAGE_BYTES:
        raise ValueError(f"{len(data):,} bytes; an image may have {MAX_IMAGE_BYTES:,}")
    if (size := _plain_size(data)) is None:
        return _decode_by_pillow(data, channels)
    _refuse_huge(*size)
    # A gray file stays gray here; colour is made gray by Pillow below, like everywhere else.
    flag = cv2.IMREAD_ANYCOLOR if channels == 1 else cv2.IMREAD_COLOR
    pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if pixels is None:
        return _decode_by_pillow(data, channels)
    if pixels.ndim == 3:
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
    if channels == 1 and pixels.ndim == 3:
        return np.asarray(Image.fromarray(pixels).convert("L"))
    return pixels  # type: ignore[no-any-return]


def fitted(pixels: Pixels, shape: Shape) -> Pixels:
    """The pixels at the height and width of `shape`."""
    if shape.fit == "ink":
        gray = pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))
        ink = centred_ink(gray, shape.height, shape.width)
        return ink if shape.channels == 1 else np.repeat(ink[..., np.newaxis], 3, axis=2)
    resized = Image.fromarray(pixels).resize((shape.width, shape.height), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def _plain_size(data: bytes) -> tuple[int, int] | None:
    """Height and width of a JPEG or a PNG that is plain and complete at its end; None: let Pillow look at it."""
    if data.startswith(JPEG_START):
        return _jpeg_size(data) if data.endswith(JPEG_END) else None
    if data.startswith(PNG_START) and data.endswith(PNG_END) and data[PNG_COLOR_TYPE] in (0, 2):
        if b"tRNS" in data[:256]:
            return None
        return int.from_bytes(data[20:24]), int.from_bytes(data[16:20])
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Height and width from the frame header of a gray or three-colour JPEG (ITU-T T.81, B.2.2)."""
    at = 2
    while at + 10 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in NO_SIZE_MARKERS:
            size = int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
            return size if data[at + 9] in (1, 3) else None
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _refuse_huge(height: int, width: int) -> None:
    if height * width > MAX_IMAGE_PIXELS:
        raise ValueError(f"{width:,} x {height:,} pixels; an image may have {MAX_IMAGE_PIXELS:,}")


def _decode_by_pillow(data: bytes, channels: int) -> Pixels:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as image:
            _refuse_huge(image.height, image.width)
            upright = ImageOps.exif_transpose(image)
            return np.asarray(_on_white(upright).convert("L" if channels == 1 else "RGB"))
    except UnidentifiedImageError:
        raise ValueError("no image that is known here") from None
    # What Pillow raises on hostile bytes is not declared anywhere; these were seen.
    except (OSError, SyntaxError, EOFError, TypeError, IndexError, KeyError, ArithmeticError, MemoryError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"more pixels than an image may have ({MAX_IMAGE_PIXELS:,})") from error


def _on_white(image: Image.Image) -> Image.Image:
    """An image without transparency: what is transparent is white, as on paper."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    with_alpha = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), with_alpha)
