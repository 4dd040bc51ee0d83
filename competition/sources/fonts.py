"""The embedded letters of `fontchar`: 52,832 rendered glyphs, read from one small file.

The file, as `tools/build_fontchar.py` writes it, is a zip whose members are stored, not deflated:

- `index.json`: `format` (1), `frame_px` (side of an image), `ink_px` (side of the cell in the middle of the frame
  that holds all ink) and the names of the `labels` (one a character), `families` and `styles`.
- `0.xz`, `1.xz`, …: the glyphs of one character each, in the order of `labels`. Glyph k is face k: family k // 4 in
  style k % 4. A pixel is one of 16 darknesses (0 white, 15 black), so a byte holds two that lie side by side, the
  left one in the upper half. A cell is written as columns 4 pixels wide, each from top to bottom: letters are made
  of stems, so the same two bytes come again and again, and LZMA makes of them 0.63 of what lossless WebP does.

Cells are cropped to the ink because every glyph is scaled to fill `ink_px`: the white margin carries nothing.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from competition.errors import BadInputError
from competition.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from competition.sources.pool import Pool

FORMAT = 1
STYLES = ("regular", "bold", "italic", "bold italic")
WHITE = 255
DARKNESS_STEP = 17  # 15 steps from white to black
COLUMN_PX = 4
PIXELS_A_BYTE = 2
# Words that tell a weight or a width: families that differ in them alone are one typeface.
_CUTS = re.compile(
    r"([ -]?(Black|Heavy|Demi|ExtraBold|ExtraLight|Light|Thin|Fat|Condensed|Cnd|Expanded|Deca|Exa|Peta|Zetta))+$"
)
EMBEDDED = Path(__file__).parent.parent / "fontchar" / "glyphs.zip"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """All rendered glyphs, character by character; row i of every member is glyph i.

    Attributes:
        images: uint8, N x 90 x 90, black ink (0) on white (255).
        labels: the character of each glyph.
        families: the font family of each glyph, as in `fonts.csv`.
        styles: "regular", "bold", "italic" or "bold italic".
    """

    images: NDArray[np.uint8]
    labels: list[str]
    families: list[str]
    styles: list[str]


@dataclass(frozen=True, slots=True)
class GlyphIndex:
    """What `index.json` says: the geometry of the glyphs and their names."""

    frame_px: int
    ink_px: int
    labels: list[str]
    families: list[str]
    styles: list[str]

    @property
    def faces(self) -> int:
        """How many glyphs a character has: one a family and style."""
        return len(self.families) * len(self.styles)

    @property
    def packed_bytes(self) -> int:
        """How many bytes the glyphs of one character are before compression."""
        return self.faces * self.ink_px**2 // PIXELS_A_BYTE


def load_glyphs(path: Path, progress: Progress = silent) -> Glyphs:
    """Read all glyphs of the file at `path`, a character at a time on every core.

    Raises:
        BadInputError: the file is missing, truncated, damaged, or not a file of glyphs.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            index = read_index(archive.read("index.json"))
            packed = [archive.read(f"{k}.xz") for k in range(len(index.labels))]
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: there is no such file; fetch it again from the repository") from error
    except (OSError, EOFError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as error:
        raise damaged(path, f"not a whole file of glyphs ({one_line(error)})") from error
    except ValueError as error:
        raise damaged(path, one_line(error)) from error
    return Glyphs(
        images=unpack_all(path, packed, index, progress),
        labels=[label for label in index.labels for _ in range(index.faces)],
        families=[family for family in index.families for _ in index.styles] * len(index.labels),
        styles=index.styles * len(index.families) * len(index.labels),
    )


def embedded_pool(progress: Progress = silent, path: Path = EMBEDDED) -> Pool:
    """The embedded glyphs as a pool: labels are the characters, groups are the typefaces."""
    from competition.sources.pool import Pool

    glyphs = load_glyphs(path, progress)
    names = [
        f"{label}/{family}/{style}"
        for label, family, style in zip(glyphs.labels, glyphs.families, glyphs.styles, strict=True)
    ]
    groups = [typeface(family) for family in glyphs.families]
    return Pool(images=glyphs.images, table=None, labels=glyphs.labels, names=names, groups=groups)


def typeface(family: str) -> str:
    """The typeface that a family is a weight or a width of.

    Letters of `Roboto Thin` in training and of `Roboto` in test would not be letters of an unseen font.

    Example:
        >>> typeface("IBM Plex Sans Thin"), typeface("QT HelvetCnd-Black"), typeface("Lato")
        ('IBM Plex Sans', 'QT Helvet', 'Lato')
    """
    return _CUTS.sub("", family)


def read_index(text: bytes) -> GlyphIndex:
    """Parse and check `index.json`; a ValueError says what is wrong with it."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"index.json is not JSON ({one_line(error)})") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise ValueError(f"index.json is not a glyph index of format {FORMAT}")
    frame_px, ink_px = number(raw, "frame_px"), number(raw, "ink_px")
    if ink_px > frame_px or ink_px % COLUMN_PX or (frame_px - ink_px) % 2:
        raise ValueError(f"index.json: {ink_px} pixels of ink do not fit in the middle of {frame_px}")
    return GlyphIndex(frame_px, ink_px, texts(raw, "labels"), texts(raw, "families"), texts(raw, "styles"))


def number(raw: dict[str, Any], key: str) -> int:
    """The small positive whole number at `key` of the index."""
    value = raw.get(key)
    if type(value) is not int or not 0 < value <= 1024:
        raise ValueError(f"index.json: {key} must be a whole number from 1 to 1024")
    return value


def texts(raw: dict[str, Any], key: str) -> list[str]:
    """The list of distinct names at `key` of the index."""
    value = raw.get(key)
    if not isinstance(value, list) or not 0 < len(value) <= 4096 or not all(isinstance(v, str) for v in value):
        raise ValueError(f"index.json: {key} must be a list of names")
    if len(set(value)) < len(value):
        raise ValueError(f"index.json: {key} names something twice")
    return value


def unpack_all(path: Path, packed: list[bytes], index: GlyphIndex, progress: Progress) -> NDArray[np.uint8]:
    """Unpack the characters in threads (lzma and numpy let go of the interpreter) into framed images."""
    px = index.frame_px
    images = np.empty((len(packed), index.faces, px, px), np.uint8)

    def unpack_into(label: int) -> None:
        try:
            unpack(packed[label], index, images[label])
        except (lzma.LZMAError, EOFError, ValueError) as error:
            raise damaged(path, f"{label}.xz: {one_line(error)}") from error

    progress("unpacking glyphs", 0, len(packed))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for done, _ in enumerate(threads.map(unpack_into, range(len(packed))), start=1):
            progress("unpacking glyphs", done, len(packed))
    return images.reshape(-1, px, px)


def unpack(packed: bytes, index: GlyphIndex, images: NDArray[np.uint8]) -> None:
    """Write one character's glyphs into `images`, faces x frame_px x frame_px."""
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    # one byte more than there may be, so that too long a content shows without being unpacked
    content = decompressor.decompress(packed, max_length=index.packed_bytes + 1)
    if len(content) != index.packed_bytes:
        raise ValueError(f"{len(content)} bytes or more of pixels, expected {index.packed_bytes}")
    px, margin = index.ink_px, (index.frame_px - index.ink_px) // 2
    columns = np.frombuffer(content, np.uint8).reshape(-1, px // COLUMN_PX, px, COLUMN_PX // PIXELS_A_BYTE)
    pairs = columns.swapaxes(1, 2).reshape(-1, px, px // PIXELS_A_BYTE)
    images[:] = WHITE
    cells = images[:, margin : margin + px, margin : margin + px]
    cells[..., 0::2] = WHITE - DARKNESS_STEP * (pairs >> 4)
    cells[..., 1::2] = WHITE - DARKNESS_STEP * (pairs & 15)


def pack(cells: NDArray[np.uint8]) -> bytes:
    """The opposite of `unpack`: one character's cells, faces x ink_px x ink_px gray, compressed."""
    px = cells.shape[-1]
    darkness = ((WHITE - cells.astype(np.uint16) + DARKNESS_STEP // 2) // DARKNESS_STEP).astype(np.uint8)
    pairs = darkness[..., 0::2] << 4 | darkness[..., 1::2]
    columns = pairs.reshape(-1, px, px // COLUMN_PX, COLUMN_PX // PIXELS_A_BYTE).swapaxes(1, 2)
    two_byte_words = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 3, "lp": 1, "pb": 1}
    return lzma.compress(columns.tobytes(), lzma.FORMAT_XZ, filters=[two_byte_words])


def damaged(path: Path, why: str) -> BadInputError:
    """The error for a file that is there but cannot be read."""
    return BadInputError(f"{path}: {why}; fetch the file again, or build it with tools/build_fontchar.py")


def one_line(error: Exception) -> str:
    """The error's own words, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__
