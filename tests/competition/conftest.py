"""Small competitions made of real files, for the tests of the package `competition`."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from competition.catalog import Competition, find

SECRET = bytes(range(32))

SPEC: dict[str, object] = {
    "title": {"en": "Shapes", "ko": "도형"},
    "task": "classification",
    "metric": "accuracy",
    "labels": ["circle", "cross", "square"],
    "image": {"height": 6, "width": 5, "channels": 1},
    "parts": "60:20:20",
    "source": {"kind": "images", "path": "pictures"},
}


@pytest.fixture
def secret() -> bytes:
    """A fixed secret, so that hashes of splits can be asserted."""
    return SECRET


def picture(label: str, number: int, height: int = 6, width: int = 5) -> np.ndarray:
    """A picture whose pixels tell label and number, so that a test knows where it came from."""
    seed = int.from_bytes(hashlib.sha256(f"{label}/{number}".encode()).digest()[:8], "little")
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def write_competition(folder: Path, **changes: object) -> Competition:
    """Write the spec above, with changes, into `folder` and open it; a change to None removes the key."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = {key: value for key, value in (SPEC | changes).items() if value is not None}
    (folder / "competition.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True))
    return find(f"{folder}/")


def write_pictures(folder: Path, labels: Sequence[str] = ("circle", "cross", "square"), count: int = 20) -> None:
    """Write `count` PNG pictures a label as `folder/<label>/<number>.png`."""
    for label in labels:
        (folder / label).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(picture(label, number)).save(folder / label / f"{number:03d}.png")


@pytest.fixture
def shapes(tmp_path: Path) -> Callable[..., Competition]:
    """Make the competition `shapes`: 20 pictures of each of three classes, and the spec above with changes."""

    def make(count: int = 20, **changes: object) -> Competition:
        folder = tmp_path / "shapes"
        if not (folder / "pictures").exists():
            write_pictures(folder / "pictures", count=count)
        return write_competition(folder, **changes)

    return make
