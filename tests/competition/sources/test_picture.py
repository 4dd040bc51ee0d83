"""One encoded image to pixels."""

import hashlib
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from competition.sources.picture import Shape, decode, decode_into, fitted


def by_pillow(data: bytes, mode: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert(mode))


@pytest.fixture
def colours(rng: np.random.Generator) -> np.ndarray:
    smooth = np.linspace(0, 255, 40 * 30 * 3).reshape(40, 30, 3)
    return np.clip(smooth + rng.normal(0, 20, smooth.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("BMP", {}), ("GIF", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]
    + [("JPEG", {"quality": 75, "progressive": progressive}) for progressive in (False, True)],
)
def test_every_format_gives_what_pillow_gives(
    form: str, options: dict[str, object], mode: str, channels: int, colours: np.ndarray
) -> None:
    if mode == "P" and form == "JPEG":
        pytest.skip("a JPEG has no palette")
    buffer = io.BytesIO()
    Image.fromarray(colours).convert(mode).save(buffer, form, **options)
    data = buffer.getvalue()
    assert (decode(data, channels) == by_pillow(data, "L" if channels == 1 else "RGB")).all()


def test_a_sixteen_bit_png_keeps_its_high_bytes(encoded: Callable) -> None:
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    assert (decode(encoded(ramp), 1) == np.arange(256).reshape(16, 16)).all()


def test_what_is_transparent_is_white(encoded: Callable) -> None:
    black = np.zeros((4, 4, 4), np.uint8)
    black[:2, :, 3] = 255
    assert decode(encoded(black), 1).tolist() == [[0] * 4] * 2 + [[255] * 4] * 2
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(buffer, "PNG", transparency=0)
    assert (decode(buffer.getvalue(), 3) == 255).all()


def test_a_photograph_is_turned_upright(encoded: Callable, colours: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    for form in ("JPEG", "PNG"):
        turned = decode(encoded(colours, form, exif=exif), 3)
        plain = decode(encoded(colours, form), 3)
        assert turned.shape == (30, 40, 3)
        assert (turned == np.rot90(plain, -1)).all()


def test_a_jpeg_with_bytes_after_its_end_is_read(encoded: Callable, colours: np.ndarray) -> None:
    data = encoded(colours, "JPEG")
    assert (decode(data + b"\0" * 7, 3) == decode(data, 3)).all()


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_cut_image_is_an_error_wherever_it_is_cut(form: str, encoded: Callable, colours: np.ndarray) -> None:
    data = encoded(colours, form)
    for end in range(0, len(data) - 12, 37):
        with pytest.raises(ValueError, match=r"."):
            decode(data[:end], 3)


def test_any_bytes_give_an_image_or_a_value_error(
    encoded: Callable, colours: np.ndarray, rng: np.random.Generator
) -> None:
    originals = [encoded(colours, form) for form in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")]
    refused = 0
    for trial in range(600):
        data = bytearray(originals[trial % len(originals)])
        for at in rng.integers(0, len(data), rng.integers(1, 8)):
            data[at] = rng.integers(256)
        try:
            assert decode(bytes(data), 3).dtype == np.uint8
        except ValueError:
            refused += 1
    assert refused > 50


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"67,108,865 bytes; an image may have 67,108,864"):
        decode(bytes((64 << 20) + 1), 3)


def test_a_jpeg_of_four_colours_becomes_rgb(colours: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(colours).convert("CMYK").save(buffer, "JPEG")
    assert (decode(buffer.getvalue(), 3) == by_pillow(buffer.getvalue(), "RGB")).all()


def test_stretching_gives_the_same_bytes_on_every_machine() -> None:
    ramp = (np.arange(128 * 128) * 7 % 256).astype(np.uint8).reshape(128, 128)
    out = fitted(ramp, Shape(90, 90, 1))
    assert out.shape == (90, 90)
    assert hashlib.sha256(out.tobytes()).hexdigest().startswith("54da5d3f2ad34183")


def test_an_image_of_the_wanted_shape_is_not_touched(encoded: Callable, colours: np.ndarray) -> None:
    out = np.empty((40, 30, 3), np.uint8)
    decode_into(out, encoded(colours), Shape(40, 30, 3))
    assert (out == colours).all()
