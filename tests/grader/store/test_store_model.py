"""Random histories: whatever happens in whatever order, the store agrees with a model of it in plain Python."""

import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from competition.errors import UserError
from grader.store import DailyLimitError, Evidence, Failed, Rejected
from grader.store.verify import verify

from .conftest import EVIDENCE, Place, SetClock, arrival, scored

LIMIT, FINAL = 3, 2
OTHER_LABELS = Evidence("9" * 64, EVIDENCE.rules_sha256, EVIDENCE.metric_sha256, EVIDENCE.versions)
teams = st.sampled_from(["가", "나"])
values = st.floats(allow_nan=False, allow_infinity=False)


@dataclass
class Known:
    """What the model knows of a submission."""

    team: str
    text: str
    at: datetime
    status: str = "received"
    public: float | None = None
    scorings: int = 0
    evidence: Evidence | None = None
    selected: bool = False


class History(RuleBasedStateMachine):
    """One store and its model; both are asked the same after every step."""

    template: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copytree(self.template, self.folder / "home")
        self.place = Place(self.folder / "home", None, SetClock())
        self.store = self.place.open()
        self.model: dict[int, Known] = {}

    def teardown(self) -> None:
        self.store.database.close()
        shutil.rmtree(self.folder)

    def pick(self, number: int) -> int:
        return number % len(self.model) + 1

    @rule(hours=st.integers(1, 30))
    def time_goes_by(self, hours: int) -> None:
        self.place.clock.forward(hours=hours)

    @rule(team=teams, text=st.sampled_from("abcdefgh"))
    def hand_in(self, team: str, text: str) -> None:
        now = self.place.clock()
        known = [number for number, one in self.model.items() if (one.team, one.text) == (team, text)]
        used = [
            one
            for one in self.model.values()
            if one.team == team and one.status in {"received", "scored"} and now - one.at < timedelta(hours=24)
        ]
        handed = arrival(self.folder, team, text)
        if not known and len(used) >= LIMIT:
            with pytest.raises(DailyLimitError):
                self.store.submit(handed, LIMIT)
            return
        receipt = self.store.submit(handed, LIMIT)
        assert receipt.submission is not None
        assert receipt.is_new == (not known)
        assert receipt.submission.id == (known[0] if known else len(self.model) + 1)
        if not known:
            self.model[receipt.submission.id] = Known(team, text, now)

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0), value=values)
    def score(self, number: int, value: float) -> None:
        one = self.model[self.pick(number)]
        self.store.record([scored(self.pick(number), value, value)])
        if one.status in {"received", "error"}:
            one.status, one.public, one.scorings, one.evidence = "scored", value, 1, EVIDENCE

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0), verdict=st.sampled_from([(Rejected, "invalid"), (Failed, "error")]))
    def refuse(self, number: int, verdict: tuple[type[Rejected | Failed], str]) -> None:
        one = self.model[self.pick(number)]
        kind, status = verdict
        self.store.record([kind(self.pick(number), "no")])
        if one.status in {"received", "error"}:
            one.status = status

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0), value=values, evidence=st.sampled_from([EVIDENCE, OTHER_LABELS]))
    def rescore(self, number: int, value: float, evidence: Evidence) -> None:
        one = self.model[self.pick(number)]
        changes = self.store.rescore([scored(self.pick(number), value, value, evidence)], "again")
        same = one.status == "scored" and (one.public, one.evidence) == (value, evidence)
        assert len(changes) == (one.status != "received" and not same)
        if changes:
            one.status, one.public, one.evidence = "scored", value, evidence
            one.scorings += 1

    @precondition(lambda self: self.model)
    @rule(team=teams, numbers=st.lists(st.integers(0), max_size=FINAL))
    def select(self, team: str, numbers: list[int]) -> None:
        wanted = {self.pick(number) for number in numbers}
        if any(self.model[number].team != team or self.model[number].status != "scored" for number in wanted):
            with pytest.raises(UserError):
                self.store.select("fontchar", team, sorted(wanted), FINAL)
            return
        self.store.select("fontchar", team, sorted(wanted), FINAL)
        for number, one in self.model.items():
            if one.team == team:
                one.selected = number in wanted

    @rule()
    def open_again(self) -> None:
        self.store.database.close()
        self.store = self.place.open()

    @invariant()
    def the_store_agrees_with_the_model(self) -> None:
        found = self.store.submissions()
        assert [(one.id, one.team, one.status, one.selected) for one in found] == [
            (number, one.team, one.status, one.selected) for number, one in self.model.items()
        ]
        assert [(row.submission, row.public) for row in self.store.leaderboard_rows("fontchar", "accuracy")] == [
            (number, one.public) for number, one in self.model.items() if one.status == "scored"
        ]
        assert [len(self.store.scorings(number)) for number in self.model] == [
            one.scorings for one in self.model.values()
        ]

    @invariant()
    def the_ledger_verifies(self) -> None:
        assert verify(self.store).faults == ()


def test_every_history_agrees_with_the_model(migrated_home: Path) -> None:
    History.template = migrated_home
    run_state_machine_as_test(History, settings=settings(max_examples=12, stateful_step_count=25, deadline=None))


@pytest.mark.slow
def test_many_long_histories_agree_with_the_model(migrated_home: Path) -> None:
    History.template = migrated_home
    at_random = settings(max_examples=400, stateful_step_count=60, deadline=None, derandomize=False)
    run_state_machine_as_test(History, settings=at_random)
