"""Contact sheets: one picture a class, and one of all classes, to be looked at with one's own eyes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from competition import seeds
from competition.bundle_writer import label_folders
from competition.doctor.case import PART_NAMES, Case
from competition.doctor.finding import Finding
from competition.doctor.label_noise import Doubtful
from competition.private import FILE_MODE
from competition.progress import Progress

COLUMNS, CELL, GAP, MARGIN = 16, 64, 6, 40
ROWS = {"train": 6, "validation": 2, "test": 3}
DOUBTFUL_ROWS = 2
OVERVIEW = "classes.png"

PAPER, INK, FAINT, RED, CARD, EDGE = "#fbfaf7", "#1d2a35", "#84909a", "#c8402f", "#ffffff", "#e8e6e0"
FRAME = 2  # pixels around an image in doubt, within the gap
# The first one that is there writes labels that Pillow's own font has no glyphs for.
FONTS = ("NotoSansCJK-Regular.ttc", "NanumGothic.ttf", "AppleSDGothicNeo.ttc", "malgun.ttf", "DejaVuSans.ttf")

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Ints = NDArray[np.int64]


@dataclass
class Sheet:
    """A page that grows downwards."""

    height: int
    image: Image.Image = field(init=False)
    y: int = MARGIN

    def __post_init__(self) -> None:
        width = 2 * MARGIN + COLUMNS * (CELL + GAP) - GAP
        self.image = Image.new("RGB", (width, self.height), PAPER)

    def text(self, x: int, y: int, words: str, size: int, colour: str = INK, anchor: str = "ls") -> int:
        """Write words from (x, y), on a base line; returns where they end."""
        font = _font(size, words.isascii())
        ImageDraw.Draw(self.image).text((x, y), words, font=font, fill=colour, anchor=anchor)
        return x + int(font.getlength(words))

    def picture(self, x: int, y: int, pixels: NDArray[np.uint8], frame: str | None = None) -> None:
        """An image in the middle of its cell, on a white card, or in a frame."""
        edge = FRAME if frame else 1
        box = (x - edge, y - edge, x + CELL + edge - 1, y + CELL + edge - 1)
        ImageDraw.Draw(self.image).rectangle(box, fill=CARD, outline=frame or EDGE, width=edge)
        small = fitted(pixels, CELL)
        self.image.paste(small, (x + (CELL - small.width) // 2, y + (CELL - small.height) // 2))

    def save(self, path: Path) -> None:
        """Write the page as a PNG file for its owner alone."""
        path.touch(mode=FILE_MODE)
        self.image.save(path)


def draw_sheets(case: Case, doubtful: Doubtful, folder: Path, progress: Progress) -> list[Finding]:
    """Draw `<class>.png` for each class and `classes.png` for all."""
    if not case.has_images:
        return []
    names = class_names(case)
    generator = seeds.stream(case.competition.spec.seed, "doctor sheets")
    shuffled = generator.permutation(len(case.ids))
    overview = Sheet(2 * MARGIN + 70 + len(names) * (CELL + 3 * GAP))
    overview.text(MARGIN, MARGIN + 26, case.bundle.rules.title, 28)
    overview.text(MARGIN, MARGIN + 50, f"{case.competition.name}: {len(case.ids):,} images", 15, FAINT)
    overview.y += 70
    for index, (name, file) in enumerate(zip(names, _files(names), strict=True)):
        progress("drawing contact sheets", index, len(names))
        rows = shuffled[case.targets[shuffled] == index]
        _class_sheet(case, name, index, rows, doubtful).save(folder / file)
        _strip(overview, case, name, rows)
    overview.save(folder / OVERVIEW)
    progress("drawing contact sheets", len(names), len(names))
    return [Finding("ok", "pictures", f"{len(names)} contact sheets, one a class, and {OVERVIEW} of them all")]


def class_names(case: Case) -> list[str]:
    """What the classes are called; tenths of the values in a regression."""
    if case.has_classes:
        return list(case.bundle.rules.labels)
    return [f"tenth {number + 1} of the values" for number in range(int(case.targets.max()) + 1)]


def fitted(pixels: NDArray[np.uint8], side: int) -> Image.Image:
    """An image as large as it fits: small ones in whole steps, so that each pixel is seen."""
    image = Image.fromarray(pixels).convert("RGB")
    scale = side / max(image.size)
    if scale >= 1:
        whole = int(scale)
        return image.resize((image.width * whole, image.height * whole), Image.Resampling.NEAREST)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


def _files(names: Sequence[str]) -> list[str]:
    width = len(str(len(names) - 1))
    plain = [
        folder.partition("-")[2] if folder != name else name
        for folder, name in zip(label_folders(names), names, strict=True)
    ]
    return [f"{index:0{width}}-{name}.png" for index, name in enumerate(plain)]


def _class_sheet(case: Case, name: str, index: int, rows: Ints, doubtful: Doubtful) -> Sheet:
    """Random items of each part, then the doubtful ones with what they look like instead."""
    parts = {part: rows[case.parts[rows] == number] for number, part in enumerate(PART_NAMES)}
    shown = {part: found[: ROWS[part] * COLUMNS] for part, found in parts.items() if len(found)}
    doubts = np.flatnonzero(case.targets[doubtful.rows] == index)[: DOUBTFUL_ROWS * COLUMNS]
    heights = [34 + _lines(found) * (CELL + GAP) + 14 for found in shown.values()]
    if len(doubts):
        heights.append(34 + _lines(doubts) * (CELL + GAP + 16) + 14)
    sheet = Sheet(2 * MARGIN + 56 + sum(heights))
    end = sheet.text(MARGIN, sheet.y + 30, name, 36)
    classes = int(case.targets.max()) + 1
    sheet.text(end + 18, sheet.y + 30, f"class {index + 1} of {classes} of {case.competition.name}", 16, FAINT)
    sheet.y += 56
    for part, found in shown.items():
        _heading(sheet, part, f"{len(found):,} of {len(parts[part]):,}")
        _grid(sheet, case, found)
    if len(doubts):
        _heading(sheet, "in doubt", "two models that never saw them call them what stands below", RED)
        _doubtful(sheet, case, doubtful, doubts)
    return sheet


def _heading(sheet: Sheet, words: str, more: str, colour: str = INK) -> None:
    end = sheet.text(MARGIN, sheet.y + 20, words, 17, colour)
    sheet.text(end + 10, sheet.y + 20, more, 14, FAINT)
    sheet.y += 34


def _grid(sheet: Sheet, case: Case, rows: Ints) -> None:
    for place, row in enumerate(rows):
        sheet.picture(*_corner(sheet, place, CELL + GAP), case.images[row])
    sheet.y += _lines(rows) * (CELL + GAP) + 14


def _doubtful(sheet: Sheet, case: Case, doubtful: Doubtful, doubts: Ints) -> None:
    names = class_names(case)
    for place, doubt in enumerate(doubts):
        x, y = _corner(sheet, place, CELL + GAP + 16)
        sheet.picture(x, y, case.images[doubtful.rows[doubt]], RED)
        other = names[doubtful.suggested[doubt]]
        sheet.text(x + CELL // 2, y + CELL + 14, other if len(other) < 10 else other[:9] + "…", 12, RED, "ms")
    sheet.y += _lines(doubts) * (CELL + GAP + 16) + 14


def _strip(sheet: Sheet, case: Case, name: str, rows: Ints) -> None:
    """A row of the overview: the name of the class, how many there are, and as many images as fit."""
    words = name if len(name) < 14 else name[:13] + "…"
    sheet.text(MARGIN, sheet.y + 32, words, 20)
    sheet.text(MARGIN, sheet.y + 52, f"{len(rows):,}", 13, FAINT)
    for place, row in enumerate(rows[: COLUMNS - 2]):
        x, y = _corner(sheet, place + 2, CELL)
        sheet.picture(x, y, case.images[row])
    sheet.y += CELL + 3 * GAP


def _corner(sheet: Sheet, place: int, step: int) -> tuple[int, int]:
    line, column = divmod(place, COLUMNS)
    return MARGIN + column * (CELL + GAP), sheet.y + line * step


def _lines(rows: Ints) -> int:
    return -(-len(rows) // COLUMNS)


@lru_cache
def _font(size: int, is_ascii: bool) -> Font:
    for name in () if is_ascii else FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
