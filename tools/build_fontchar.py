"""Render the letters of `fontchar` from freely licensed fonts: `python tools/build_fontchar.py [--fonts DIR]`.

`competition/fontchar/fonts.csv` is the whole recipe: one row a face, four styles a family. A face marked `true` is
drawn from a file of that very style; a `synthesised` one is drawn from another file of its family and slanted or
emboldened the way browsers do. Every glyph is then framed as in Chars74K "Fnt": black on white, scaled without
distortion until its ink fills 97/128 of the frame in the larger direction, ink box in the middle.

Without --fonts the Debian package that the table was made from is downloaded and unpacked, not installed. The same
fonts, Pillow and FreeType give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from competition.errors import BadInputError, UserError
from competition.sources.fonts import FORMAT, STYLES, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CHARACTERS = "0123456789" + "ABCDEFGHIJKLMNPQRSTUVWXYZ" + "abdefghijmnoqrtuy"
FRAME_PX = 90
INK_PX = 68  # measured on Chars74K: the larger side of the ink is 97 of 128 pixels, 68.2 of 90

DRAWN_PX = 400  # font size at which outlines are drawn before shrinking: five to ten times the final size
SLANT = 1 / 4  # Skia's and CSS's synthetic oblique: x grows by a quarter of the height, 14 degrees
BOLDER = 1 / 32  # Skia's synthetic bold from 36 pixels on: strokes grow by this part of the font size
MIN_DIFFERENCE = 0.01  # of the pixels' full range: families closer than this are one design under two names

PACKAGE = "texlive-fonts-extra"
INSIDE_PACKAGE = Path("usr/share/texlive/texmf-dist")
LICENCES = {
    "Apache-2.0",
    "BSD-3-Clause",
    "Bitstream-Vera",
    "GPL",
    "GPL-2.0-or-later",
    "GPL-2.0-or-later with font exception",
    "GPL-3.0",
    "GUST-Font-License",
    "GUST-Font-Source-License",
    "LPPL",
    "LPPL-1.3",
    "LPPL-1.3c",
    "MIT",
    "OFL-1.1",
}
FOLDER = Path(__file__).parent.parent / "competition" / "fontchar"


@dataclass(frozen=True, slots=True)
class Face:
    """One row of `fonts.csv`, with what has to be done to the file's letters."""

    family: str
    style: str
    file: str
    bolder: bool
    slanted: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the file of glyphs; returns the exit code."""
    options = parse_options(arguments)
    try:
        build(options.fonts, options.table, options.out, options.processes)
    except UserError as error:
        print(f"build_fontchar: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Render the letters of the fontchar competition.")
    parser.add_argument("--fonts", type=Path, help=f"unpacked {PACKAGE} (default: download it with apt-get)")
    parser.add_argument("--table", type=Path, default=FOLDER / "fonts.csv", help="which fonts, one row a face")
    parser.add_argument("--out", type=Path, default=FOLDER / "glyphs.zip", help="the file to write")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many processes draw")
    return parser.parse_args(arguments)


def build(fonts: Path | None, table: Path, out: Path, processes: int | None) -> None:
    """Draw every face of `table` and write the glyphs to `out`, whole or not at all."""
    faces = read_table(table)
    with tempfile.TemporaryDirectory() as scratch:
        root = fonts or fetch_package(Path(scratch))
        inside = root / INSIDE_PACKAGE
        glyphs = draw_faces(faces, inside if inside.is_dir() else root, processes)
    check_distinct(faces, glyphs)
    write_glyphs(out, [face.family for face in faces[:: len(STYLES)]], glyphs)
    report(f"{out}: {glyphs.shape[0] * glyphs.shape[1]:,} glyphs, {out.stat().st_size / 1e6:.2f} MB")


def fetch_package(folder: Path) -> Path:
    """Download the Debian package into `folder` and unpack it there."""
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise UserError(f"{tool} is not on this machine; unpack {PACKAGE} elsewhere and give it with --fonts")
    report(f"downloading {PACKAGE}")
    try:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
        [package] = folder.glob(f"{PACKAGE}_*.deb")
        subprocess.run(["dpkg", "-x", package.name, "unpacked"], cwd=folder, check=True)
    except (subprocess.CalledProcessError, ValueError) as error:
        raise UserError(f"{PACKAGE} could not be fetched ({error}); give an unpacked copy with --fonts") from error
    return folder / "unpacked"


def read_table(path: Path) -> list[Face]:
    """The faces of `fonts.csv` in order, checked: four styles a family, known licences."""
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), strict=True))
        true_style = {row["file"]: row["style"] for row in rows if row["face"] == "true"}
        faces = [face_of(row, true_style) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise BadInputError(f"{path}: not a table of faces ({error!r})") from error
    for row in rows:
        if row["licence"] not in LICENCES:
            raise BadInputError(f"{path}: {row['family']}: the licence {row['licence']!r} is not one that allows this")
    for family, group in groupby(faces, key=lambda face: face.family):
        if [face.style for face in group] != list(STYLES):
            raise BadInputError(f"{path}: {family}: give the styles {', '.join(STYLES)}, once each and in that order")
    if repeated := [family for family, rows in Counter(f.family for f in faces).items() if rows > len(STYLES)]:
        raise BadInputError(f"{path}: the family {repeated[0]} is listed twice")
    return faces


def face_of(row: dict[str, str], true_style: dict[str, str]) -> Face:
    """A row's face: what its style asks for beyond the style its file really has is synthesised."""
    has = true_style[row["file"]]
    return Face(
        family=row["family"],
        style=row["style"],
        file=row["file"],
        bolder="bold" in row["style"] and "bold" not in has,
        slanted="italic" in row["style"] and "italic" not in has,
    )


def draw_faces(faces: list[Face], root: Path, processes: int | None) -> NDArray[np.uint8]:
    """The glyphs of all faces as black on white: faces x characters x ink_px x ink_px."""
    glyphs = np.empty((len(faces), len(CHARACTERS), INK_PX, INK_PX), np.uint8)
    with ProcessPoolExecutor(processes) as pool:
        for done, drawn in enumerate(pool.map(partial(draw_face, root=root), faces, chunksize=4)):
            glyphs[done] = drawn
            if done % 100 == 0:
                report(f"drew {done} of {len(faces)} faces")
    return glyphs


def draw_face(face: Face, root: Path) -> NDArray[np.uint8]:
    """The characters of one face, characters x ink_px x ink_px."""
    path = root / face.file
    try:
        # the plain layout: no ligatures, no contextual forms
        font = ImageFont.truetype(str(path), DRAWN_PX, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        raise BadInputError(f"{path}: not a font that can be read ({error}); is this the right {PACKAGE}?") from error
    undrawn = bytes(font.getmask("\U0010fffd"))  # what the font shows for a character it has not
    glyphs = []
    for character in CHARACTERS:
        ink = draw(font, character, face.bolder, face.slanted)
        if ink.getbbox() is None or bytes(font.getmask(character)) == undrawn:
            raise BadInputError(f"{path}: the font has no {character!r}")
        glyphs.append(frame(ink))
    return np.stack(glyphs)


def draw(font: ImageFont.FreeTypeFont, character: str, bolder: bool, slanted: bool) -> Image.Image:
    """The character's ink (255) on nothing (0), large, with a border of nothing around it."""
    stroke = font.size * BOLDER / 2 if bolder else 0  # FreeType's stroker grows an outline by this on either side
    left, top, right, bottom = font.getbbox(character, anchor="ls", stroke_width=stroke)
    ink = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4), 0)
    ImageDraw.Draw(ink).text(
        (2 - left, 2 - top), character, 255, font, anchor="ls", stroke_width=stroke, stroke_fill=255
    )
    if not slanted:
        return ink
    lean = SLANT * ink.height
    return ink.transform(
        (ink.width + int(lean) + 2, ink.height),
        Image.Transform.AFFINE,
        (1, SLANT, -lean, 0, 1, 0),
        Image.Resampling.BILINEAR,
    )


def frame(ink: Image.Image) -> NDArray[np.uint8]:
    """Shrink the ink until its larger side fills ink_px, centred: black on white, ink_px x ink_px."""
    left, top, right, bottom = ink.getbbox() or (0, 0, 1, 1)
    side = max(right - left, bottom - top)
    square = Image.new("L", (2 * side, 2 * side), 0)  # room around the ink for the box, which may lie between pixels
    square.paste(ink.crop((left, top, right, bottom)), (side // 2, side // 2))
    x, y = side // 2 - (side - (right - left)) / 2, side // 2 - (side - (bottom - top)) / 2
    small = square.resize((INK_PX, INK_PX), Image.Resampling.BOX, box=(x, y, x + side, y + side))
    return 255 - np.asarray(small)


def check_distinct(faces: list[Face], glyphs: NDArray[np.uint8]) -> None:
    """Refuse two families whose regular faces are nearly the same pixels."""
    regular = glyphs[:: len(STYLES), ::3, ::2, ::2].reshape(-1, -(-len(CHARACTERS) // 3) * (INK_PX // 2) ** 2)
    pixels = regular.astype(np.int16)
    for k in range(1, len(pixels)):
        difference = np.abs(pixels[:k] - pixels[k]).mean(axis=1) / 255
        nearest = int(difference.argmin())
        if difference[nearest] < MIN_DIFFERENCE:
            one, other = faces[nearest * len(STYLES)].family, faces[k * len(STYLES)].family
            raise BadInputError(f"the families {one} and {other} are the same glyphs under two names: leave one out")


def write_glyphs(out: Path, families: list[str], glyphs: NDArray[np.uint8]) -> None:
    """Write the file aside and move it into place; times are fixed so that equal glyphs give equal bytes."""
    index = {
        "format": FORMAT,
        "frame_px": FRAME_PX,
        "ink_px": INK_PX,
        "labels": list(CHARACTERS),
        "families": families,
        "styles": list(STYLES),
    }
    aside = out.with_name(out.name + ".part")
    try:
        with ThreadPoolExecutor(os.cpu_count()) as threads, zipfile.ZipFile(aside, "w") as archive:
            archive.writestr(zipfile.ZipInfo("index.json"), json.dumps(index, ensure_ascii=False, indent=1))
            for k, packed in enumerate(threads.map(pack, glyphs.swapaxes(0, 1))):
                archive.writestr(zipfile.ZipInfo(f"{k}.xz"), packed)
        aside.replace(out)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error})") from error
    finally:
        aside.unlink(missing_ok=True)


def report(line: str) -> None:
    """Tell how the work goes."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
