"""Competitions about tables and numbers: what can be asked of them is asked, the rest is passed over."""

from pathlib import Path

import numpy as np
import pytest

from competition.doctor.finding import is_sound
from competition.prepare import prepare
from tests.competition.conftest import write_competition
from tests.competition.doctor.conftest import Prepared, by_code, faults, levels


@pytest.fixture
def houses(tmp_path: Path):
    """A regression: prices of 300 houses from two features, one of them with gaps, one of them a text."""

    def make(repeat: int = 1, **changes: object) -> Prepared:
        rng = np.random.default_rng(4)
        area, rooms = rng.uniform(30, 200, 300), rng.integers(1, 8, 300)
        lines = [
            f"{a:.4f},{r if r > 1 else ''},{'city' if r % 2 else 'land'},{a * 3 + r * 20:.2f}"
            for a, r in zip(area, rooms, strict=True)
        ]
        folder = tmp_path / "shapes"
        folder.mkdir(exist_ok=True)
        (folder / "houses.csv").write_text("area,rooms,where,price\n" + "\n".join(lines * repeat) + "\n")
        spec = {"task": "regression", "metric": "rmse", "labels": None, "image": None, "target_column": "price"}
        source = {"kind": "table", "path": "houses.csv", "label_column": "price"}
        competition = write_competition(folder, **{**spec, "source": source, **changes})
        home, data = tmp_path / "home", tmp_path / "data"
        prepare(competition, data, home)
        return Prepared(competition, home, data)

    return make


def test_a_sound_regression_passes(houses):
    examination = houses().examined()
    assert is_sound(examination.findings)
    assert levels(examination) <= {"ok", "note"}
    assert not list(examination.folder.glob("*.png"))


def test_repeated_rows_are_found(houses):
    examination = houses(repeat=2).examined()
    (found,) = by_code(examination, "repeats")
    assert (found.level, "50 %" in found.message) == ("warning", True)
    assert by_code(houses(repeat=2, repeats="drop").examined(), "repeats")[0].level == "ok"


def test_a_shifted_table_is_a_fault(houses):
    shapes = houses()
    import polars as pl

    table = pl.read_csv(shapes.bundle / "test.csv")
    table.with_columns(pl.col("area") + 120).write_csv(shapes.bundle / "test.csv")
    assert "shift" in faults(shapes.examined())
