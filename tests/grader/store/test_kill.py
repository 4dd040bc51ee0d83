"""`kill -9` at random moments: nothing that was acknowledged is lost, nothing counts twice, the ledger verifies."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

from grader.store import Arrival, Store
from grader.store.verify import verify

from .conftest import Place, scored

fork = multiprocessing.get_context("fork")
FILES_A_ROUND = 6
FINISHED = "finished"


def work(place: Place, folder: Path, acknowledge: int) -> None:
    """What grading a folder does: hand in all of it, then score whatever waits, telling what is done."""
    with place.open() as store:
        files = sorted(folder.glob("*.csv"))
        for receipt in store.submit_all([Arrival("fontchar", file.stem, file) for file in files]):
            if receipt.submission is not None:
                os.write(acknowledge, f"received {receipt.submission.id}\n".encode())
        score_what_waits(store, acknowledge)
        os.write(acknowledge, f"{FINISHED}\n".encode())


def score_what_waits(store: Store, acknowledge: int) -> None:
    waiting = store.pending()
    for start in range(0, len(waiting), 2):
        for done in store.record([scored(one.id, one.id / 7, one.id / 3) for one in waiting[start : start + 2]]):
            os.write(acknowledge, f"{done.status} {done.id}\n".encode())


def killed_after(seconds: float, place: Place, folder: Path) -> list[str]:
    """Let a worker go, kill it, and give what it has acknowledged."""
    reader, writer = os.pipe()
    worker = fork.Process(target=work, args=(place, folder, writer))
    worker.start()
    os.close(writer)
    time.sleep(seconds)
    assert worker.pid
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    with os.fdopen(reader) as told:
        return told.read().splitlines()


def check(store: Store, acknowledged: set[str], handed: int) -> None:
    assert verify(store).faults == ()
    states = {f"{one.status} {one.id}" for one in store.submissions()}
    states |= {f"received {one.id}" for one in store.submissions()}
    assert acknowledged <= states
    assert len(store.submissions()) <= handed
    assert len({(one.team, one.sha256) for one in store.submissions()}) == len(store.submissions())


def live_through_kills(place: Place, folder: Path, kills: int) -> None:
    """Kill workers until `kills` of them were in the midst of their work; those that came too late do not count."""
    chance = random.Random(kills)
    acknowledged: set[str] = set()
    in_time = rounds = 0
    longest = 0.2  # seconds until the kill; follows the work, which grows with the folder
    while in_time < kills:
        assert rounds < 5 * kills, "the kills do not hit the work"
        for number in range(FILES_A_ROUND):
            (folder / f"team-{rounds}-{number}.csv").write_text(f"{rounds} {number}\n")
        rounds += 1
        told = set(killed_after(chance.uniform(0, longest), place, folder))
        in_time += FINISHED not in told
        longest *= 1.1 if FINISHED not in told else 0.8
        acknowledged |= told - {FINISHED}
        with place.open() as store:
            check(store, acknowledged, FILES_A_ROUND * rounds)
    work(place, folder, os.open(os.devnull, os.O_WRONLY))
    with place.open() as store:
        check(store, acknowledged, FILES_A_ROUND * rounds)
        assert len(store.submissions()) == FILES_A_ROUND * rounds
        assert store.pending() == []
        assert all([one.revision for one in store.scorings(done.id)] == [0] for done in store.submissions())
        assert sorted(row.public for row in store.leaderboard_rows("fontchar", "accuracy") if row.public) == [
            number / 7 for number in range(1, FILES_A_ROUND * rounds + 1)
        ]


def test_twelve_kills_lose_nothing_and_count_nothing_twice(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "submissions"
    folder.mkdir()
    live_through_kills(place, folder, 12)


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing_and_count_nothing_twice(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "submissions"
    folder.mkdir()
    live_through_kills(place, folder, 200)
