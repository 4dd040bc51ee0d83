"""The ensemble's command line: what it writes, and hostile files."""

import json

import numpy as np
import pytest

from baselines.ensemble.tables import read_probabilities
from baselines.kit.files import write_probabilities
from competition.bundle import open_bundle
from competition.errors import BadInputError
from grader.submission.check import check_submission
from grader.submission.solution import read_ids
from tests.baselines.glyphs import kernel_process, read_submission, write_bundle


def table(path, bundle, ids, seed):
    rows = np.random.default_rng(seed).dirichlet(np.ones(4), len(ids))
    write_probabilities(path, bundle.rules, ids, rows)
    return rows


def mix(folder, out, *arguments):
    return kernel_process("baselines.ensemble", *map(str, arguments), "--data", str(folder), "--out", str(out))


@pytest.mark.parametrize("form", ["labels", "probabilities"])
def test_the_submission_has_the_competitions_form_and_passes_the_check(tmp_path, form):
    folder = write_bundle(tmp_path, form=form, train=4, test=4, validation=2)
    bundle = open_bundle(folder)
    first, second = (table(tmp_path / name, bundle, bundle.test_ids, seed) for seed, name in enumerate(("a", "b")))
    backwards = list(reversed((tmp_path / "b").read_text().splitlines()))
    (tmp_path / "b").write_text("\n".join([backwards.pop(), *backwards]) + "\n")  # another order of rows
    done = mix(folder, tmp_path / "out", tmp_path / "a", tmp_path / "b", "--weights", 3, 1)
    assert done.returncode == 0, done.stderr
    mixed = 0.75 * first + 0.25 * second
    written = read_probabilities(tmp_path / "out" / "probabilities.csv", bundle.rules)
    assert written.in_order(bundle.test_ids) == pytest.approx(mixed, abs=3e-6)
    path = tmp_path / "out" / "submission.csv"
    checked = check_submission(path, bundle.rules, read_ids((folder / "test.csv").read_bytes(), bundle.rules))
    assert checked.problems == ()
    if form == "labels":
        assert list(read_submission(tmp_path / "out").values()) == ["AHTX"[best] for best in mixed.argmax(1)]


def test_weights_are_fitted_on_out_of_fold_predictions(tmp_path):
    folder = write_bundle(tmp_path, train=10, test=3, validation=5)
    bundle = open_bundle(folder)
    labels = np.asarray(bundle.train_labels)
    good, bad = 0.7 * np.eye(4)[labels] + 0.075, np.full((len(labels), 4), 0.25)
    for name, rows in (("good", good), ("bad", bad)):
        write_probabilities(tmp_path / f"{name}_oof.csv", bundle.rules, bundle.train_ids, rows)
        table(tmp_path / f"{name}.csv", bundle, bundle.test_ids, len(name))
    tables, fitted = ([tmp_path / f"{name}{end}.csv" for name in ("good", "bad")] for end in ("", "_oof"))
    done = mix(folder, tmp_path / "out", *tables, "--fit", *fitted)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "ensemble.json").read_text())
    assert list(record["weights"].values()) == pytest.approx([1, 0], abs=1e-6)
    assert record["out_of_fold_accuracy"] == 1


def test_a_run_writes_its_probabilities_beside_the_labels_when_asked(bundle, tmp_path):
    from baselines.kit.budget import Clock
    from baselines.kit.live import Silent
    from baselines.kit.recipe import parse_recipe
    from baselines.kit.request import Request
    from baselines.kit.session import train_and_predict
    from tests.baselines.runs import FAST, small_net

    recipe = parse_recipe({**FAST, "epochs": 1}, "test")
    request = Request("test", "fast", recipe, bundle, tmp_path, Clock.starting_now(30), 3, "cpu", 1, probabilities=True)
    train_and_predict(small_net, request, Silent())
    found = read_probabilities(tmp_path / "probabilities.csv", bundle.rules)
    assert found.ids == bundle.test_ids
    assert ["AHTX"[best] for best in found.probabilities.argmax(1)] == list(read_submission(tmp_path).values())


@pytest.mark.parametrize(("text", "told"), [
    ("id,label\na,A\n", "--probabilities"),
    ("id,A,H,T\na,1,0,0\n", "no column 'X'"),
    ("id,A,H,T,X\na,1,0,0,0\na,1,0,0,0\n", "given twice"),
    ("id,A,H,T,X\na,1,0,0\n", "line 2 has 4 columns"),
    ("id,A,H,T,X\na,1,0,0,zero\n", "zero"),
    ("id,A,H,T,X\na,1,0,0,0\nb,0.5,0,0,0\n", "line 3 is no row"),
    ("id,A,H,T,X\na,2,-1,0,0\n", "line 2 is no row"),
    ("id,A,H,T,X\na,nan,0,0,1\n", "line 2 is no row"),
    ("id,A,H,T,X\na,inf,0,0,1\n", "line 2 is no row"),
    ("id,A,H,T,X\n", "no rows"),
    ("", "is empty"),
    ("\ufeff", "is empty"),
    ("\n", "is empty"),
    ("id,A,H,T,X,Y\na,1,0,0,0,0\n", "column 'Y' is no class of glyphs"),
    ('id,A,H,T,X\n"a,1,0,0,0\n', "no CSV"),
    ("\x00\x01", "no rows"),
])  # fmt: skip
def test_a_hostile_table_is_told_in_one_line(bundle, tmp_path, text, told):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(BadInputError) as caught:
        read_probabilities(path, bundle.rules)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_told(glyphs, bundle, tmp_path):
    table(tmp_path / "a.csv", bundle, bundle.test_ids[:-2], 0)
    done = mix(glyphs, tmp_path / "out", tmp_path / "a.csv", tmp_path / "a.csv")
    assert done.returncode == 1
    assert f"2 of {len(bundle.test_ids)} ids are missing" in done.stderr
    assert not (tmp_path / "out").exists()
    table(tmp_path / "b.csv", bundle, [*bundle.test_ids, "of another bundle"], 0)
    done = mix(glyphs, tmp_path / "out", tmp_path / "b.csv")
    assert done.returncode == 1
    assert "'of another bundle'" in done.stderr
    with pytest.raises(BadInputError, match="cannot be read"):
        read_probabilities(tmp_path / "none.csv", bundle.rules)
