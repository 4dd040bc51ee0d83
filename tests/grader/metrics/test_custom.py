"""Custom metrics: real files in real processes."""

import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import sklearn.metrics as oracle

from competition.errors import UserError
from competition.rules import MetricRule, Rules
from grader.metrics import BrokenMetricError, MetricError, custom
from grader.metrics.custom import BROKEN, Limits, compute_custom, register, score_tables

ACCURACY = '''
"""The share of equal labels."""
import pandas as pd


class ParticipantVisibleError(Exception):
    pass


def score(solution: pd.DataFrame, submission: pd.DataFrame, row_id_column_name: str, bonus: float = 0.0) -> float:
    """
    >>> table = pd.DataFrame({"id": ["a", "b"], "label": ["x", "y"]})
    >>> score(table.copy(), table.copy(), "id")
    1.0
    >>> score(table.copy(), table.assign(label="x"), "id", bonus=0.25)
    0.75
    """
    if (submission["label"] == "bad").any():
        raise ParticipantVisibleError("the label 'bad'\\nis not for you")
    del solution[row_id_column_name], submission[row_id_column_name]
    return float((solution["label"] == submission["label"]).mean()) + bonus
'''
HEAD = "def score(solution, submission, row_id_column_name):\n"
TABLE = {"id": ["1", "2"], "label": ["secret-cat", "secret-dog"]}


def rules(form="labels", labels=("cat", "dog"), **others):
    rule = MetricRule("mine", {"direction": "higher"}, "mine.py")
    return Rules("pets", "Pets", "classification", form, rule, labels=labels, **others)


@pytest.fixture
def write(tmp_path):
    """Write a metric file and give its path; a body alone becomes that of `score`."""

    def write(text):
        file = tmp_path / "mine.py"
        body = "".join(f"    {line}\n" for line in text.splitlines())
        file.write_text(text if "def score" in text else HEAD + body)
        return file

    return write


def run(file, seconds=30.0, memory_bytes=4 << 30, submission=TABLE, **options):
    return score_tables(file, TABLE, submission, "id", options, ["label"], Limits(seconds, memory_bytes))


def broken(file, **limits):
    """Run a metric that must fail; the participant reads the fixed line, the detail is given back."""
    with pytest.raises(BrokenMetricError) as told:
        run(file, **limits)
    assert str(told.value) == BROKEN
    return told.value.detail


def test_a_metric_scores_as_it_does_by_hand(write):
    ids = [f"{number:03}" for number in range(50)]
    truth, prediction = np.arange(50) % 2, np.arange(50) % 3 % 2
    file = write(ACCURACY)
    found = compute_custom(rules().metric, file.parent, rules(), ids, truth, prediction)
    assert found == oracle.accuracy_score(truth, prediction)


def test_options_reach_the_metric_but_not_the_direction(write):
    file = write(ACCURACY)
    rule = MetricRule("mine", {"direction": "higher", "bonus": 0.5}, "mine.py")
    assert compute_custom(rule, file.parent, rules(), ["a"], np.array([0]), np.array([0])) == 1.5


def test_only_the_text_of_a_participant_visible_error_is_told_and_on_one_line(write):
    with pytest.raises(MetricError) as told:
        run(write(ACCURACY), submission={"id": ["1", "2"], "label": ["bad", "x"]})
    assert str(told.value) == "the label 'bad' is not for you"
    assert not isinstance(told.value, BrokenMetricError)


def test_kaggles_own_utilities_can_be_imported(write):
    file = write(
        "import kaggle_metric_utilities as kaggle\nimport sklearn.metrics\n"
        "def score(solution, submission, row_id_column_name):\n"
        "    kaggle.verify_valid_probabilities(submission[['cat', 'dog']], 'submission')\n"
        "    truth = solution['label'] == 'dog'\n"
        "    return kaggle.safe_call_score(sklearn.metrics.roc_auc_score, truth, submission['dog'])\n"
    )
    form = rules("probabilities")
    truth, probabilities = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.95, 0.05], [0.2, 0.8]])
    assert compute_custom(form.metric, file.parent, form, "abc", truth, probabilities) == 0.5
    with pytest.raises(MetricError, match=r"^submission: the probabilities of each row must sum to 1$"):
        compute_custom(form.metric, file.parent, form, "abc", truth, probabilities / 2)


def test_ids_and_labels_arrive_as_the_text_they_are(write):
    file = write("return float([*solution['id'], *submission['label']] == ['007', 'NA', '1e3', '01', 'null', 'NaN'])")
    awkward = rules(labels=("01", "null", "NaN"))
    codes = np.array([0, 1, 2], np.int32)
    assert compute_custom(awkward.metric, file.parent, awkward, ["007", "NA", "1e3"], codes, codes) == 1.0


def test_labels_that_are_numbers_and_values_arrive_as_numbers(write):
    file = write("return float(abs(solution['label'] - submission['label']).sum())")
    numbered = rules(labels=("0", "1", "10"))
    found = compute_custom(numbered.metric, file.parent, numbered, "abc", np.array([0, 1, 2]), np.array([2, 1, 0]))
    assert found == 20
    valued = rules("values", labels=())
    found = compute_custom(valued.metric, file.parent, valued, "ab", np.array([0.1, 0.2]), np.array([0.1, 1e-300]))
    assert found == 0.2 - 1e-300


def test_values_arrive_to_the_last_bit(write):
    file = write("return float(sum(map(hash, submission['label'])) % 10**9)")
    valued, values = rules("values", labels=()), np.random.default_rng(0).normal(size=500) * 1e-7
    found = compute_custom(valued.metric, file.parent, valued, list(map(str, range(500))), values, values)
    assert found == sum(map(hash, values.tolist())) % 10**9


def test_awkward_texts_survive_the_journey(write):
    file = write("return float(list(submission['label']) == ['a,b', 'c\"d', 'e\\nf', ' g '])")
    texts = ["a,b", 'c"d', "e\nf", " g "]
    masks = rules("masks", labels=())
    assert compute_custom(masks.metric, file.parent, masks, "abcd", texts, texts) == 1.0


def test_what_a_metric_prints_goes_nowhere(write, capfd):
    body = "import os, sys\nprint(solution)\nprint(solution, file=sys.stderr)\nos.write(1, b'secret')\nreturn 1.0"
    assert run(write(body)) == 1.0
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_a_metric_that_prints_without_end_only_runs_out_of_time(write):
    assert "limit of 2 s" in broken(write("while True:\n    print(solution)"), seconds=2)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("return float('nan')", "score() returned nan, which is not finite"),
        ("return float('-inf')", "score() returned -inf, which is not finite"),
        ("return '0.5'", "score() returned '0.5' (str) instead of a float"),
        ("return None", "score() returned None (NoneType) instead of a float"),
        ("return True", "score() returned True (bool) instead of a float"),
        ("return 1j", "score() returned 1j (complex) instead of a float"),
        ("raise ValueError(f'{list(solution.label)}')", "ValueError: ['secret-cat', 'secret-dog']"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def deep(): deep()\ndeep()", "RecursionError"),
        ("import os\nos._exit(0)", "ended by itself with exit code 0"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("return score(solution)", "missing 2 required positional arguments"),
        ("raise ValueError('\\udc80')", "ValueError"),
    ],
)
def test_every_other_failure_is_one_fixed_line_and_a_detail_for_the_instructor(write, body, detail):
    assert detail in broken(write(body))


@pytest.mark.parametrize("value", ["np.float32(0.5)", "np.int64(3)", "7"])
def test_any_real_number_is_a_score(write, value):
    assert run(write(f"import numpy as np\nreturn {value}")) in (0.5, 3.0, 7.0)


def test_the_traceback_for_the_instructor_begins_in_the_metric(write):
    detail = broken(write("return 1 / 0"))
    assert "custom_worker" not in detail
    assert 'mine.py", line 2, in score' in detail


def test_a_very_long_error_still_arrives(write):
    assert broken(write("raise ValueError('가' * 10**6)")).endswith("가\n")


def test_an_endless_loop_is_stopped_in_time(write):
    start = time.monotonic()
    assert broken(write("while True: pass"), seconds=2) == "the metric gave no answer: it ran past its limit of 2 s"
    assert time.monotonic() - start < 20


def test_a_metric_that_ignores_signals_is_stopped_too(write):
    body = "import signal, time\nfor number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\ntime.sleep(60)"
    assert "limit of 2 s" in broken(write(body), seconds=2)


def test_a_metric_that_eats_memory_is_stopped_by_its_limit(write):
    detail = broken(write("hog = []\nwhile True: hog.append(bytearray(1 << 26))"), memory_bytes=2 << 30)
    assert "MemoryError" in detail


FORKS = """
import os, sys, time
from pathlib import Path
child = os.fork()
if child == 0:
    {become}
    if os.fork() == 0:
        Path({file!r} + ".new").write_text(str(os.getpid()))
        Path({file!r} + ".new").rename({file!r})
        time.sleep(60)
    time.sleep(60)
while not Path({file!r}).exists(): time.sleep(0.01)
{end}
"""


@pytest.mark.parametrize("become", ["pass", "os.setsid()"])
@pytest.mark.parametrize(("end", "score"), [("return 0.5", 0.5), ("time.sleep(60)", None)])
def test_children_die_with_the_run_also_those_that_left_its_session(write, tmp_path, become, end, score):
    note = tmp_path / "grandchild"
    file = write(FORKS.format(file=str(note), become=become, end=end).strip())
    if score is None:
        broken(file, seconds=5)
    else:
        assert run(file) == score
    assert _is_dead(int(note.read_text()))


def _is_dead(number, patience_seconds=10.0):
    """Whether the process is gone or a zombie; one that was just killed may take a moment to leave."""
    until = time.monotonic() + patience_seconds
    while time.monotonic() < until:
        try:
            if psutil.Process(number).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_a_forked_child_has_no_say_in_the_score(write):
    body = "import os, time\nif os.fork() == 0:\n    return 0.1\ntime.sleep(0.3)\nreturn 0.9"
    assert run(write(body)) == 0.9


def test_a_thread_of_the_metric_does_not_hold_the_run(write):
    start = time.monotonic()
    body = "import threading, time\nthreading.Thread(target=time.sleep, args=(50,)).start()\nreturn 1.0"
    assert run(write(body)) == 1.0
    assert time.monotonic() - start < 20


def test_the_environment_of_the_grader_stays_hidden(write, monkeypatch):
    monkeypatch.setenv("GRADER_TOKEN", "secret")
    assert run(write("import os\nreturn float('GRADER_TOKEN' in os.environ)")) == 0.0


def test_nothing_is_written_beside_the_metric_and_no_file_descriptor_stays_open(write):
    file = write(ACCURACY)
    before = psutil.Process().num_fds()
    run(file)
    assert [path.name for path in file.parent.iterdir()] == ["mine.py"]
    assert psutil.Process().num_fds() == before


def test_no_row_is_an_error_in_words(write):
    none = np.array([], np.int32)
    with pytest.raises(BrokenMetricError, match="no row to score"):
        compute_custom(rules().metric, write(ACCURACY).parent, rules(), [], none, none)


def test_the_same_file_against_other_labels_tells_a_participant_the_same(write):
    file = write("raise ValueError(str(solution.label[0]))")
    told = set()
    for labels in (["x", "y"], ["y", "x"]):
        with pytest.raises(BrokenMetricError) as error:
            score_tables(file, {"id": ["1", "2"], "label": labels}, TABLE, "id", {}, ["label"])
        told.add(str(error.value))
        assert labels[0] in error.value.detail
    assert told == {BROKEN}


def test_registering_runs_the_doctests_and_reports(write):
    file = write(ACCURACY)
    found = register(file, {"bonus": 1.0, "direction": "higher"})
    assert (found.options, found.examples) == (("bonus",), 3)
    assert found == register(file)
    file.write_text(ACCURACY + "\n")
    assert register(file).sha256 != found.sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ACCURACY.replace("    1.0\n", "    0.9\n"), "1 of 3 doctest examples fail: .*Expected: 0.9 Got: 1.0"),
        (ACCURACY.replace("def score", "def rate"), "it defines no function score"),
        ("score = 3", "it defines no function score"),
        (ACCURACY.replace("solution: pd", "truth: pd"), "the first parameters of score must be solution, submission, "),
        ("def score(:\n", "cannot be used as a metric: SyntaxError: "),
        ("import nothing_of_this_name\n" + ACCURACY, "cannot be used as a metric: ModuleNotFoundError: "),
    ],
)
def test_what_is_no_metric_is_refused_in_words(tmp_path, text, message):
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(UserError, match=message) as told:
        register(file)
    assert str(told.value).startswith(f"{file}: ")
    assert "\n" not in str(told.value)


def test_a_metric_that_never_gets_to_its_function_is_refused_at_its_limit(write):
    with pytest.raises(UserError, match=r"cannot be used as a metric: .* ran past its limit of 3 s"):
        register(write("while True: pass\n" + ACCURACY), limits=Limits(3))


def test_wrong_options_of_a_metric_are_told_in_words(write):
    file = write(ACCURACY)
    with pytest.raises(UserError, match="score takes no option 'bonsu'; its options are: bonus"):
        register(file, {"bonsu": 1})
    file = write(ACCURACY.replace("bonus: float = 0.0", "bonus: float"))
    with pytest.raises(UserError, match="the option 'bonus' of score is missing"):
        register(file)


def test_a_missing_file_is_told_in_words(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        register(tmp_path / "mine.py")


@pytest.mark.slow
def test_a_million_rows_pass_through(write):
    rows = 1_000_000
    ids, truth = [f"{number:x}" for number in range(rows)], np.arange(rows) % 2
    assert compute_custom(rules().metric, write(ACCURACY).parent, rules(), ids, truth, truth) == 1.0


def test_the_worker_belongs_to_the_package():
    assert Path(custom.WORKER).is_file()
