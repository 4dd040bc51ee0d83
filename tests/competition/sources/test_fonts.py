import csv
import io
import json
import lzma
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from competition.errors import BadInputError
from competition.sources import fonts

CHARACTERS = "0123456789ABCDEFGHIJKLMNPQRSTUVWXYZabdefghijmnoqrtuy"
TABLE = fonts.EMBEDDED.with_name("fonts.csv")


@pytest.fixture(scope="module")
def glyphs() -> fonts.Glyphs:
    return fonts.load_glyphs(fonts.EMBEDDED)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A whole file of two characters in two families."""
    return write_file(tmp_path / "glyphs.zip", index())


def index(**changes: object) -> dict[str, object]:
    names = {"labels": ["A", "b"], "families": ["Serif", "Sans"], "styles": list(fonts.STYLES)}
    return {"format": 1, "frame_px": 12, "ink_px": 8, **names, **changes}


def write_file(path: Path, head: object, packed: bytes | None = None) -> Path:
    content = fonts.pack(np.zeros((8, 8, 8), np.uint8)) if packed is None else packed
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("index.json", head if isinstance(head, str) else json.dumps(head))
        archive.writestr("0.xz", content)
        archive.writestr("1.xz", content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        fonts.load_glyphs(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def ink_boxes(images: np.ndarray) -> np.ndarray:
    """Top, bottom, left, right of the ink that is darker than half."""
    ink = images < 128
    rows, columns = ink.any(axis=2), ink.any(axis=1)
    size = images.shape[1]
    ends = [rows.argmax(1), size - rows[:, ::-1].argmax(1), columns.argmax(1), size - columns[:, ::-1].argmax(1)]
    return np.stack(ends, axis=1)


def test_every_character_has_1016_images_of_90_by_90(glyphs: fonts.Glyphs) -> None:
    assert glyphs.images.shape == (52_832, 90, 90)
    assert glyphs.images.dtype == np.uint8
    assert Counter(glyphs.labels) == dict.fromkeys(CHARACTERS, 1016)
    assert set(Counter(glyphs.families).values()) == {4 * 52}
    assert len(set(glyphs.families)) == 254
    assert Counter(glyphs.styles) == dict.fromkeys(fonts.STYLES, 254 * 52)


def test_the_table_of_fonts_lists_the_same_faces_in_the_same_order(glyphs: fonts.Glyphs) -> None:
    rows = list(csv.DictReader(TABLE.read_text().splitlines()))
    assert [int(row["index"]) for row in rows] == list(range(1016))
    assert [row["family"] for row in rows] == glyphs.families[:1016]
    assert [row["style"] for row in rows] == glyphs.styles[:1016]
    assert all(row["licence"] and row["package"] and row["file"] for row in rows)
    assert {row["face"] for row in rows} == {"true", "synthesised"}
    assert all(row["face"] == "true" for row in rows if row["style"] == "regular")


def test_the_data_file_is_small_enough_to_commit() -> None:
    assert fonts.EMBEDDED.stat().st_size <= 27_000_000


def test_ink_fills_the_cell_in_one_direction_and_lies_in_the_middle(glyphs: fonts.Glyphs) -> None:
    sample = glyphs.images[::23]
    top, bottom, left, right = ink_boxes(sample).T
    larger = np.maximum(bottom - top, right - left)
    assert np.median(larger) == 68
    assert np.quantile(larger, 0.01) >= 64
    assert larger.max() <= 68
    assert np.quantile(np.abs(top + bottom - 90) / 2, 0.99) <= 1
    assert np.quantile(np.abs(left + right - 90) / 2, 0.99) <= 1


def test_margins_are_white_and_ink_is_black(glyphs: fonts.Glyphs) -> None:
    assert (glyphs.images[:, :11] == 255).all()
    assert (glyphs.images[:, :, 79:] == 255).all()
    assert set(np.unique(glyphs.images[::97])) == set(range(0, 256, 17))
    assert (glyphs.images[::23].reshape(-1, 8100).min(axis=1) <= 119).all()


def test_glyphs_fill_the_frame_as_those_of_chars74k_do(shared_data: Path, glyphs: fonts.Glyphs) -> None:
    with zipfile.ZipFile(shared_data / "chars74k_fnt.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))[::211]
        course = [Image.open(io.BytesIO(archive.read(name))).convert("L").resize((90, 90)) for name in names]
    ours, theirs = (ink_boxes(images) for images in (glyphs.images[::211], np.stack(course)))
    larger = [np.maximum(b[:, 1] - b[:, 0], b[:, 3] - b[:, 2]) for b in (ours, theirs)]
    assert abs(np.median(larger[0]) - np.median(larger[1])) <= 1
    assert abs(glyphs.images[::211].mean() - np.mean(course)) < 10


def test_families_differ_from_one_another(glyphs: fonts.Glyphs) -> None:
    faces = glyphs.images.reshape(52, 254, 4, 90, 90)[::5, :, 0]
    contents = {faces[:, family].tobytes() for family in range(254)}
    assert len(contents) == 254


def test_bold_faces_are_darker_and_italic_faces_differ(glyphs: fonts.Glyphs) -> None:
    faces = glyphs.images.reshape(52, 254, 4, 90, 90)[::7].astype(np.float32)
    regular, bold, italic, _ = (faces[:, :, style] for style in range(4))
    darker = bold.mean(axis=(0, 2, 3)) < regular.mean(axis=(0, 2, 3))
    assert darker.mean() == 1
    assert (np.abs(italic - regular).mean(axis=(0, 2, 3)) > 5).all()


@pytest.mark.parametrize(
    ("family", "typeface"),
    [
        ("Roboto Thin", "Roboto"),
        ("Roboto Serif Condensed", "Roboto Serif"),
        ("Roboto Mono", "Roboto Mono"),
        ("QT HelvetCnd-Light", "QT Helvet"),
        ("CMU Sans Serif Demi Condensed", "CMU Sans Serif"),
        ("LX Fonts Sans", "LX Fonts Sans"),
    ],
)
def test_weights_and_widths_of_a_family_are_one_typeface(family: str, typeface: str) -> None:
    assert fonts.typeface(family) == typeface


def test_the_pool_groups_by_typeface_and_names_are_unique() -> None:
    pool = fonts.embedded_pool()
    assert len(pool) == 52_832
    assert len(set(pool.names)) == 52_832
    assert pool.groups is not None
    assert len(set(pool.groups)) == 187
    assert pool.table is None
    assert pool.parts is None


@given(arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(8), st.just(8)), elements=st.integers(0, 15)))
@settings(max_examples=30, deadline=None)
def test_packing_and_unpacking_gives_the_same_pixels(darkness: np.ndarray) -> None:
    cells = (255 - 17 * darkness).astype(np.uint8)
    names = [str(k) for k in range(len(cells))]
    images = np.empty((len(cells), 12, 12), np.uint8)
    fonts.unpack(fonts.pack(cells), fonts.GlyphIndex(12, 8, ["A"], names, ["regular"]), images)
    assert (images[:, 2:10, 2:10] == cells).all()
    assert images.sum() == cells.sum() + 255 * len(cells) * (144 - 64)


def test_packing_rounds_to_the_nearest_of_16_grays() -> None:
    gray = np.resize(np.arange(256, dtype=np.uint8), (4, 8, 8))
    images = np.empty((4, 8, 8), np.uint8)
    fonts.unpack(fonts.pack(gray), fonts.GlyphIndex(8, 8, ["A"], ["f"], list(fonts.STYLES)), images)
    assert np.abs(images.astype(int) - gray).max() == 8


def test_a_small_whole_file_loads(small: Path) -> None:
    glyphs = fonts.load_glyphs(small)
    assert glyphs.images.shape == (16, 12, 12)
    assert glyphs.labels == ["A"] * 8 + ["b"] * 8
    assert glyphs.families == (["Serif"] * 4 + ["Sans"] * 4) * 2
    assert glyphs.styles == list(fonts.STYLES) * 4


def test_progress_is_told_from_nothing_to_all(small: Path) -> None:
    told: list[tuple[int, int]] = []
    fonts.load_glyphs(small, lambda stage, done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.zip")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 100, b"\x89PNG\r\n\x1a\n" + bytes(500)])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "glyphs.zip"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_is_refused(small: Path, share: float) -> None:
    content = small.read_bytes()
    small.write_bytes(content[: int(len(content) * share)])
    refusal(small)


@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=200, deadline=None)
def test_a_flipped_bit_is_refused_or_harmless(
    position: float, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_file(tmp_path_factory.mktemp("flip") / "glyphs.zip", index())
    content = bytearray(path.read_bytes())
    content[int(position * len(content))] ^= 1 << bit
    path.write_bytes(content)
    try:
        glyphs = fonts.load_glyphs(path)
    except BadInputError as error:
        assert "\n" not in str(error)
    else:
        assert (glyphs.images[:, 2:10, 2:10] == 0).all()


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("{", "not JSON"),
        ("[]", "format"),
        ("[" * 100_000, "not JSON"),
        (index(format=2), "format"),
        (index(ink_px=13), "fit"),
        (index(ink_px=16), "fit"),
        (index(frame_px="90"), "frame_px"),
        (index(frame_px=10**9), "frame_px"),
        (index(frame_px=True), "frame_px"),
        (index(labels=[]), "labels"),
        (index(labels=["A", "A"]), "labels"),
        (index(labels=["A", 1]), "labels"),
        (index(families=None), "families"),
        (index(labels=["A", "b", "c"]), "2.xz"),
        (index(families=["one"]), "0.xz"),
        (index(families=["one", "two", "three"]), "0.xz"),
    ],
)
def test_a_wrong_index_is_refused(tmp_path: Path, head: object, told: str) -> None:
    assert told.lower() in refusal(write_file(tmp_path / "glyphs.zip", head)).lower()


@pytest.mark.parametrize("packed", [b"", b"not xz", lzma.compress(b""), lzma.compress(bytes(50_000_000))])
def test_wrong_pixels_are_refused_without_unpacking_them_all(tmp_path: Path, packed: bytes) -> None:
    assert ".xz" in refusal(write_file(tmp_path / "glyphs.zip", index(), packed))


def test_a_zip_without_an_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "glyphs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letters.txt", "abc")
    assert "index.json" in refusal(path)
