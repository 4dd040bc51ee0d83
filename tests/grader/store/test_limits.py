"""The daily limit: a rolling window of 24 hours that holds exactly, whoever writes at once."""

import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.store import DailyLimitError, Failed, Rejected, Store, Submission, open_store
from grader.store.limits import allowance
from grader.store.verify import verify

from .conftest import Place, arrival, scored

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HandIn = Callable[..., Submission]
moments = st.lists(st.integers(-3000, 60).map(lambda minutes: NOW + timedelta(minutes=minutes)), max_size=12)


def used_at(received: list[datetime], moment: datetime) -> int:
    """The oracle: what a person would count by hand."""
    return sum(1 for one in received if moment - one < timedelta(hours=24))


@example([NOW - timedelta(hours=24)], 1)
@example([NOW - timedelta(hours=24) + timedelta(microseconds=1)], 1)
@given(moments, st.integers(1, 5))
def test_the_window_is_what_counting_by_hand_gives(received: list[datetime], limit: int) -> None:
    standing = allowance(received, limit, NOW)
    assert standing.used == used_at(received, NOW)
    assert (standing.next_allowed is None) == (standing.remaining > 0)
    if standing.next_allowed is not None:
        assert used_at(received, standing.next_allowed) < limit
        assert used_at(received, standing.next_allowed - timedelta(microseconds=1)) >= limit


def test_a_limit_of_nothing_never_lets_anybody_in() -> None:
    assert allowance([], 0, NOW).remaining == 0
    assert allowance([], 0, NOW).next_allowed is None


def test_the_limit_refuses_with_the_moment_of_the_next_submission(store: Store, place: Place, hand_in: HandIn) -> None:
    hand_in(store, "a", "1", 2)
    place.clock.forward(hours=3, microseconds=1)
    hand_in(store, "a", "2", 2)
    with pytest.raises(DailyLimitError) as refused:
        hand_in(store, "a", "3", 2)
    assert str(refused.value) == (
        "the daily limit of 2 submissions is used up; the next one is taken from 2026-03-03 09:00:00 UTC"
    )
    assert refused.value.exit_code == 2
    hand_in(store, "b", "3", 2)
    place.clock.forward(hours=20, minutes=59, seconds=59)
    with pytest.raises(DailyLimitError):
        hand_in(store, "a", "3", 2)
    place.clock.forward(seconds=1)
    hand_in(store, "a", "3", 2)


def test_the_printed_second_is_rounded_up(store: Store, place: Place, hand_in: HandIn) -> None:
    place.clock.forward(microseconds=1)
    hand_in(store, "a", "1", 1)
    with pytest.raises(DailyLimitError, match="taken from 2026-03-03 09:00:01 UTC"):
        hand_in(store, "a", "2", 1)


def test_failed_checks_and_faults_of_the_platform_cost_nothing(store: Store, hand_in: HandIn) -> None:
    for number in range(3):
        store.record([Rejected(hand_in(store, "a", f"bad {number}", 1).id, "empty")])
        store.record([Failed(hand_in(store, "a", f"unlucky {number}", 1).id, "disk")])
    assert store.allowance("fontchar", "a", 1).remaining == 1
    made = hand_in(store, "a", "good", 1)
    assert store.allowance("fontchar", "a", 1).remaining == 0
    store.record([scored(made.id, 1.0, 1.0)])
    with pytest.raises(DailyLimitError):
        hand_in(store, "a", "better", 1)


def test_competitions_and_teams_have_limits_of_their_own(store: Store, hand_in: HandIn, tmp_path: Path) -> None:
    hand_in(store, "a", "1", 1)
    hand_in(store, "b", "1", 1)
    assert store.submit(arrival(tmp_path, "a", "1", "letters"), 1).is_new


def test_the_limit_counts_within_one_batch_too(store: Store, tmp_path: Path) -> None:
    batch = [arrival(tmp_path, team, str(number)) for number in range(4) for team in "ab"]
    receipts = store.submit_all(batch, 3)
    assert [receipt.is_new for receipt in receipts] == [True] * 6 + [False] * 2
    assert receipts[-1].submission is None
    assert receipts[-1].next_allowed == datetime(2026, 3, 3, 9, 0, tzinfo=UTC)


def test_a_clock_that_steps_back_gives_nobody_more(store: Store, place: Place, hand_in: HandIn) -> None:
    hand_in(store, "a", "1", 1)
    place.clock.forward(hours=-5)
    with pytest.raises(DailyLimitError):
        hand_in(store, "a", "2", 1)


def test_the_limit_holds_exactly_under_50_parallel_writers(place: Place, tmp_path: Path) -> None:
    place.open().database.close()  # the schema is there before the rush
    fork = multiprocessing.get_context("fork")
    start, taken = fork.Barrier(50, timeout=60), fork.Queue()
    writers = [fork.Process(target=rush, args=(place, tmp_path, number, start, taken)) for number in range(50)]
    for writer in writers:
        writer.start()
    outcomes = [taken.get(timeout=120) for _ in range(100)]
    for writer in writers:
        writer.join()
    assert sorted(outcomes) == ["refused"] * 93 + ["taken"] * 7
    with place.open() as store:
        assert [submission.id for submission in store.submissions()] == list(range(1, 8))
        checked = verify(store)
    assert (checked.entries, checked.faults) == (7, ())


def rush(place: Place, folder: Path, number: int, start: Barrier, taken: Any) -> None:
    """Two submissions of one team as soon as all 50 processes are ready."""
    with open_store(place.home, place.url) as store:
        arrivals = [arrival(folder, "a", f"{number} {turn}") for turn in range(2)]
        start.wait()
        for handed in arrivals:
            try:
                store.submit(handed, 7)
                taken.put("taken")
            except DailyLimitError:
                taken.put("refused")
            except BaseException as error:
                taken.put(repr(error))
