"""How large the parts of a competition are: ratios of the whole or exact counts a class."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from competition.quantities import RATIO_HELP, ratio_weights, whole_weights

PARTS = ("train", "validation", "test")
PARTS_HELP = f"{RATIO_HELP} (the test part comes last), or {{train: 716, validation: 150, test: 150}}"
SIZE_HELP = "a count a class such as 716, or a ratio such as 0.7 or 70%"


@dataclass(frozen=True, slots=True)
class Parts:
    """The sizes of train, validation and test: weights of the whole (`ratio`) or items a class (`count`)."""

    unit: Literal["ratio", "count"]
    train: int
    validation: int
    test: int

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The three sizes in the order of `PARTS`."""
        return self.train, self.validation, self.test


def parse_parts(raw: object) -> Parts:
    """The parts as written in a spec.

    Raises:
        ValueError: what is wrong and what is allowed; begins with `.train: ` where one size is to blame.
    """
    if isinstance(raw, Parts):
        return raw
    if isinstance(raw, dict):
        return _from_mapping(raw)
    if isinstance(raw, list) and all(isinstance(item, int | float) for item in raw):
        raw = ":".join(str(item) for item in raw)
    if not isinstance(raw, str):
        raise ValueError(f"{raw!r} is no ratio; allowed: {PARTS_HELP}")
    weights = ratio_weights(raw)
    if len(weights) > 3:
        raise ValueError(f"{raw!r} has {len(weights)} parts; allowed: {PARTS_HELP}")
    train, *validation, test = weights
    return _filled(Parts("ratio", train, validation[0] if validation else 0, test), raw)


def _from_mapping(raw: dict[object, object]) -> Parts:
    unknown = [str(key) for key in raw if key not in PARTS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no part; allowed: {', '.join(PARTS)}")
    sizes = [_size(name, raw.get(name, 0)) for name in PARTS]
    are_counts = {isinstance(value, int) for value in raw.values()}
    if len(are_counts) > 1:
        raise ValueError(f"mixes counts and ratios; allowed: {PARTS_HELP}")
    if are_counts == {True}:
        return _filled(Parts("count", *(int(size) for size in sizes)), raw)
    if sum(sizes) != 1:
        raise ValueError(f"the ratios add up to {float(sum(sizes)):g}, not to 1")
    train, validation, test = whole_weights(sizes)
    return _filled(Parts("ratio", train, validation, test), raw)


def _size(name: str, raw: object) -> Fraction:
    text = str(raw).strip()
    try:
        size = Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        size = Fraction(-1)
    if isinstance(raw, bool) or not 0 <= size <= 10**9:
        raise ValueError(f".{name}: {raw!r} is no ratio or count; allowed: {SIZE_HELP}")
    return size


def _filled(parts: Parts, raw: object) -> Parts:
    for name in ("train", "test"):
        if getattr(parts, name) == 0:
            raise ValueError(f"{raw!r} leaves nothing to {name}; allowed: {PARTS_HELP}")
    return parts
