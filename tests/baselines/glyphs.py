"""Small bundles of real glyphs, and ways to run a kernel on them: shared by the tests of the baselines."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from competition.rules import MetricRule, Rules

ROOT = Path(__file__).resolve().parents[2]
LETTERS = "AHTX"


def draw_glyph(letter: str, px: int, random: np.random.Generator) -> np.ndarray:
    """A letter at a random size and place, dark on bright, with a little noise."""
    picture = Image.new("L", (px, px), 235)
    size = px * random.uniform(0.65, 0.9)
    at = (random.uniform(0, px * 0.35), random.uniform(-px * 0.1, px * 0.1))
    ImageDraw.Draw(picture).text(at, letter, fill=20, font=ImageFont.load_default(size))
    noisy = np.asarray(picture, dtype=np.float32) + random.normal(0, 8, (px, px))
    return noisy.clip(0, 255).astype(np.uint8)


def write_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_bundle(
    parent: Path,
    px: int = 16,
    train: int = 40,
    test: int = 15,
    letters: str = LETTERS,
    noise: float = 0.0,
    folds: bool = True,
    form: str = "labels",
    validation: int = 15,
) -> Path:
    """Write a bundle in the layout of `grader prepare`; the test labels lie in `truth.txt` beside it."""
    random = np.random.default_rng(7)
    folder = parent / "glyphs"
    folder.mkdir(parents=True)
    rows = [(letter, fold) for letter in letters for fold in [1] * train + [0] * validation]
    random.shuffle(rows)
    labels = [letters[random.integers(len(letters))] if random.random() < noise else letter for letter, _ in rows]
    truth = list(letters * test)
    random.shuffle(truth)
    np.save(folder / "train_images.npy", np.stack([draw_glyph(letter, px, random) for letter, _ in rows]))
    np.save(folder / "test_images.npy", np.stack([draw_glyph(letter, px, random) for letter in truth]))
    ids = [f"{number:012x}" for number in random.choice(10**9, len(rows) + len(truth), replace=False)]
    fold_column = ["fold"] if folds else []
    table = [(name, label, fold)[: 2 + folds] for name, label, (_, fold) in zip(ids, labels, rows, strict=False)]
    write_rows(folder / "train.csv", ["id", "label", *fold_column], table)
    write_rows(folder / "test.csv", ["id"], [[name] for name in ids[len(rows) :]])
    write_rows(folder / "labels.csv", ["label", "index"], list(zip(letters, range(len(letters)), strict=True)))
    rules = Rules("glyphs", "Glyphs", "classification", form, MetricRule("accuracy"), labels=tuple(letters))
    (folder / "rules.json").write_text(rules.to_json())
    write_manifest(folder)
    (folder.parent / "truth.txt").write_text("".join(truth))
    return folder


def write_manifest(folder: Path) -> None:
    names = [path for path in folder.iterdir() if path.name != "manifest.json"]
    files = {path.name: {"sha256": "", "bytes": path.stat().st_size} for path in names}
    content = {"competition": "glyphs", "format": 1, "seed": 42, "files": files, "versions": {}, "counts": {}}
    (folder / "manifest.json").write_text(json.dumps(content))


def read_submission(out: Path) -> dict[str, str]:
    with (out / "submission.csv").open(newline="", encoding="utf-8") as file:
        return {row["id"]: row["label"] for row in csv.DictReader(file)}


def accuracy_on_test(bundle: Path, out: Path) -> float:
    """Share of the test rows that a submission gets right."""
    truth = (bundle.parent / "truth.txt").read_text()
    answers = list(read_submission(out).values())
    return sum(answer == right for answer, right in zip(answers, truth, strict=True)) / len(truth)


def kernel_process(module: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a kernel as a participant does, in its own process."""
    command = [sys.executable, "-m", module, *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GRADER_")}
    env = {**clean, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
