"""A run is held to its budget, with everything it has started."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from competition.errors import UserError
from grader.runner.kernel import baseline_names, find_kernel
from grader.runner.run import Outcome, run_kernel

ESCAPING_KERNEL = """
import os, time
from pathlib import Path
if os.fork() == 0:
    os.setsid()                      # leaves the process group
    if os.fork() == 0:               # and its parent
        Path("escaped.new").write_text(str(os.getpid()))
        Path("escaped.new").rename("escaped.pid")
        time.sleep(60)
    os._exit(0)
while not Path("escaped.pid").exists():
    time.sleep(0.01)
"""


@pytest.fixture
def run(tmp_path: Path):
    def run_script(source: str, budget_seconds: float = 20.0, **options) -> Outcome:
        script = tmp_path / "idea.py"
        script.write_text(source)
        return run_kernel(
            find_kernel(str(script)), tmp_path, tmp_path / "runs", budget_seconds=budget_seconds, seed=7, **options
        )

    return run_script


def escaped_process_lives(outcome: Outcome) -> bool:
    pid = int((outcome.folder / "escaped.pid").read_text())
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_kernel_that_writes_a_csv_in_time_is_finished(run):
    outcome = run("open('submission.csv', 'w').write('id,label\\n')")
    assert (outcome.status, outcome.exit_code) == ("finished", 0)
    assert outcome.submission == outcome.folder / "submission.csv"


def test_a_kernel_is_told_its_bundle_seed_budget_and_deadline(run, tmp_path: Path):
    lines: list[str] = []
    before = time.time()
    run(
        "import os\n"
        "for name in 'BUNDLE', 'OUT', 'SEED', 'BUDGET_SECONDS', 'DEADLINE': print(os.environ['GRADER_' + name])",
        on_line=lines.append,
    )
    bundle, out, seed, budget, deadline = lines
    assert (Path(bundle), seed, float(budget)) == (tmp_path, "7", 20.0)
    assert Path(out).parent == tmp_path / "runs"
    assert before + 20 <= float(deadline) <= time.time() + 20


def test_a_kernel_never_sees_tokens_or_where_the_vault_is(run, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", "hush")
    monkeypatch.setenv("GRADER_HOME", "/secret/place")
    lines: list[str] = []
    run("import os; print(dict(os.environ))", on_line=lines.append)
    assert "hush" not in lines[0]
    assert "/secret/place" not in lines[0]


def test_when_the_budget_ends_the_run_is_a_timeout_and_its_late_csv_is_not_handed_in(run):
    outcome = run("open('submission.csv', 'w').write('id,label\\n'); import time; time.sleep(60)", budget_seconds=1.0)
    assert (outcome.status, outcome.exit_code, outcome.submission) == ("timeout", None, None)
    assert 1.0 <= outcome.elapsed_seconds < 10


def test_a_process_that_left_the_group_dies_with_the_budget(run):
    outcome = run(ESCAPING_KERNEL + "time.sleep(60)", budget_seconds=5.0)
    assert outcome.status == "timeout"
    assert not escaped_process_lives(outcome)


def test_a_process_left_behind_by_a_finished_kernel_dies_too(run):
    outcome = run(ESCAPING_KERNEL)
    assert outcome.status == "finished"
    assert not escaped_process_lives(outcome)


def test_a_kernel_that_ignores_signals_dies_with_the_budget(run):
    outcome = run(
        "import signal, time\n"
        "for ignored in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(ignored, signal.SIG_IGN)\n"
        "time.sleep(60)",
        budget_seconds=1.0,
    )
    assert outcome.status == "timeout"
    assert outcome.elapsed_seconds < 10


def test_a_kernel_that_crashes_has_failed_and_its_words_are_in_the_log(run):
    outcome = run("raise SystemExit('no such column')")
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert "no such column" in (outcome.folder / "log.txt").read_text()


def test_a_link_in_place_of_the_csv_is_not_followed(run):
    outcome = run("import os; os.symlink('/etc/passwd', 'submission.csv')")
    assert outcome.submission is None


def test_when_the_harness_is_killed_the_kernel_dies_too(tmp_path: Path):
    script = tmp_path / "idea.py"
    script.write_text("import os, time\nopen('escaped.pid', 'w').write(str(os.getpid()))\ntime.sleep(60)")
    harness = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from grader.runner.kernel import find_kernel;"
            "from grader.runner.run import run_kernel;"
            "run_kernel(find_kernel(sys.argv[1]), Path('.'), Path(sys.argv[2]), budget_seconds=60, seed=1)",
            str(script),
            str(tmp_path / "runs"),
        ]
    )
    pid = _wait_for_pid(tmp_path / "runs")
    os.kill(harness.pid, signal.SIGKILL)
    harness.wait()
    with contextlib.suppress(psutil.NoSuchProcess):  # it may be gone already
        psutil.Process(pid).wait(timeout=20)
    assert not psutil.pid_exists(pid)


def _wait_for_pid(runs: Path) -> int:
    for _ in range(1000):
        for file in runs.glob("*/escaped.pid"):
            if text := file.read_text():
                return int(text)
        time.sleep(0.01)
    raise AssertionError("the kernel never started")


def test_a_folder_kernel_may_import_its_own_modules(tmp_path: Path):
    folder = tmp_path / "my_idea"
    folder.mkdir()
    (folder / "__main__.py").write_text("from my_idea.model import ANSWER\nprint(ANSWER)")
    (folder / "model.py").write_text("ANSWER = 42")
    lines: list[str] = []
    kernel = find_kernel(str(folder))
    outcome = run_kernel(kernel, tmp_path, tmp_path / "runs", budget_seconds=20, seed=1, on_line=lines.append)
    assert (outcome.status, lines) == ("finished", ["42"])


def test_a_notebook_runs_from_top_to_bottom(tmp_path: Path):
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("open('submission.csv', 'w').write('id\\n')")])
    nbformat.write(notebook, tmp_path / "idea.ipynb")
    outcome = run_kernel(
        find_kernel(str(tmp_path / "idea.ipynb")), tmp_path, tmp_path / "runs", budget_seconds=60, seed=1
    )
    assert outcome.submission is not None


@pytest.mark.parametrize(("exit_code", "status"), [(0, "finished"), (3, "failed")])
def test_a_notebook_that_ends_its_process_is_judged_by_its_exit_code_as_a_script_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exit_code: int, status: str
):
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))

    text = f"import os; open('submission.csv', 'w').write('id\\n'); os._exit({exit_code})"
    cells = [nbformat.v4.new_code_cell(text), nbformat.v4.new_code_cell("raise RuntimeError('not reached')")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "idea.ipynb")
    kernel = find_kernel(str(tmp_path / "idea.ipynb"))
    outcome = run_kernel(kernel, tmp_path, tmp_path / "runs", budget_seconds=60, seed=1)
    assert outcome.status == status
    assert (outcome.submission is not None) == (exit_code == 0)


def test_a_notebook_imports_from_above_its_package_and_else_from_its_own_folder(tmp_path: Path):
    package = tmp_path / "kernels" / "my_idea"
    package.mkdir(parents=True)
    for folder in (package, tmp_path):
        (folder / "kernel.ipynb").touch()
    (package / "__init__.py").touch()
    assert find_kernel(str(package / "kernel.ipynb")).import_path == package.parent
    assert find_kernel(str(tmp_path / "kernel.ipynb")).import_path == tmp_path


def test_baselines_are_found_by_name():
    assert "pixels_linear" in baseline_names()
    assert find_kernel("pixels_linear").command[1:] == ("-m", "baselines.pixels_linear")


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ("pixel_linear", "pixel_linear: no kernel here; did you mean 'pixels_linear'?"),
        ("/tmp", "/tmp: no kernel here; the folder needs a __main__.py"),
        (
            __file__.replace(".py", ".txt"),
            "no kernel here; name a script, a notebook, a folder with a __main__.py or one of: ",
        ),
    ],
)
def test_what_is_no_kernel_is_said_in_one_line(kernel: str, message: str):
    with pytest.raises(UserError) as error:
        find_kernel(kernel)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
