from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competition.quantities import duration_seconds, instant_utc, ratio_weights, size_bytes, whole_weights


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h", 3600), ("1h2m3.5s", 3723.5), ("600", 600), ("0.5", 0.5)],
)
def test_a_duration_is_read_in_hours_minutes_and_seconds(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "soon", "10 minutes", "-5s", "0", "0m", "nan", "inf", "1e999", "m", "30m1h"])
def test_what_is_no_duration_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: a duration such as 90s, 10m, 1h30m"):
        duration_seconds(text)


@pytest.mark.parametrize(
    ("text", "count"), [("20MB", 20_000_000), ("20 MiB", 20 * 2**20), ("1GB", 10**9), ("500kB", 500_000), ("7", 7)]
)
def test_a_size_is_read_in_its_unit(text: str, count: int) -> None:
    assert size_bytes(text) == count


@pytest.mark.parametrize("text", ["", "0MB", "-1MB", "20 mb", "1.5GB", "MB", "iB", "5kMB", "9" * 40])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        size_bytes(text)


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("80:20", (4, 1)),
        ("60:20:20", (3, 1, 1)),
        ("98:1:1", (98, 1, 1)),
        ("0.7:0.15:0.15", (14, 3, 3)),
        ("1:0", (1, 0)),
    ],
)
def test_ratios_become_whole_weights_in_lowest_terms(text: str, weights: tuple[int, ...]) -> None:
    assert ratio_weights(text) == weights


@pytest.mark.parametrize("text", ["80", "80:", "a:b", "80:-20", "1e3:1", "٣:١", "80;20", ""])
def test_what_is_no_ratio_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no ratio"):
        ratio_weights(text)


@given(st.lists(st.fractions(min_value=0, max_value=100, max_denominator=1000), min_size=1, max_size=4))
def test_whole_weights_keep_the_proportions(fractions: list[Fraction]) -> None:
    weights = whole_weights(fractions)
    for fraction, weight in zip(fractions, weights, strict=True):
        assert fraction * sum(weights) == weight * sum(fractions)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-02", "2026-03-02T00:00:00Z"),
        ("2026-03-02 09:00", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00Z", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00+09:00", "2026-03-02T00:00:00Z"),
    ],
)
def test_an_instant_is_kept_in_utc(text: str, instant: str) -> None:
    assert instant_utc(text) == instant


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "0001-01-01T00:00+23:00", "02/03/2026"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no date"):
        instant_utc(text)
