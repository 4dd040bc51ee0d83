"""Options of metrics: declared once as a table, checked against what the spec says, told in words when wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from competition.errors import UserError

Kind = Literal["choice", "count", "factor", "switch", "label", "shape"]

_IN_WORDS: dict[Kind, str] = {
    "count": "a whole number of at least 1",
    "factor": "a number above 0 and at most 1000",
    "switch": "true or false",
    "shape": "[height, width] in pixels, each at most 100000",
}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a metric: its kind, its default (`None` with `required`: the spec must say), what it does."""

    name: str
    kind: Kind
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    required: bool = False


def resolve_options(
    metric: str, declared: Sequence[Option], given: Mapping[str, Any], labels: Sequence[str]
) -> dict[str, Any]:
    """The keyword arguments of a metric: what the spec gives, else the defaults; a label becomes its code.

    Raises:
        UserError: an unknown option, a value that is not allowed, or a required option left out.
    """
    allowed = [option.name for option in declared]
    for name in given:
        if name not in allowed:
            raise UserError(f"metric {metric}: no option {name!r}{nearest(name, allowed)}; {_listing(allowed)}")
    return {option.name: _resolve(metric, option, given, labels) for option in declared}


def nearest(word: str, allowed: Iterable[str]) -> str:
    """The phrase `, did you mean 'x'?` for a mistyped word; empty where nothing is near."""
    import difflib  # only a mistake needs it

    near = difflib.get_close_matches(word, list(allowed), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _listing(names: Sequence[str]) -> str:
    return f"its options are: {', '.join(names)}" if names else "it has no options"


def _resolve(metric: str, option: Option, given: Mapping[str, Any], labels: Sequence[str]) -> Any:
    value = given.get(option.name)
    if value is None:
        if option.required:
            raise UserError(f"metric {metric}: option {option.name!r} is missing; give {_allowed(option, labels)}")
        return option.default
    if not _fits(option, value, labels):
        hint = nearest(value, labels if option.kind == "label" else option.choices) if isinstance(value, str) else ""
        raise UserError(
            f"metric {metric}: option {option.name!r} cannot be {value!r}{hint}; give {_allowed(option, labels)}"
        )
    if option.kind == "label":
        return labels.index(str(value))
    return tuple(value) if option.kind == "shape" else value


def _fits(option: Option, value: Any, labels: Sequence[str]) -> bool:
    match option.kind:
        case "choice":
            return value in option.choices
        case "label":  # YAML reads the label 7 as a number
            return not isinstance(value, bool) and str(value) in labels
        case "switch":
            return isinstance(value, bool)
        case "count":
            return _is_count(value)
        case "factor":
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1000
        case "shape":
            return (
                isinstance(value, list | tuple)
                and len(value) == 2
                and all(_is_count(side) and side <= 100_000 for side in value)
            )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _allowed(option: Option, labels: Sequence[str]) -> str:
    if option.kind == "label":
        shown = ", ".join(labels[:20]) + (", …" if len(labels) > 20 else "")
        return f"one of the labels ({shown})" if labels else "nothing: this competition has no label set"
    return f"one of: {', '.join(option.choices)}" if option.kind == "choice" else _IN_WORDS[option.kind]
