import csv
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import ImageFont

sys.path.append(str(Path(__file__).parents[2] / "tools"))

import build_fontchar

from competition.errors import BadInputError
from competition.sources.fonts import STYLES, load_glyphs

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
SANS = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSans-BoldOblique.ttf"]
COLUMNS = ["index", "family", "style", "file", "package", "licence", "face"]


def row(family: str, style: str, file: str, face: str = "true", licence: str = "Bitstream-Vera") -> list[str]:
    return ["0", family, style, file, "dejavu", licence, face]


def true_family(family: str, files: list[str]) -> list[list[str]]:
    return [row(family, style, file) for style, file in zip(STYLES, files, strict=True)]


def lone_family(family: str, file: str) -> list[list[str]]:
    return [row(family, style, file, "true" if style == "regular" else "synthesised") for style in STYLES]


def write_table(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


def run(tmp_path: Path, rows: list[list[str]], *more: str, fonts: Path = FONTS) -> tuple[int, Path]:
    out = tmp_path / "glyphs.zip"
    table = write_table(tmp_path / "fonts.csv", rows)
    files = ["--fonts", str(fonts), "--table", str(table), "--out", str(out)]
    return build_fontchar.main([*files, "--processes", "1", *more]), out


def refusal(tmp_path: Path, rows: list[list[str]], capsys: pytest.CaptureFixture[str], fonts: Path = FONTS) -> str:
    code, out = run(tmp_path, rows, fonts=fonts)
    assert code == 1
    assert not out.exists()
    assert not list(tmp_path.glob("*.part"))
    return capsys.readouterr().err.splitlines()[-1]


@pytest.fixture(scope="module")
def font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / "DejaVuSans.ttf"), 400)


def test_a_table_of_two_families_becomes_a_file_that_loads(tmp_path: Path) -> None:
    code, out = run(tmp_path, true_family("Sans", SANS) + lone_family("Serif", "DejaVuSerif.ttf"))
    assert code == 0
    glyphs = load_glyphs(out)
    assert glyphs.images.shape == (52 * 8, 90, 90)
    assert glyphs.families[:8] == ["Sans"] * 4 + ["Serif"] * 4
    assert glyphs.labels[::8] == list(build_fontchar.CHARACTERS)


def test_the_same_fonts_give_the_same_bytes_whatever_the_number_of_processes(tmp_path: Path) -> None:
    rows = true_family("Sans", SANS) + lone_family("Serif", "DejaVuSerif.ttf")
    first = run(tmp_path, rows)[1].read_bytes()
    assert run(tmp_path, rows, "--processes", "2")[1].read_bytes() == first


def test_synthesised_faces_are_what_their_files_lack(tmp_path: Path) -> None:
    rows = [
        row("Sans", "regular", SANS[0]),
        row("Sans", "bold", SANS[0], "synthesised"),
        row("Sans", "italic", SANS[2]),
        row("Sans", "bold italic", SANS[2], "synthesised"),
    ]
    faces = build_fontchar.read_table(write_table(tmp_path / "fonts.csv", rows))
    assert [(face.bolder, face.slanted) for face in faces] == [(0, 0), (1, 0), (0, 0), (1, 0)]


def test_emboldening_widens_a_stem_by_a_32nd_of_the_size(font: ImageFont.FreeTypeFont) -> None:
    thin, thick = (build_fontchar.draw(font, "I", bolder, False) for bolder in (False, True))
    widths = [np.asarray(ink)[ink.height // 2].sum() / 255 for ink in (thin, thick)]
    assert widths[1] - widths[0] == pytest.approx(400 / 32, abs=0.5)


def test_slanting_moves_the_top_by_a_quarter_of_the_height_and_keeps_the_foot(font: ImageFont.FreeTypeFont) -> None:
    upright, slanted = (np.asarray(build_fontchar.draw(font, "I", False, lean)) for lean in (False, True))
    assert slanted.shape[0] == upright.shape[0]
    middles = [[np.average(np.arange(a.shape[1]), weights=a[y]) for y in (4, -5)] for a in (upright, slanted)]
    moved = [middles[1][k] - middles[0][k] for k in (0, 1)]
    assert moved[0] - moved[1] == pytest.approx((upright.shape[0] - 9) / 4, abs=1)
    assert moved[0] > moved[1] >= -1
    assert slanted.sum() == pytest.approx(upright.sum(), rel=0.01)


@pytest.mark.parametrize("character", "IMojQ1")
def test_ink_fills_the_larger_side_and_is_centred(font: ImageFont.FreeTypeFont, character: str) -> None:
    cell = build_fontchar.frame(build_fontchar.draw(font, character, False, False))
    rows, columns = np.flatnonzero((cell < 255).any(axis=1)), np.flatnonzero((cell < 255).any(axis=0))
    extent = [rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1]
    assert cell.shape == (68, 68)
    assert max(extent) == 68
    assert abs(rows[0] + rows[-1] - 67) <= 1
    assert abs(columns[0] + columns[-1] - 67) <= 1
    box = font.getmask(character).getbbox()
    assert box is not None
    assert extent[1] / extent[0] == pytest.approx(
        (box[2] - box[0]) / (box[3] - box[1]), abs=0.06
    )  # two half-covered pixels of 68


def test_a_design_under_two_names_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refusal(tmp_path, true_family("Sans", SANS) + lone_family("Twin", SANS[0]), capsys)
    assert "Sans and Twin" in told


def test_a_missing_font_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "absent.ttf" in refusal(tmp_path, lone_family("Sans", "absent.ttf"), capsys)


def test_a_file_that_is_no_font_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.ttf").write_text("no font")
    assert "text.ttf" in refusal(tmp_path, lone_family("Text", "text.ttf"), capsys, fonts=tmp_path)


def test_a_font_without_the_letters_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refusal(tmp_path, lone_family("Symbols", "STIXSizOneSymReg.ttf"), capsys)
    assert "STIXSizOneSymReg.ttf: the font has no" in told


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (true_family("Sans", SANS)[:3], "Sans: give the styles"),
        (true_family("Sans", SANS)[::-1], "Sans: give the styles"),
        (true_family("Sans", SANS) * 2, "Sans"),
        ([row("Sans", "regular", "x.ttf", licence="none"), *lone_family("Sans", "x.ttf")[1:]], "licence 'none'"),
        ([row("Sans", style, "x.ttf", "synthesised") for style in STYLES], "not a table of faces"),
    ],
)
def test_a_wrong_table_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[list[str]], told: str
) -> None:
    assert told in refusal(tmp_path, rows, capsys)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="not a table"):
        build_fontchar.read_table(tmp_path / "none.csv")


def test_the_committed_table_is_one_that_the_tool_accepts() -> None:
    faces = build_fontchar.read_table(build_fontchar.FOLDER / "fonts.csv")
    assert len(faces) == 1016
    assert len({face.family for face in faces}) == 254
