"""The page of a run: one file that says what the record says."""

import json
import math
import re
from dataclasses import replace

import pytest

from baselines.kit.report import spans_of, write_report
from tests.baselines.runs import Notes, run

RECORD = {
    "seconds": {"imports": 2.0, "data": 1.0, "training": 12.0, "until_submission": 18.0},
    "budget_seconds": 20.0,
}


def test_the_spans_of_the_budget_add_up_to_it():
    spans = spans_of(RECORD)
    assert [span.seconds for span in spans] == [2.0, 1.0, 12.0, 3.0, 2.0]
    assert sum(span.share for span in spans) == pytest.approx(1)


def test_the_spans_of_a_run_that_was_late_still_add_up():
    late = {**RECORD, "budget_seconds": 15.0}
    assert sum(span.share for span in spans_of(late)) == pytest.approx(1)
    assert spans_of(late)[-1].seconds == 0


def test_the_page_holds_the_figures_and_needs_no_other_file(bundle, tmp_path):
    outcome = run(bundle, tmp_path, epochs=3, model={"note": "<script>alert(1)</script>"})
    page = (tmp_path / "report.html").read_text()
    record = json.loads((tmp_path / "run.json").read_text())
    assert f"{100 * record['validation_accuracy']:.2f} %" in page
    assert page.count("<tr") == 1 + len(outcome.fit.rows)
    assert page.count('class="kept"') == 1
    assert all(finding.advice in page for finding in outcome.findings)
    assert record["machine"]["processor"] in page
    assert "data:image/png;base64," in page
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert "<script" not in page
    assert "Conv2d" in page


def test_a_run_without_an_evaluation_has_a_page_too(bundle, tmp_path):
    run(bundle, tmp_path, epochs=1)
    record = json.loads((tmp_path / "run.json").read_text())
    for name in ("curves.png", "model_summary.txt"):
        (tmp_path / name).unlink()
    write_report(tmp_path, {**record, "validation_accuracy": None, "best_epoch": None}, [])
    page = (tmp_path / "report.html").read_text()
    assert "No time was left to draw them" in page
    assert "Evaluations" not in page
    assert "<dd>none</dd>" in page


def test_what_was_written_is_told(bundle, tmp_path):
    notes = Notes()
    run(bundle, tmp_path, reporter=notes, epochs=1)
    assert any("report.html shows the run" in text for text in notes.texts)


def test_the_page_says_where_an_evaluation_was_cut(bundle, tmp_path):
    outcome = run(bundle, tmp_path, epochs=2)
    record = json.loads((tmp_path / "run.json").read_text())
    size = len(outcome.data.validation)
    assert (record["validation_images"], record["validation_size"]) == (size, size)
    assert "Time ran out at epoch" not in (tmp_path / "report.html").read_text()
    first, *others = outcome.fit.rows
    cut = replace(first, sample_loss=math.nan, sample_accuracy=math.nan, validation_images=12)
    write_report(tmp_path, {**record, "validation_images": 12}, [cut, *others])
    page = (tmp_path / "report.html").read_text()
    assert f"Time ran out at epoch {first.epoch:.2f}: validation figures of 12 of {size} images" in page
    assert f"validation accuracy of 12 of {size} images" in page
    assert "nan" not in re.sub('data:image/png;base64,[^"]*', "", page)
    assert "<td>–</td><td>–</td>" in page


@pytest.mark.parametrize(("keep", "mark"), [("accuracy", "kept"), ("last", "last")])
def test_the_state_that_predicts_is_called_what_it_is(bundle, tmp_path, keep, mark):
    run(bundle, tmp_path, epochs=2, keep=keep)
    assert f"<td>{mark}</td>" in (tmp_path / "report.html").read_text()
