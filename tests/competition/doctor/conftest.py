"""Small competitions, prepared for real from pictures on disk, and ways to plant what the doctor must find."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from competition.catalog import Competition
from competition.doctor.case import Case, open_case
from competition.doctor.examine import Examination, examine
from competition.doctor.finding import Finding
from competition.prepare import prepare
from competition.vault import make_vault
from tests.competition.conftest import SECRET, write_competition

LABELS = ("circle", "cross", "square")
SIDE = 24

Rows = list[list[str]]


def pictures(label: str, count: int) -> np.ndarray:
    """Soft random pictures, half of each the same for its class: count x 24 x 24."""
    shared = np.random.default_rng(LABELS.index(label)).normal(size=(1, 6, 6))
    rng = np.random.default_rng(100 + LABELS.index(label))
    coarse = 128 + 30 * shared + 35 * rng.normal(size=(count, 6, 6))
    soft = [Image.fromarray(one.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC) for one in coarse]
    grain = rng.normal(scale=4, size=(count, SIDE, SIDE))
    return np.clip(np.stack([np.asarray(one) for one in soft]) + grain, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Prepared:
    """A prepared competition called `shapes`."""

    competition: Competition
    home: Path
    data: Path

    @property
    def bundle(self) -> Path:
        return self.data / "shapes"

    @property
    def solution(self) -> Path:
        return self.home / "vault" / "shapes" / "solution.csv"

    def case(self) -> Case:
        return open_case(self.competition, self.home, self.data)

    def examined(self, **places: Sequence[Path]) -> Examination:
        return examine(self.competition, self.home, self.data, places)

    def truth(self) -> dict[str, str]:
        return {row[0]: row[1] for row in read(self.solution)[1:]}

    def order_of_test(self) -> list[str]:
        return [row[0] for row in read(self.bundle / "test.csv")[1:]]


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., Prepared]:
    """Prepare `shapes`: `count` pictures of each of three classes, and the spec with changes."""

    def make(count: int = 60, layout: str = "arrays", plant: Callable[[Path], None] | None = None, **changes: object):
        folder = tmp_path / "shapes"
        for label in LABELS:
            (folder / "pictures" / label).mkdir(parents=True, exist_ok=True)
            for number, pixels in enumerate(pictures(label, count)):
                Image.fromarray(pixels).save(folder / "pictures" / label / f"{number:03d}.png")
        if plant:
            plant(folder / "pictures")
        image = {"height": SIDE, "width": SIDE, "channels": 1}
        competition = write_competition(folder, **{"image": image, **changes})
        home, data = tmp_path / ".grader", tmp_path / "data"
        make_vault(home, "shapes").store("secret.key", SECRET.hex().encode())  # the same split in every run
        prepare(competition, data, home, layout=layout)
        return Prepared(competition, home, data)

    return make


def read(path: Path) -> Rows:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def by_code(examination: Examination, code: str) -> list[Finding]:
    return [finding for finding in examination.findings if finding.code == code]


def faults(examination: Examination) -> set[str]:
    return {finding.code for finding in examination.findings if finding.level == "fault"}


def levels(examination: Examination) -> set[str]:
    return {finding.level for finding in examination.findings}


def listed(examination: Examination, name: str) -> Rows:
    return read(examination.folder / name)[1:]
