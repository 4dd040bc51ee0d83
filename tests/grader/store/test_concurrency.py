"""Several processes at one store: every submission is scored once, and readers see whole transactions only."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from grader.store import Score
from grader.store.verify import verify

from .conftest import Place, arrival, scored

fork = multiprocessing.get_context("fork")
WORKERS = 6


def test_workers_at_the_same_submissions_score_each_once(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        store.submit_all([arrival(tmp_path, f"team {number}", str(number)) for number in range(20)])
    start = fork.Barrier(WORKERS, timeout=60)
    workers = [fork.Process(target=score_everything, args=(place, start, worker)) for worker in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    with place.open() as store:
        assert [[one.revision for one in store.scorings(done.id)] for done in store.submissions()] == [[0]] * 20
        checked = verify(store)
    assert (checked.entries, checked.faults) == (40, ())


def score_everything(place: Place, start: Barrier, worker: int) -> None:
    with place.open() as store:
        waiting = store.pending()
        start.wait()
        for one in waiting:
            store.record([scored(one.id, worker / 10, worker / 10)])


def test_a_reader_sees_a_rescoring_whole_or_not_at_all(place: Place, tmp_path: Path) -> None:
    with place.open() as store:
        receipts = store.submit_all([arrival(tmp_path, f"team {number}", str(number)) for number in range(30)])
        ids = [receipt.submission.id for receipt in receipts if receipt.submission]
        store.record([scored(identity, 0.0, 0.0) for identity in ids])
        ready, seen = fork.Barrier(2, timeout=60), fork.Queue()
        reader = fork.Process(target=read_on, args=(place, ready, seen))
        reader.start()
        ready.wait()
        for turn in range(1, 15):
            store.rescore([scored(identity, float(turn), 0.0) for identity in ids], f"turn {turn}")
        states = seen.get(timeout=60)
        reader.join()
    assert all(len(state) == 1 for state in states)
    assert states[-1] == {14.0}


def read_on(place: Place, ready: Barrier, seen: Any) -> None:
    """Look at the board until the last rescoring shows."""
    states: list[set[float | None]] = [set()]
    with place.open() as store:
        ready.wait()
        while 14.0 not in states[-1]:
            states.append({row.public for row in store.leaderboard_rows("fontchar", "accuracy")})
            assert all(isinstance(score, Score) for scores in store.scores("fontchar").values() for score in scores)
    seen.put(states[1:])
