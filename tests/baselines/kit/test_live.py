"""What a run shows: lines where they are read later, a view that stays in place on a terminal."""

import io
import time

from rich.console import Console

from baselines.kit.budget import Clock
from baselines.kit.history import Row
from baselines.kit.live import Lines, LiveView, Silent, create_reporter

ROW = Row(20, 1.0, 3.0, 0.01, 0.9, 0.7, 0.8, 0.75, 0.85, 0.72, 0.01, 5000.0)


def drawn(view: LiveView) -> list[str]:
    """The lines of the view on a terminal of a hundred columns."""
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    console.print(view._view())
    return console.file.getvalue().splitlines()


def test_lines_say_when_and_what():
    stream = io.StringIO()
    lines = Lines(Clock.starting_now(60), stream)
    lines.note("two threads")
    lines.evaluation(ROW, improved=True)
    first, second = stream.getvalue().splitlines()
    assert first.endswith("s] two threads")
    assert "validation loss 0.8500 acc 72.00 %" in second
    assert second.endswith("best")


def test_steps_are_told_now_and_then_only():
    stream = io.StringIO()
    lines = Lines(Clock.starting_now(60), stream)
    for step in range(1000):
        lines.step(step, step / 20, step / 1000, 0.01, 0.5)
    assert stream.getvalue() == ""
    lines._shown_at = time.monotonic() - 16
    lines.step(1001, 50.05, 1.0, 0.01, 0.5)
    assert "step 1,001  epoch 50.05  100 %  loss 0.5000" in stream.getvalue()


def test_the_view_has_a_row_an_evaluation_a_bar_and_a_line_of_its_own_for_the_figures():
    view = LiveView(Clock.starting_now(60))
    view.evaluation(ROW, improved=True)
    view.step(30, 1.5, 0.4, 0.008, 0.61)
    view.close()
    head, row, bar, words = drawn(view)
    assert head.split()[:3] == ["epoch", "train", "loss"]
    assert row.split() == ["1.00", "0.9000", "70.00", "%", "0.8500", "72.00", "%", "5,000", "best"]
    assert set(bar.strip()) <= set("━╸╺")
    assert words.startswith("step 30  epoch 1.50  loss 0.6100  rate 8.00e-03  ")
    assert words.rstrip().endswith("left")


def test_without_a_terminal_there_are_lines():
    assert type(create_reporter(Clock.starting_now(60))) is Lines


def test_silence_is_silent(capsys):
    silent = Silent()
    silent.note("x")
    silent.step(1, 0.1, 0.1, 0.1, 0.1)
    silent.evaluation(ROW, True)
    silent.close()
    assert capsys.readouterr() == ("", "")


def test_square_brackets_of_a_note_are_shown_as_they_are(capsys):
    view = LiveView(Clock.starting_now(60))
    view.note("[enforce fail at file.cc] runs/[/tmp]: no space left")
    view.close()
    assert "[enforce fail at file.cc] runs/[/tmp]: no space left" in capsys.readouterr().err
