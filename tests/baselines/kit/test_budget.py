import subprocess
import sys
import time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.kit.budget import Allowance, Clock, Reserve, parse_duration, show_duration
from competition.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"), [("45", 45), ("45s", 45), ("10m", 600), ("1.5h", 5400), ("1h30m", 5400), (" 2M ", 120)]
)
def test_a_duration_is_read_in_seconds_minutes_and_hours(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["169h", "9" * 400])
def test_a_budget_of_more_than_a_week_is_refused(text):
    with pytest.raises(UserError, match="longer than a week"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "0", "0s", "ten", "-5", "5x", "m", "1m2", "1e3", "nan", "5 m 3"])
def test_what_is_no_duration_is_refused_in_one_line(text):
    if text == "1m2":  # a minute and two seconds: readable, so it is read
        assert parse_duration(text) == 62
        return
    with pytest.raises(UserError, match="no duration") as told:
        parse_duration(text)
    assert "\n" not in str(told.value)


@given(st.integers(1, 100_000))
def test_whole_seconds_survive_every_way_of_writing_them(seconds):
    minutes, rest = divmod(seconds, 60)
    assert parse_duration(f"{seconds}s") == parse_duration(f"{minutes}m{rest}s") == seconds


def test_durations_are_shown_for_people():
    assert [show_duration(s) for s in (8.24, 125, 4200)] == ["8.2 s", "2 min 05 s", "1 h 10 min"]


def test_the_clock_of_a_process_counts_from_its_start():
    code = "import time; time.sleep(0.5); from baselines.kit.budget import Clock; print(Clock.of_process(60).elapsed)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.5 <= float(done.stdout) < 5


def test_the_runners_deadline_ends_the_budget_earlier():
    clock = Clock.of_process(10_000_000, {"GRADER_DEADLINE": str(time.time() + 30)})
    assert 28 < clock.remaining < 30
    with pytest.raises(UserError, match="GRADER_DEADLINE"):
        Clock.of_process(60, {"GRADER_DEADLINE": "tomorrow"})


def test_progress_follows_steps_when_there_is_time_and_time_when_there_is_not():
    now = time.monotonic()
    ample = Allowance(Clock(now, now + 1000), Reserve(), total_steps=10, start=now)
    assert ample.progress(5) == pytest.approx(0.5)
    short = Allowance(Clock(now - 6, now + 6), Reserve(finish_seconds=1), total_steps=10_000, start=now - 6)
    assert 0.4 < short.progress(1) < 0.7


def test_a_resumed_run_goes_on_where_it_stopped_and_still_ends_at_one():
    now = time.monotonic()
    halfway = Allowance(Clock(now, now + 100), Reserve(), total_steps=10_000, start=now, already=0.6)
    assert halfway.progress(0) == pytest.approx(0.6, abs=0.01)
    over = Allowance(Clock(now - 100, now), Reserve(), total_steps=10_000, start=now - 100, already=0.6)
    assert over.progress(0) == 1.0


def test_no_step_is_begun_that_would_run_into_the_reserve():
    now = time.monotonic()
    allowance = Allowance(Clock(now, now + 10), Reserve(finish_seconds=1), total_steps=100, start=now)
    assert allowance.fits_another_step(0)
    allowance.note_step(9.0)
    assert not allowance.fits_another_step(1)
    assert not allowance.fits_another_step(100)


WATCHED = """
import ctypes, sys
from baselines.kit.budget import Clock, Watchdog
with Watchdog(Clock.starting_now(1.5), lambda: "last words"):
    ctypes.CDLL(None).usleep(20_000_000)
"""


def test_the_watchdog_ends_a_process_that_sits_in_a_native_call():
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, timeout=15, check=False)
    assert (done.returncode, done.stderr) == (0, "last words\n")
    assert time.monotonic() - start < 10


def test_however_slow_the_predictions_look_half_of_the_time_is_for_training():
    now = time.monotonic()
    allowance = Allowance(Clock(now, now + 100), Reserve(predict_seconds=5000), total_steps=10, start=now)
    assert allowance.end - now == pytest.approx(49.5, abs=0.1)


def test_training_speed_bounds_what_is_kept_for_the_predictions():
    reserve = Reserve(predict_seconds=50, evaluate_seconds=30, predicted_images=1000, evaluated_images=200)
    reserve.learn_from_training(0.01)
    assert (reserve.predict_seconds, reserve.evaluate_seconds) == (10, 2)
    reserve.learn_from_training(0.5)
    assert (reserve.predict_seconds, reserve.evaluate_seconds) == (10, 2)


def test_predictions_of_one_process_are_not_expected_at_the_speed_of_all():
    reserve = Reserve(predict_seconds=50, evaluate_seconds=30, predicted_images=1000, evaluated_images=200, processes=4)
    reserve.learn_from_training(0.01)  # a hundred images a second by four processes together
    assert (reserve.predict_seconds, reserve.evaluate_seconds) == (40, 2)
    reserve.learn_from_evaluation(0.005)
    assert (reserve.predict_seconds, reserve.evaluate_seconds) == (20, 1)


def test_evaluation_and_predictions_share_what_is_left_by_their_images():
    now = time.monotonic()
    reserve = Reserve(finish_seconds=1, predicted_images=1000, evaluated_images=650, safety=1.35)
    allowance = Allowance(Clock(now - 79, now + 21), reserve, total_steps=10, start=now)
    assert allowance.evaluation_end() - now == pytest.approx(19 * 650 / 2000, abs=0.1)


HELD = """
import ctypes, sys, time
from baselines.kit.budget import Clock, hold_to_budget
def holds_the_interpreter():
    print("begun", flush=True)
    ctypes.PyDLL(None).usleep(20_000_000)  # unlike CDLL, PyDLL keeps the lock, as an import of a large library does
sys.exit(hold_to_budget(Clock.starting_now(2), WORK, lambda: "last words"))
"""


def held(work, **options):
    code = HELD.replace("WORK", work)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=15, **options)


def test_work_that_holds_the_interpreter_is_ended_in_time():
    start = time.monotonic()
    done = held("holds_the_interpreter")
    assert (done.returncode, done.stdout, done.stderr) == (0, "begun\n", "last words\n")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(("work", "code"), [("lambda: 0", 0), ("lambda: 2", 2), ("lambda: 1 / 0", 1)])
def test_the_exit_code_of_the_work_comes_through(work, code):
    done = held(work)
    assert done.returncode == code
    assert ("ZeroDivisionError" in done.stderr) == (code == 1)


def test_nothing_is_left_when_the_parent_is_killed():
    code = HELD.replace("starting_now(2)", "starting_now(600)").replace("WORK", "holds_the_interpreter")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    (child,) = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    assert child.wait(5) is None or not child.is_running()
    process.stdout.close()


def test_a_run_that_the_system_kills_is_told_with_the_likely_cause():
    done = held("lambda: __import__('os').kill(__import__('os').getpid(), 9)")
    assert done.returncode == 1
    assert "ended by SIGKILL (most likely memory ran out" in done.stderr
