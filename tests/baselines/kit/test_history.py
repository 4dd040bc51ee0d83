"""The CSV of a run's evaluations."""

import csv
import math
from dataclasses import replace

from baselines.kit.history import Row, read_history, write_history

ROW = Row(20, 1.0, 3.0, 0.01, 0.9, 0.7, 0.8, 0.75, 0.85, 0.72, 0.01, 5000.0, 7800, 2000)


def test_what_was_not_measured_is_left_empty_and_read_back_as_no_number(tmp_path):
    write_history(tmp_path, [ROW, replace(ROW, sample_loss=math.nan, sample_accuracy=math.nan, validation_images=4096)])
    with (tmp_path / "history.csv").open(newline="") as file:
        second = list(csv.DictReader(file))[1]
    assert (second["sample_loss"], second["sample_accuracy"], second["validation_images"]) == ("", "", "4096")
    first, second = read_history(tmp_path)
    assert first == ROW
    assert not second.has_sample
    assert math.isnan(second.sample_loss)
    assert second.validation_images == 4096


def test_a_history_from_before_images_were_counted_is_read(tmp_path):
    write_history(tmp_path, [ROW])
    lines = (tmp_path / "history.csv").read_text().splitlines()
    (tmp_path / "history.csv").write_text("\n".join(line.rsplit(",", 2)[0] for line in lines))
    assert read_history(tmp_path) == [replace(ROW, validation_images=0, sample_images=0)]
