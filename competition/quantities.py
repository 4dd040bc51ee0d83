"""Quantities as people write them in a spec: `10m`, `20 MB`, `60:20:20`, `2026-03-02 09:00`.

Every function raises `ValueError` with the bad text and what is allowed; the caller knows file and key.
"""

import math
import re
from datetime import UTC, datetime
from fractions import Fraction

DURATION_HELP = "a duration such as 90s, 10m, 1h30m or a number of seconds"
SIZE_HELP = "a size such as 500kB, 20MB or 1GB"
RATIO_HELP = "ratios such as 80:20, 60:20:20 or 98:1:1"
INSTANT_HELP = "a date and time in UTC such as 2026-03-02T09:00Z"

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_SIZE = re.compile(r"(\d{1,15})\s*([kMG]?i?B)?", re.ASCII)
_SIZE_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "kiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_WEIGHT = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)


def duration_seconds(text: str) -> float:
    """Seconds of wall clock: `duration_seconds("1h30m")` is 5400.0."""
    compact = text.replace(" ", "")
    match = _DURATION.fullmatch(compact) if compact else None
    try:
        if match:
            hours, minutes, seconds = (float(part or 0) for part in match.groups())
            total = hours * 3600 + minutes * 60 + seconds
        else:
            total = float(compact)
    except ValueError:
        total = math.nan
    if not (math.isfinite(total) and total > 0):
        raise ValueError(f"{text!r} is no duration; allowed: {DURATION_HELP}")
    return total


def size_bytes(text: str) -> int:
    """Bytes: `size_bytes("20MB")` is 20,000,000; `MiB` counts in powers of two."""
    match = _SIZE.fullmatch(text.strip())
    count = int(match[1]) * _SIZE_UNITS[match[2] or "B"] if match and (match[2] or "B") in _SIZE_UNITS else 0
    if count <= 0:
        raise ValueError(f"{text!r} is no size; allowed: {SIZE_HELP}")
    return count


def ratio_weights(text: str) -> tuple[int, ...]:
    """Whole weights in lowest terms: `ratio_weights("60:20:20")` is (3, 1, 1), `"0.98:0.02"` is (49, 1)."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) < 2 or not all(_WEIGHT.fullmatch(part) for part in parts):
        raise ValueError(f"{text!r} is no ratio; allowed: {RATIO_HELP}")
    return whole_weights([Fraction(part) for part in parts])


def whole_weights(fractions: list[Fraction]) -> tuple[int, ...]:
    """The same proportions as whole numbers in lowest terms."""
    scale = math.lcm(*(fraction.denominator for fraction in fractions))
    weights = [int(fraction * scale) for fraction in fractions]
    divisor = math.gcd(*weights) or 1
    return tuple(weight // divisor for weight in weights)


def instant_utc(text: str) -> str:
    """ISO 8601 in UTC with a closing `Z`; a time without an offset is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no date; allowed: {INSTANT_HELP}") from None
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
