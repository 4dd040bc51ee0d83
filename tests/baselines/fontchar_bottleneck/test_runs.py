"""The notebook of fontchar_bottleneck on a tiny bundle."""

from pathlib import Path

import pytest

from tests.baselines.glyphs import accuracy_on_test
from tests.baselines.notebooks import run_notebook

ROOT = Path(__file__).resolve().parents[3]
TINY = ["ladder=[]", "image_px=16", "model.widths=[8,16]", "model.pool_after=[1]", "epochs=12", "batch=32"]


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(glyphs, tmp_path):
    notebook = ROOT / "baselines" / "fontchar_bottleneck" / "kernel.ipynb"
    run_notebook(notebook, tmp_path, data=str(glyphs), out=str(tmp_path / "out"), budget="60s", settings=TINY)
    assert accuracy_on_test(glyphs, tmp_path / "out") > 0.8
