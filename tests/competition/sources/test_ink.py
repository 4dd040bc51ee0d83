"""Handwriting brought to EMNIST's form."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from competition.sources.ink import BORDER_PX, centred_ink


def stroke(paper: int, ink: int, offset: int = 0) -> np.ndarray:
    """A tall stroke and a foot (an L) on paper."""
    image = Image.new("L", (80, 60), paper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((30 + offset, 10, 36 + offset, 48), fill=ink)
    draw.rectangle((30 + offset, 42, 52 + offset, 48), fill=ink)
    return np.asarray(image)


def test_ink_is_white_on_black_and_fills_the_frame_up_to_its_border() -> None:
    out = centred_ink(stroke(255, 0), 28, 28)
    rows, columns = np.flatnonzero(out.any(axis=1)), np.flatnonzero(out.any(axis=0))
    assert out.max() == 255
    assert (rows[0], rows[-1]) == (BORDER_PX, 27 - BORDER_PX)
    assert abs(columns[0] + columns[-1] - 27) <= 1
    # 39 rows x 23 columns of ink: its aspect ratio is kept.
    assert abs((columns[-1] - columns[0] + 1) - 24 * 23 / 39) <= 1


def test_polarity_shade_of_paper_and_place_make_no_difference() -> None:
    wanted = centred_ink(stroke(255, 0), 28, 28)
    for other in (stroke(0, 255), stroke(200, 90), stroke(40, 180), stroke(255, 0, offset=20)):
        assert np.abs(centred_ink(other, 28, 28).astype(int) - wanted).max() <= 2


def test_an_empty_page_comes_out_black() -> None:
    for paper in (0, 128, 255):
        assert not centred_ink(np.full((10, 12), paper, np.uint8), 28, 28).any()


@given(st.binary(min_size=12, max_size=12 * 9), st.integers(5, 40), st.integers(5, 40))
def test_any_picture_gives_the_wanted_shape(content: bytes, height: int, width: int) -> None:
    gray = np.frombuffer(content[: len(content) // 12 * 12], np.uint8).reshape(-1, 12)
    out = centred_ink(gray, height, width)
    assert out.shape == (height, width)
    assert out.dtype == np.uint8
