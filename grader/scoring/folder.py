"""Grading a folder of submissions: in parallel, crash-safe, and no bad file stops the rest.

The main process keeps bytes and writes verdicts, a batch at a time; worker processes judge. A batch is taken in before
it is judged and recorded after, so a grader killed at any instant loses nothing: the next call finds what was taken in
and judges only what has no verdict yet.
"""

import os
import sys
import traceback
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Self

from competition.errors import UserError
from competition.progress import Progress, silent
from competition.rules import Rules
from grader.scoring.judge import Judge
from grader.scoring.record import SUFFIXES, Handed, handed, keep_rules, problems_text, refuse_oversize, team_of, verdict
from grader.store.errors import StoreError
from grader.store.records import Arrival, Failed, Receipt, Submission, Verdict
from grader.store.store import Store
from grader.submission.problems import Problem

BATCH = 64  # files taken in by one transaction
PLATFORM_FAULT = Problem("platform", "the platform could not score this file; it costs nothing and is tried again")


@dataclass(frozen=True, slots=True)
class Graded:
    """A file of the folder: what became of it, or why it was not taken in."""

    file: Path
    team: str
    handed: Handed | None
    refused: str | None = None
    next_allowed: datetime | None = None


def files_to_grade(folder: Path) -> list[Path]:
    """The submissions in a folder, by name; hidden files and anything that is no table are passed over.

    Raises:
        UserError: there is none.
    """
    files = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.name.endswith(SUFFIXES) and not path.name.startswith(".")
    )
    if not files:
        raise UserError(f"{folder}: holds no submission; files that end in {', '.join(SUFFIXES)} are graded")
    return files


def grade_folder(
    store: Store,
    judge: Judge,
    files: Sequence[Path],
    daily_limit: int | None = None,
    progress: Progress = silent,
    workers: int | None = None,
) -> list[Graded]:
    """Hand in and judge files, each for the team it is named after; the result is in the order of `files`."""
    keep_rules(store, judge)
    progress("Scoring", 0, len(files))
    graded: list[Graded] = []
    with _Workers(judge, workers or os.cpu_count() or 1) as pool:
        waiting: deque[_Batch] = deque()
        for start in range(0, len(files), BATCH):
            waiting.append(_take_in(store, judge, files[start : start + BATCH], daily_limit, pool))
            if len(waiting) > 1:  # while the workers judge the newest batch, the one before it is recorded
                graded += _record(store, waiting.popleft(), pool)
                progress("Scoring", len(graded), len(files))
        while waiting:
            graded += _record(store, waiting.popleft(), pool)
            progress("Scoring", len(graded), len(files))
    return graded


@dataclass(frozen=True, slots=True)
class _Batch:
    """Files that were taken in together: a receipt or a refusal each, and the verdicts that are being made."""

    files: Sequence[Path]
    answers: Sequence[Receipt | str]
    verdicts: dict[int, Future[Verdict]]


def _take_in(store: Store, judge: Judge, files: Sequence[Path], daily_limit: int | None, workers: "_Workers") -> _Batch:
    """Keep the files and give those without a verdict to the workers."""
    answers = _submit(store, judge.rules, files, daily_limit)
    waiting = {
        answer.submission.id: answer.submission
        for answer in answers
        if isinstance(answer, Receipt) and answer.submission and answer.submission.status in ("received", "error")
    }
    return _Batch(files, answers, {key: workers.judge(store, submission) for key, submission in waiting.items()})


def _submit(store: Store, rules: Rules, files: Sequence[Path], daily_limit: int | None) -> list[Receipt | str]:
    """Hand in together; where one file cannot be taken, each for itself, so that it alone is refused."""
    try:
        for file in files:
            refuse_oversize(file, rules)
        arrivals = [Arrival(rules.competition, team_of(file), file) for file in files]
        return list(store.submit_all(arrivals, daily_limit))
    except StoreError:
        raise
    except UserError as error:
        if len(files) == 1:
            return [str(error)]
        return [answer for file in files for answer in _submit(store, rules, [file], daily_limit)]


def _record(store: Store, batch: _Batch, workers: "_Workers") -> list[Graded]:
    verdicts = [workers.result(store, submission, future) for submission, future in batch.verdicts.items()]
    judged = {submission.id: submission for submission in store.record(verdicts)}
    return [_graded(store, file, answer, judged) for file, answer in zip(batch.files, batch.answers, strict=True)]


def _graded(store: Store, file: Path, answer: Receipt | str, judged: dict[int, Submission]) -> Graded:
    team = team_of(file)
    if isinstance(answer, str):
        return Graded(file, team, None, answer)
    if answer.submission is None:
        return Graded(file, team, None, "the daily limit is used up", answer.next_allowed)
    submission = judged.get(answer.submission.id, answer.submission)
    return Graded(file, team, handed(store, submission, is_new=answer.is_new))


class _Workers:
    """Processes that judge. One that dies takes its pool along: what was under way is then judged one by one."""

    def __init__(self, judge: Judge, count: int) -> None:
        self._judge = judge
        self._count = count
        self._pool = self._new_pool(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)

    def judge(self, store: Store, submission: Submission) -> Future[Verdict]:
        """Begin to judge the bytes kept of a submission."""
        file = store.blobs.path(submission.sha256)
        try:
            return self._pool.submit(_verdict, submission.id, file)
        except BrokenProcessPool:
            self._pool = self._new_pool(self._count)
            return self._pool.submit(_verdict, submission.id, file)

    def result(self, store: Store, submission: int, future: Future[Verdict]) -> Verdict:
        """The verdict; whatever goes wrong within the platform is a `Failed` one, and is told on standard error."""
        try:
            return future.result()
        except BrokenProcessPool:
            return self._alone(submission, store.blobs.path(store.submission(submission).sha256))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return Failed(submission, problems_text([PLATFORM_FAULT]))

    def _alone(self, submission: int, file: Path) -> Verdict:
        """Judge in a process that nothing else shares, so that only the file that kills it goes without a verdict."""
        with self._new_pool(1) as pool:
            try:
                return pool.submit(_verdict, submission, file).result()
            except BrokenProcessPool:
                return Failed(submission, problems_text([PLATFORM_FAULT]))

    def _new_pool(self, count: int) -> ProcessPoolExecutor:
        # A forked worker shares the solution's memory; elsewhere it is sent over once.
        context = get_context("fork" if sys.platform == "linux" else "spawn")
        return ProcessPoolExecutor(count, context, initializer=_take_judge, initargs=(self._judge,))


_worker_judge: Judge


def _take_judge(judge: Judge) -> None:
    """The start of a worker process: the judge it works for."""
    global _worker_judge
    _worker_judge = judge


def _verdict(submission: int, file: Path) -> Verdict:
    return verdict(_worker_judge, submission, file)
