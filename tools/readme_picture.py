"""Make the README's picture of a board from a page that `grader publish` wrote.

    python tools/readme_picture.py site/index.html docs/board.png

It is the page as Chromium shows it, light and in English, from its title to the end of its charts.
"""

import argparse
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH = 1120  # CSS px
PIXELS_A_PX = 2
MARGIN = 32  # CSS px below the charts
MOST_BYTES = 200_000
COLOURS = (256, 128, 64, 32)  # palettes to try, until the file is small enough
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


def main() -> int:
    """Read the command line, take the picture and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("page", type=Path, help="index.html of a published competition")
    parser.add_argument("picture", type=Path, nargs="?", default=Path("docs/board.png"), help="PNG to write")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        return _refuse("Chromium is not installed: `apt-get install chromium`")
    if not arguments.page.is_file():
        return _refuse(f"{arguments.page}: no such page; run `grader publish` first")
    content = compressed(photograph(arguments.page.resolve().as_uri(), chromium))
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    arguments.picture.write_bytes(content)
    print(f"{arguments.picture}: {len(content):,} bytes")
    return 0


def photograph(address: str, chromium: str) -> bytes:
    """The page from its title to the end of its charts, as PNG."""
    with sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=chromium, args=list(QUIET))
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 900},
            device_scale_factor=PIXELS_A_PX,
            color_scheme="light",
            locale="en-US",
            timezone_id="UTC",
        )
        page.goto(address)
        end = page.locator("#progress").bounding_box()
        if end is None:
            raise SystemExit(f"{address}: not the page of a competition")
        height = end["y"] + end["height"] + MARGIN
        picture = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()
    return picture


def compressed(picture: bytes) -> bytes:
    """The picture with the largest palette that keeps it below `MOST_BYTES`."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in COLOURS:
        file = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        if file.tell() < MOST_BYTES:
            break
    return file.getvalue()


def _refuse(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
