"""Ranking: full precision, earlier wins ties, nothing unscored is ranked, and the order of the input never matters."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.leaderboard.ranking import (
    Candidate,
    Direction,
    final_ranking,
    final_selection,
    movement,
    public_ranking,
)

START = datetime(2026, 3, 2, tzinfo=UTC)


def candidate(
    submission: int,
    team: str,
    public: float | None,
    private: float | None = 0.5,
    *,
    minutes: float = 0,
    selected: bool = False,
) -> Candidate:
    return Candidate(submission, team, START + timedelta(minutes=minutes), public, private, selected)


# Few different values, so that ties are common, among them the values that trip a comparison.
scores = st.none() | st.sampled_from(
    [0.0, -0.0, 0.1, 0.1 + 2**-54, 0.3, 0.1 + 0.2, 1.0, -5.0, 1e300, math.nan, math.inf, -math.inf]
)
directions = st.sampled_from(["higher", "lower"])


@st.composite
def fields(draw: st.DrawFn) -> list[Candidate]:
    count = draw(st.integers(0, 12))
    return [
        Candidate(
            submission,
            draw(st.sampled_from(["가", "나", "c", "d"])),
            START + timedelta(minutes=draw(st.integers(0, 3))),
            draw(scores),
            draw(scores),
            draw(st.booleans()),
        )
        for submission in range(1, count + 1)
    ]


def beats(one: Candidate, other: Candidate, split: str, direction: Direction) -> bool:
    """The oracle: the rule as it is told to participants, by comparing two submissions."""
    ours, theirs = getattr(one, split), getattr(other, split)
    if ours != theirs:
        return bool(ours > theirs) == (direction == "higher")
    return (one.submitted_at, one.submission) < (other.submitted_at, other.submission)


def oracle(candidates: list[Candidate], split: str, direction: Direction) -> list[int]:
    """The winning submission of each team, best first, by counting who beats whom."""
    rankable = [one for one in candidates if getattr(one, split) is not None and math.isfinite(getattr(one, split))]
    best = [
        one
        for one in rankable
        if not any(beats(other, one, split, direction) for other in rankable if other.team == one.team)
    ]
    places = {sum(beats(other, one, split, direction) for other in best): one.submission for one in best}
    return [places[place] for place in range(len(best))]


@given(fields(), directions)
def test_the_public_ranking_is_what_comparing_every_pair_gives(made: list[Candidate], direction: Direction) -> None:
    ranking = public_ranking(made, direction)
    assert [entry.submission for entry in ranking.entries] == oracle(made, "public", direction)
    assert [entry.rank for entry in ranking.entries] == list(range(1, len(ranking.entries) + 1))


@given(fields(), directions, st.integers(1, 3))
def test_the_final_ranking_is_that_of_the_final_selections_alone(
    made: list[Candidate], direction: Direction, limit: int
) -> None:
    final = [
        chosen
        for team in {one.team for one in made}
        for chosen in final_selection([one for one in made if one.team == team], direction, limit)
    ]
    ranking = final_ranking(made, direction, limit)
    assert [entry.submission for entry in ranking.entries] == oracle(final, "private", direction)


@given(fields(), directions, st.randoms())
def test_the_order_of_the_candidates_never_matters(made: list[Candidate], direction: Direction, random: object) -> None:
    shuffled = list(made)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert public_ranking(shuffled, direction) == public_ranking(made, direction)
    assert final_ranking(shuffled, direction, 2) == final_ranking(made, direction, 2)


@given(fields(), directions)
def test_every_team_is_ranked_once_or_listed_as_unranked(made: list[Candidate], direction: Direction) -> None:
    ranking = public_ranking(made, direction)
    listed = [entry.team for entry in ranking.entries] + list(ranking.unranked)
    assert sorted(listed) == sorted({one.team for one in made})
    assert all(math.isfinite(entry.score) for entry in ranking.entries)


@given(fields(), directions)
def test_a_worse_submission_changes_nothing_but_the_count(made: list[Candidate], direction: Direction) -> None:
    worst = -1e308 if direction == "higher" else 1e308
    late = START + timedelta(days=1)
    more = [*made, *(Candidate(100 + n, one.team, late, worst, worst) for n, one in enumerate(made))]
    before = public_ranking(made, direction)
    after = {entry.team: entry for entry in public_ranking(more, direction).entries}
    assert all(after[entry.team].submission == entry.submission for entry in before.entries)


@pytest.mark.parametrize("missing", [None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_a_score_that_is_missing_or_not_finite_is_never_ranked(missing: float | None, direction: Direction) -> None:
    ranking = public_ranking([candidate(1, "a", missing), candidate(2, "b", 0.1)], direction)
    assert [entry.team for entry in ranking.entries] == ["b"]
    assert ranking.unranked == ("a",)


def test_ranks_use_full_precision_where_a_display_would_show_a_tie() -> None:
    ranking = public_ranking([candidate(1, "a", 0.3), candidate(2, "b", 0.1 + 0.2, minutes=5)], "higher")
    assert [entry.team for entry in ranking.entries] == ["b", "a"]


def test_the_earlier_submission_wins_a_tie_and_the_lower_number_one_of_the_same_moment() -> None:
    late, early = candidate(1, "late", 0.5, minutes=1), candidate(3, "early", 0.5)
    same = candidate(2, "same", 0.5, minutes=1)
    ranking = public_ranking([same, late, early], "higher")
    assert [entry.team for entry in ranking.entries] == ["early", "late", "same"]


def test_an_entry_counts_all_scored_submissions_of_its_team() -> None:
    made = [candidate(number, "a", number / 10) for number in range(1, 6)]
    assert public_ranking(made, "higher").entries[0].submissions == 5
    assert final_ranking(made, "higher", 2).entries[0].submissions == 5


def test_without_a_choice_of_its_own_a_team_keeps_its_best_public_submissions() -> None:
    made = [candidate(1, "a", 0.7, 0.9), candidate(2, "a", 0.8, 0.1), candidate(3, "a", 0.8, 0.2, minutes=1)]
    assert [one.submission for one in final_selection(made, "higher", 2)] == [2, 3]
    assert final_ranking(made, "higher", 2).entries[0].score == 0.2


def test_a_choice_of_its_own_counts_even_where_it_is_worse() -> None:
    made = [candidate(1, "a", 0.9, 0.9), candidate(2, "a", 0.1, 0.1, selected=True)]
    assert final_ranking(made, "higher", 2).entries[0].submission == 2


def test_a_choice_without_a_private_score_falls_back_to_the_best_public_ones() -> None:
    made = [candidate(1, "a", 0.9, 0.9), candidate(2, "a", 0.1, None, selected=True)]
    assert final_ranking(made, "higher", 2).entries[0].submission == 1


def test_a_competition_without_a_public_split_still_has_a_final_ranking() -> None:
    made = [candidate(1, "a", None, 0.4), candidate(2, "b", None, 0.6)]
    assert [entry.team for entry in final_ranking(made, "higher", 2).entries] == ["b", "a"]


def test_movement_tells_places_won_and_lost_and_who_came_and_went() -> None:
    made = [
        candidate(1, "up", 0.1, 0.9),
        candidate(2, "down", 0.9, 0.1),
        candidate(3, "gone", 0.5, None),
        candidate(4, "new", None, 0.5),
    ]
    moves = movement(public_ranking(made, "higher"), final_ranking(made, "higher", 2))
    assert [(move.team, move.places) for move in moves] == [("up", 2), ("new", 0), ("down", -2), ("gone", 0)]
    by_team = {move.team: move for move in moves}
    assert by_team["gone"].after is None
    assert by_team["new"].before is None


def test_an_empty_competition_has_an_empty_ranking() -> None:
    assert public_ranking([], "higher").entries == ()
    assert movement(public_ranking([], "higher"), final_ranking([], "lower", 2)) == []
