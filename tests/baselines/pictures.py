"""A tiny bundle of coloured pictures: squares, discs, crosses and stripes."""

import csv
from pathlib import Path

import numpy as np

from competition.rules import MetricRule, Rules
from tests.baselines.glyphs import write_manifest, write_rows

SHAPES = ("cross", "disc", "square", "stripes")


def draw_shape(shape: str, px: int, random: np.random.Generator) -> np.ndarray:
    """A shape at a random place in a random bright colour on a random dark one."""
    rows, columns = np.mgrid[:px, :px] - random.uniform(0.4, 0.6, 2)[:, None, None] * px
    size = px * random.uniform(0.25, 0.35)
    inside = {
        "disc": rows**2 + columns**2 < size**2,
        "square": np.maximum(abs(rows), abs(columns)) < size * 0.9,
        "cross": (np.minimum(abs(rows), abs(columns)) < size * 0.25) & (np.maximum(abs(rows), abs(columns)) < size),
        "stripes": rows.astype(int) % 6 < 3,
    }[shape]
    bright, dark = random.uniform(150, 255, 3), random.uniform(0, 90, 3)
    picture = np.where(inside[:, :, None], bright, dark) + random.normal(0, 6, (px, px, 3))
    return picture.clip(0, 255).astype(np.uint8)


def write_pictures(parent: Path, px: int = 32, train: int = 20, validation: int = 8, test: int = 8) -> Path:
    """Write a bundle in the layout of `grader prepare`; counts are per class, the test labels lie in `truth.csv`."""
    random = np.random.default_rng(11)
    folder = parent / "pictures"
    folder.mkdir(parents=True)
    rows = [(shape, fold) for shape in SHAPES for fold in [1] * train + [0] * validation]
    random.shuffle(rows)
    truth = list(SHAPES * test)
    random.shuffle(truth)
    np.save(folder / "train_images.npy", np.stack([draw_shape(shape, px, random) for shape, _ in rows]))
    np.save(folder / "test_images.npy", np.stack([draw_shape(shape, px, random) for shape in truth]))
    ids = [f"{number:012x}" for number in random.choice(10**9, len(rows) + len(truth), replace=False)]
    named = [(name, shape, fold) for name, (shape, fold) in zip(ids, rows, strict=False)]
    write_rows(folder / "train.csv", ["id", "label", "fold"], named)
    write_rows(folder / "test.csv", ["id"], [[name] for name in ids[len(rows) :]])
    write_rows(folder / "labels.csv", ["label", "index"], [(shape, at) for at, shape in enumerate(SHAPES)])
    write_rows(parent / "truth.csv", ["id", "label"], list(zip(ids[len(rows) :], truth, strict=True)))
    rules = Rules("pictures", "Pictures", "classification", "labels", MetricRule("accuracy"), labels=SHAPES)
    (folder / "rules.json").write_text(rules.to_json())
    write_manifest(folder)
    return folder


def accuracy_of(folder: Path, out: Path) -> float:
    """Share of the test pictures that the submission in `out` gets right."""
    answers, truth = (
        {row["id"]: row["label"] for row in csv.DictReader(path.open(newline="", encoding="utf-8"))}
        for path in (out / "submission.csv", folder.parent / "truth.csv")
    )
    assert answers.keys() == truth.keys()
    return sum(answers[name] == truth[name] for name in truth) / len(truth)
