"""Ranking as a pure function: the same candidates in any order give the same board."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeGuard

Direction = Literal["higher", "lower"]
Split = Literal["Public", "Private"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored submission as ranking sees it; a score is None where there is none on that split."""

    submission: int
    team: str
    submitted_at: datetime
    public: float | None
    private: float | None
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A team's row on the board: its best submission that counts, and how many it has made."""

    rank: int
    team: str
    score: float
    submission: int
    submitted_at: datetime
    submissions: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranked entries, best first with ranks 1, 2, 3, …, and the teams that have nothing to rank, by name."""

    entries: tuple[Entry, ...]
    unranked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A team's place on two boards; None where it is not ranked."""

    team: str
    before: Entry | None
    after: Entry | None

    @property
    def places(self) -> int:
        """Places won (positive) or lost (negative); 0 for a team that one of the boards does not rank."""
        return self.before.rank - self.after.rank if self.before and self.after else 0


Teams = Mapping[str, Sequence[Candidate]]


def public_ranking(candidates: Iterable[Candidate], direction: Direction) -> Ranking:
    """Each team's best Public score, ranked by full precision; of equal scores the earlier submission is better."""
    teams = _by_team(candidates)
    return _ranking(teams, teams, "Public", direction)


def final_ranking(candidates: Iterable[Candidate], direction: Direction, final_selections: int) -> Ranking:
    """Each team's best Private score among its final selections, ranked like `public_ranking`."""
    teams = _by_team(candidates)
    final = {team: final_selection(made, direction, final_selections) for team, made in teams.items()}
    return _ranking(teams, final, "Private", direction)


def final_selection(candidates: Iterable[Candidate], direction: Direction, final_selections: int) -> list[Candidate]:
    """The submissions of one team that count in the end.

    What the team has selected itself, if any of it has a Private score; otherwise its `final_selections` best ones
    by Public score, the earlier of equal ones.
    """
    rankable = [candidate for candidate in candidates if _rankable(candidate.private)]
    selected = [candidate for candidate in rankable if candidate.selected]
    return selected or sorted(rankable, key=_order("Public", direction))[:final_selections]


def movement(before: Ranking, after: Ranking) -> list[Move]:
    """How every team moved between two boards, in the order of the later one, teams it does not rank at the end."""
    earlier = {entry.team: entry for entry in before.entries}
    later = {entry.team: entry for entry in after.entries}
    gone = sorted((earlier.keys() | set(before.unranked) | set(after.unranked)) - later.keys())
    return [Move(team, earlier.get(team), later.get(team)) for team in (*later, *gone)]


def _by_team(candidates: Iterable[Candidate]) -> Teams:
    teams: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        teams[candidate.team].append(candidate)
    return teams


def _ranking(made: Teams, counted: Teams, split: Split, direction: Direction) -> Ranking:
    order = _order(split, direction)
    ranked = sorted((min(chances, key=order) for chances in counted.values() if chances), key=order)
    entries = [
        Entry(rank, best.team, score, best.submission, best.submitted_at, len(made[best.team]))
        for rank, best in enumerate(ranked, start=1)
        if _rankable(score := _score(best, split))  # the others are last: their order is infinite
    ]
    return Ranking(tuple(entries), tuple(sorted(made.keys() - {entry.team for entry in entries})))


def _order(split: Split, direction: Direction) -> Callable[[Candidate], tuple[float, datetime, int, str]]:
    """Sort key, best first, no score last; number and name only make the order of equals certain."""
    sign = -1.0 if direction == "higher" else 1.0

    def key(candidate: Candidate) -> tuple[float, datetime, int, str]:
        score = _score(candidate, split)
        value = sign * score if _rankable(score) else math.inf
        return value, candidate.submitted_at, candidate.submission, candidate.team

    return key


def _score(candidate: Candidate, split: Split) -> float | None:
    return candidate.public if split == "Public" else candidate.private


def _rankable(score: float | None) -> TypeGuard[float]:
    return score is not None and math.isfinite(score)
