"""The five competitions, prepared from real pictures and examined by `grader doctor`: no fault in any of them."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SOURCES = {
    "cifar10": "cifar10_images.zip",
    "fashion_mnist": "fashion-mnist",
    "fontchar": "chars74k_fnt.zip",
    "letters": ".",
}
STL10_CLASSES = ("airplane", "bird", "automobile", "cat", "deer", "dog", "horse", "frog", "ship", "truck")


def grader(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("grader")), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def assert_sound(folder: Path, name: str, source: Path) -> None:
    done = grader(folder, "prepare", name, "--source", str(source))
    assert done.returncode == 0, done.stderr
    done = grader(folder, "doctor", name, "--json")
    findings = json.loads(done.stdout)["findings"]
    assert [finding for finding in findings if finding["level"] == "fault"] == []
    assert done.returncode == 0
    assert {"checksum", "preparation", "permissions"} <= {finding["code"] for finding in findings}


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_a_competition_of_real_pictures_is_sound(name: str, shared_data: Path, tmp_path: Path) -> None:
    assert_sound(tmp_path, name, shared_data / SOURCES[name])


@pytest.mark.slow
def test_stl10_is_sound_on_a_stand_in_in_its_binary_layout(shared_data: Path, tmp_path: Path) -> None:
    """STL-10 is not at hand: pictures of CIFAR-10, enlarged, in STL-10's files."""
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    pictures, numbers = [], []
    with zipfile.ZipFile(shared_data / "cifar10_images.zip") as archive:
        for number, label in enumerate(STL10_CLASSES, 1):
            names = sorted(name for name in archive.namelist() if name.startswith(f"cifar/train/{label}/"))
            for name in [name for name in names if name.endswith(".jpg")][:1300]:
                picture = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
                pictures.append(np.asarray(picture.resize((96, 96), Image.Resampling.BICUBIC)))
                numbers.append(number)
    order = np.argsort(np.tile(np.arange(1300), 10), kind="stable")  # the classes in turn
    columns_first = np.stack(pictures)[order].transpose(0, 3, 2, 1)
    labels = np.array(numbers, np.uint8)[order]
    for part, rows in (("train", slice(0, 5000)), ("test", slice(5000, None))):
        (folder / f"{part}_X.bin").write_bytes(columns_first[rows].tobytes())
        (folder / f"{part}_y.bin").write_bytes(labels[rows].tobytes())
    assert_sound(tmp_path, "stl10", folder)
