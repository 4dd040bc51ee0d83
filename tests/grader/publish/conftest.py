"""A competition with two boards, small enough to read and full of awkward names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from competition.rules import MetricRule, Rules
from grader.leaderboard.assemble import Facts, Measurement, assemble
from grader.leaderboard.board import Bilingual, Board, FailedSubmission
from grader.leaderboard.ranking import Candidate, Split
from grader.publish.page import CompetitionPage
from grader.publish.site import publish

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLOSED = NOON - timedelta(hours=1)
TEAMS = ("Kernel Panic", "밤샘 코딩", "עומק הרשת", "🦊 foxes", "<img src=x onerror=alert(1)>", "a" * 90)
RULES = Rules(
    competition="fontchar",
    title="English characters",
    task="classification",
    form="labels",
    metric=MetricRule("accuracy"),
    extra_metrics=(MetricRule("f1", {"average": "macro"}), MetricRule("log_loss")),
    labels=tuple("0123456789"),
    daily_limit=5,
)
DESCRIPTION = Bilingual("# 제목\n\n## 데이터\n\n회색 그림", "# Title\n\n## Data\n\nGray pictures")
FACTS = Facts(Bilingual("여러 글꼴의 영문자", "English characters"), "higher", NOON, 3900, 7800)


def candidates() -> list[Candidate]:
    """Three submissions a team, rising; Private scores are digits that appear nowhere else."""
    return [
        Candidate(
            submission=3 * team + attempt,
            team=name,
            submitted_at=NOON - timedelta(days=3) + timedelta(hours=7 * team + 5 * attempt),
            public=0.9 - 0.01 * team + 0.02 * attempt,
            private=0.7351 + 0.0113 * team + 0.00107 * attempt,
        )
        for team, name in enumerate(TEAMS)
        for attempt in range(3)
    ] + [Candidate(100, "sample_submission", NOON - timedelta(days=4), 0.1, 0.0987654)]


def a_board(split: Split = "Public") -> Board:
    made = candidates()
    measured = {one.submission: Measurement(0.004, run_seconds=100 + 13.0 * one.submission) for one in made[:-1]}
    failed = [FailedSubmission("밤샘 코딩", NOON, "/home/ada/grader/blobs/late.csv: 3 ids are missing")]
    return assemble(RULES, FACTS, split, made, measured=measured, failed=failed, baselines={"sample_submission"})


def an_open_page() -> CompetitionPage:
    return CompetitionPage(RULES, (a_board(),), DESCRIPTION)


def another_page() -> CompetitionPage:
    """An open competition of another name."""
    return CompetitionPage(replace(RULES, competition="b"), (replace(a_board(), competition="b"),), DESCRIPTION)


def a_closed_page() -> CompetitionPage:
    rules = replace(RULES, closes=CLOSED.isoformat())
    return CompetitionPage(rules, (a_board("Private"), a_board()), DESCRIPTION)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder of a published site of one open competition."""
    publish([an_open_page()], tmp_path / "site")
    return tmp_path / "site"
