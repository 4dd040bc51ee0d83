"""The files of a run: sums that a strict competition takes, folders that refuse."""

import csv

import numpy as np
import pytest

from baselines.kit import files
from competition.errors import UserError


def test_rows_of_probabilities_add_up_to_one_however_they_are_rounded(bundle, tmp_path):
    thirds = np.full((len(bundle.test_ids), len(bundle.rules.labels)), 1 / 3, np.float32)
    files.write_probabilities(tmp_path / "p.csv", bundle.rules, bundle.test_ids, thirds)
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [row[0] for row in rows] == bundle.test_ids
    sums = [sum(map(float, row[1:])) for row in rows]
    assert sums == pytest.approx([1.0] * len(rows), abs=1e-8)


def test_an_old_result_that_cannot_be_replaced_is_told_in_one_line(tmp_path):
    (tmp_path / "model.pt").mkdir()
    with pytest.raises(UserError, match=r"model\.pt: cannot be replaced"):
        files.clear_old_results(tmp_path)
