"""Sources as they come: files in exact layouts, written by hand so that the readers are judged by something else."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from competition.sources import Pool, load_pool
from competition.spec import CompetitionSpec

Load = Callable[..., Pool]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GRADER_CACHE", str(folder))
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a source for a classification with these labels and this image shape (None: a table)."""

    def load_it(
        path: Path | None, labels: Any = ("cat", "dog"), image: tuple[int, int, int] | None = (8, 6, 3), **source: Any
    ) -> Pool:
        spec = {
            "title": "Test",
            "task": "classification" if labels else "regression",
            "metric": "accuracy" if labels else "mae",
            "labels": list(labels),
            "source": {"kind": "images", **source},
        }
        if image:
            spec["image"] = dict(zip(("height", "width", "channels"), image, strict=True))
        return load_pool(CompetitionSpec.model_validate(spec), tmp_path, path)

    return load_it


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    """Encode an array as an image file."""

    def encode(pixels: np.ndarray, form: str = "PNG", **options: Any) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, form, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def pictures(rng: np.random.Generator, encoded: Callable[..., bytes]) -> dict[str, bytes]:
    """Three PNG pictures (8 x 6, RGB) of each of two classes, by name."""
    return {
        f"{label}/{number}.png": encoded(rng.integers(0, 256, (8, 6, 3), dtype=np.uint8))
        for label in ("cat", "dog")
        for number in range(3)
    }


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a zip archive."""

    def write(files: dict[str, bytes], name: str = "source.zip", method: int = zipfile.ZIP_DEFLATED) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w", method) as archive:
            for member, content in files.items():
                archive.writestr(member, content)
        return tmp_path / name

    return write


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a folder."""

    def write(files: dict[str, bytes], name: str = "source") -> Path:
        for member, content in files.items():
            path = tmp_path / name / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path / name

    return write


@pytest.fixture
def tarred(tmp_path: Path) -> Callable[..., Path]:
    """Write files into a tar archive, packed as its name says."""

    def write(files: dict[str, bytes], name: str = "source.tar") -> Path:
        mode = {".tar": "w", ".gz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}[Path(name).suffix]
        with tarfile.open(tmp_path / name, mode) as archive:
            for member, content in files.items():
                info = tarfile.TarInfo(member)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return tmp_path / name

    return write
