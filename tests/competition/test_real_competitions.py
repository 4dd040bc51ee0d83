"""The five competitions, prepared from real data and judged by readings of the source that share no code with it.

STL-10 and EMNIST are not at hand: their part is played by files in the exact official layout.
"""

import csv
import gzip
import hashlib
import io
import json
import lzma
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from competition.bundle import open_bundle
from competition.catalog import find
from competition.prepare import prepare
from competition.sources.fonts import embedded_pool, typeface
from competition.sources.ink import centred_ink
from competition.vault import make_vault, open_vault

SAMPLE = 1000
SPLIT_FILES = ("train.csv", "test.csv", "train_images.npy", "test_images.npy")
CHARACTERS = {**{f"DIGIT_{c}": c for c in "0123456789"}} | {
    f"{case}_{c}": c
    for case, letters in (("CAP", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), ("SMALL", "abcdefghijklmnopqrstuvwxyz"))
    for c in letters
}

Reading = Iterable[tuple[np.ndarray, str]]


class Prepared:
    """A prepared competition: every image with its label, of the train and the test part, and what it is made of."""

    def __init__(self, data: Path, home: Path, name: str) -> None:
        self.bundle = open_bundle(data / name)
        self.rules = self.bundle.rules
        solution = open_vault(home, name).read_solution()
        self.solution = list(csv.DictReader(io.StringIO(solution.decode())))
        labels = {row["id"]: row["label"] for row in self.solution}
        self.train_labels = [self.rules.labels[n] for n in self.bundle.train_labels]
        self.test_labels = [labels[item] for item in self.bundle.test_ids]
        split = [self.bundle.manifest["files"][file]["sha256"] for file in SPLIT_FILES]
        self.digest = hashlib.sha256(solution + "".join(split).encode()).hexdigest()[:16]

    def sampled(self) -> list[tuple[np.ndarray, str]]:
        """`SAMPLE` images with their labels, half of them of the test part where it has so many."""
        rng = np.random.default_rng(11)
        test = rng.permutation(len(self.test_labels))[: SAMPLE // 2]
        train = rng.permutation(len(self.train_labels))[: SAMPLE - len(test)]
        return [(np.array(self.bundle.test_images[row]), self.test_labels[row]) for row in test] + [
            (np.array(self.bundle.train_images[row]), self.train_labels[row]) for row in train
        ]


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Prepared]:
    """Prepare a competition of this repository under a fixed secret."""

    def make(name: str, source: Path | None, **changes: object) -> Prepared:
        monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
        competition = find(name)
        if changes:
            competition = replace(competition, spec=competition.spec.model_copy(update=changes))
        make_vault(tmp_path / "home", name).store("secret.key", bytes(range(32)).hex().encode())
        prepare(competition, tmp_path / "data", tmp_path / "home", source)
        return Prepared(tmp_path / "data", tmp_path / "home", name)

    return make


def assert_labels_as_in(source: Reading, found: Prepared) -> None:
    """Every sampled image lies in the source, pixel for pixel, under the label that it has here."""
    labels_of = defaultdict(set)
    for pixels, label in source:
        labels_of[hashlib.sha256(np.ascontiguousarray(pixels)).digest()].add(label)
    sample = found.sampled()
    assert len(sample) == SAMPLE
    unsure = 0
    for pixels, label in sample:
        allowed = labels_of[hashlib.sha256(pixels).digest()]
        assert label in allowed
        unsure += len(allowed) > 1
    assert unsure < SAMPLE // 10  # contents that the source itself gives two labels


def zip_images(path: Path, mode: str) -> Iterable[tuple[list[str], np.ndarray]]:
    """Every image of a zip by zipfile and Pillow alone: the steps of its name, and its pixels."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield info.filename.split("/"), np.asarray(Image.open(io.BytesIO(archive.read(info))).convert(mode))


def counts(found: Prepared) -> tuple[set[int], set[int]]:
    """How many items a class there are in the train and in the test part."""
    return set(Counter(found.train_labels).values()), set(Counter(found.test_labels).values())


def folds(found: Prepared) -> dict[int, int]:
    assert found.bundle.train_folds is not None
    return dict(Counter(found.bundle.train_folds.tolist()))


@pytest.mark.slow
def test_cifar10_from_60000_jpegs(shared_data: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("cifar10", shared_data / "cifar10_images.zip")
    assert counts(found) == ({5000}, {1000})
    assert found.bundle.train_images.shape == (50_000, 32, 32, 3)
    source = zip_images(shared_data / "cifar10_images.zip", "RGB")
    assert_labels_as_in(((pixels, steps[-2]) for steps, pixels in source), found)
    assert found.digest == "f818679702156230"


def test_fashion_mnist_from_its_official_files(shared_data: Path, prepared: Callable[..., Prepared]) -> None:
    folder = shared_data / "fashion-mnist"
    found = prepared("fashion_mnist", folder)
    assert counts(found) == ({6000}, {1000})

    def source() -> Reading:
        for part in ("train", "t10k"):
            pixels = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
            numbers = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
            for row, number in enumerate(numbers):
                yield np.frombuffer(pixels, np.uint8, 784, 784 * row), found.rules.labels[number]

    assert found.rules.labels[9] == "Ankle boot"
    assert_labels_as_in(source(), found)
    assert found.digest == "e55a1d7ce60c933a"


def test_fontchar_from_its_embedded_glyphs(prepared: Callable[..., Prepared]) -> None:
    found = prepared("fontchar", None)
    assert counts(found) == ({716 + 150}, {150})
    assert folds(found) == {0: 7_800, 1: 37_232}

    def source() -> Reading:
        with zipfile.ZipFile(find("fontchar").folder / "glyphs.zip") as archive:
            index = json.loads(archive.read("index.json"))
            px, low = index["ink_px"], (index["frame_px"] - index["ink_px"]) // 2
            for number, label in enumerate(index["labels"]):
                pairs = np.frombuffer(lzma.decompress(archive.read(f"{number}.xz")), np.uint8)
                darkness = np.stack([pairs >> 4, pairs & 15], axis=1).reshape(254 * 4, px // 4, px, 4)
                for glyph in darkness:
                    image = np.full((90, 90), 255, np.uint8)
                    image[low : low + px, low : low + px] -= np.concatenate(list(glyph), axis=1) * 17
                    yield image, label

    assert_labels_as_in(source(), found)
    assert found.digest == "b77ea1cdcbbdcbef"


@pytest.mark.slow
def test_fontchar_from_chars74k(shared_data: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("fontchar", shared_data / "chars74k_fnt.zip")
    assert counts(found) == ({716 + 150}, {150})
    assert folds(found) == {0: 7_800, 1: 37_232}
    wanted = set(found.rules.labels)

    def source() -> Reading:
        for steps, pixels in zip_images(shared_data / "chars74k_fnt.zip", "L"):
            if (label := CHARACTERS[steps[1]]) in wanted:
                yield np.asarray(Image.fromarray(pixels).resize((90, 90), Image.Resampling.BICUBIC)), label

    assert_labels_as_in(source(), found)
    assert found.digest == "d36a3c5c8cac9d5b"


@pytest.mark.slow
def test_fontchar_by_family_keeps_a_family_in_one_part(shared_data: Path, prepared: Callable[..., Prepared]) -> None:
    found = prepared("fontchar", shared_data / "chars74k_fnt.zip", split="group", parts=find("letters").spec.parts)
    families = defaultdict(set)
    for steps, pixels in zip_images(shared_data / "chars74k_fnt.zip", "L"):
        small = np.asarray(Image.fromarray(pixels).resize((90, 90), Image.Resampling.BICUBIC))
        families[hashlib.sha256(small).digest()].add((int(steps[2][7:12]) - 1) // 4)

    def drawn_by(images: np.ndarray) -> set[int]:
        known = (families[hashlib.sha256(np.array(image)).digest()] for image in images)
        return {family for of_image in known if len(of_image) == 1 for family in of_image}

    assert not drawn_by(found.bundle.train_images) & drawn_by(found.bundle.test_images)


def handwriting(shared_data: Path, names: Iterable[str]) -> Iterable[tuple[np.ndarray, str]]:
    for name in names:
        for steps, pixels in zip_images(shared_data / name, "L"):
            if not (character := CHARACTERS[steps[1]]).isdigit():
                yield centred_ink(pixels, 28, 28), character


@pytest.mark.parametrize(
    ("source", "names", "items", "digest"),
    [
        ("chars74k_hnd.zip", ["chars74k_hnd.zip"], 26 * 110, "7b2e14ccd64ce50e"),
        ("handwritten62.zip", ["handwritten62.zip"], 4817, "6a5b44f4e3c75ee7"),
        (".", ["chars74k_hnd.zip", "handwritten62.zip"], 26 * 110 + 4817, "7affb3aab2695763"),
    ],
)
def test_letters_from_handwriting_with_capitals_and_small_letters_merged(
    source: str, names: list[str], items: int, digest: str, shared_data: Path, prepared: Callable[..., Prepared]
) -> None:
    found = prepared("letters", shared_data / source)
    assert len(found.train_labels) + len(found.test_labels) == items
    assert set(found.test_labels) == set("abcdefghijklmnopqrstuvwxyz")
    assert abs(len(found.test_labels) / items - 0.15) < 0.01
    assert abs(folds(found)[0] / items - 0.15) < 0.01
    assert_labels_as_in(((pixels, c.lower()) for pixels, c in handwriting(shared_data, names)), found)
    assert found.digest == digest


def test_letters_with_52_classes(shared_data: Path, prepared: Callable[..., Prepared]) -> None:
    both_cases = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    found = prepared("letters", shared_data, labels=both_cases)
    assert set(found.train_labels) == set(found.test_labels) == set(both_cases)
    names = ["chars74k_hnd.zip", "handwritten62.zip"]
    assert_labels_as_in(handwriting(shared_data, names), found)
    assert found.digest == "b2e6e12dc8172270"


@pytest.mark.slow
def test_fontchar_by_typeface_tests_fonts_that_training_never_showed(prepared: Callable[..., Prepared]) -> None:
    found = prepared("fontchar", None, split="group")
    with zipfile.ZipFile(find("fontchar").folder / "glyphs.zip") as archive:
        families = json.loads(archive.read("index.json"))["families"]
    pool = embedded_pool()
    drawn_by = defaultdict(set)
    for row, image in enumerate(pool.images):
        drawn_by[hashlib.sha256(image).digest()].add(families[row // 4 % len(families)])

    def families_of(images: np.ndarray) -> set[str]:
        known = (drawn_by[hashlib.sha256(np.array(image)).digest()] for image in images)
        return {family for of_image in known if len(of_image) == 1 for family in of_image}

    trained, tested = families_of(found.bundle.train_images), families_of(found.bundle.test_images)
    assert len(trained | tested) == 254
    assert not trained & tested
    assert not {typeface(family) for family in trained} & {typeface(family) for family in tested}
    assert found.digest == "165367e11e286b28"


def test_letters_from_emnists_layout(tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    rng = np.random.default_rng(5)
    upright = rng.integers(0, 256, (52 * 40, 28, 28), dtype=np.uint8)
    numbers = np.tile(np.arange(1, 27, dtype=np.uint8), 80)
    folder = tmp_path / "emnist"
    folder.mkdir()
    for part, rows in (("train", slice(0, 1500)), ("test", slice(1500, None))):
        columns_first = upright[rows].transpose(0, 2, 1).tobytes()
        count = len(numbers[rows]).to_bytes(4)
        side = (28).to_bytes(4)
        name = f"emnist-letters-{part}"
        (folder / f"{name}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + count + side + side + columns_first)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + count + numbers[rows].tobytes())
    found = prepared("letters", folder)
    assert counts(found) == ({68}, {12})
    assert_labels_as_in(zip(upright, (chr(96 + n) for n in numbers), strict=True), found)
    assert found.digest == "dc8ee0691aed8431"


@pytest.mark.slow
def test_stl10_from_its_binary_layout(tmp_path: Path, prepared: Callable[..., Prepared]) -> None:
    rng = np.random.default_rng(6)
    upright = rng.integers(0, 256, (13_000, 96, 96, 3), dtype=np.uint8)
    numbers = np.concatenate([np.repeat(np.arange(1, 11), 500), np.repeat(np.arange(1, 11), 800)]).astype(np.uint8)
    (tmp_path / "stl10_binary").mkdir()
    for part, rows in (("train", slice(0, 5000)), ("test", slice(5000, None))):
        (tmp_path / "stl10_binary" / f"{part}_X.bin").write_bytes(upright[rows].transpose(0, 3, 2, 1).tobytes())
        (tmp_path / "stl10_binary" / f"{part}_y.bin").write_bytes(numbers[rows].tobytes())
    found = prepared("stl10", tmp_path / "stl10_binary")
    assert counts(found) == ({500}, {800})
    assert folds(found) == dict.fromkeys(range(5), 1000)
    classes = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]
    assert_labels_as_in(((image, classes[n - 1]) for image, n in zip(upright, numbers, strict=True)), found)
    assert found.digest == "35687dcf7665da41"
