"""What pydantic found wrong with a spec, told in one line: file, key, the bad value and what is allowed."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from competition.errors import UserError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

SHOWN_VALUE_LENGTH = 60


def spec_error(file: Path, model: type[BaseModel], error: ValidationError) -> UserError:
    """The error to raise for a spec in `file` that does not fit `model`: one problem, and how many follow."""
    problems = error.errors(include_url=False)
    # An unknown key is often why another one is "missing": it comes first.
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
    more = len({problem["loc"][:1] for problem in problems}) - 1
    line = _line(model, problems[0]) + (f" (and {more} more)" if more else "")
    return UserError(f"{file}: {''.join(map(_visible, line))}")


def _line(model: type[BaseModel], problem: "ErrorDetails") -> str:
    path = [str(step) for step in problem["loc"]]
    owner, field = _walk(model, problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{'.'.join(path)}: no such key{suggestion(path[-1], _keys(owner))}"
    help_text = (field.description if field else None) or problem.get("ctx", {}).get("expected")
    allowed = f"; allowed: {help_text}" if help_text else ""
    if problem["type"] == "missing":
        return f"{'.'.join(path)}: is missing{allowed}"
    if problem["type"] == "value_error":
        text = str(problem["ctx"]["error"])
        # A check of several keys names the key itself; a check inside one key adds a step such as `.train`.
        return text if not path else ".".join(path) + ("" if text.startswith(".") else ": ") + text
    known = path if field is None else path[: _depth(model, problem["loc"])]
    return f"{'.'.join(known)}: {_shown(problem['input'])} is not allowed{allowed}"


def suggestion(word: str, allowed: Sequence[str]) -> str:
    """`; did you mean 'x'?` for a near miss, else the list of what is allowed."""
    close = get_close_matches(word, allowed, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; allowed: {', '.join(allowed)}"


def _visible(letter: str) -> str:
    return letter if letter.isprintable() else repr(letter)[1:-1]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_VALUE_LENGTH else text[: SHOWN_VALUE_LENGTH - 1] + "…"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _find(model: type[BaseModel], key: object) -> "FieldInfo | None":
    return next((field for name, field in model.model_fields.items() if (field.alias or name) == key), None)


def _walk(model: type[BaseModel], location: Sequence[int | str]) -> "tuple[type[BaseModel], FieldInfo | None]":
    """The innermost model on the way to `location`, and the last field met."""
    owner, found = model, None
    for step in location:
        field = _find(owner, step)
        if field is None:
            continue
        found = field
        inner = _inner_model(field.annotation)
        if inner is None:
            break
        owner = inner
    return owner, found


def _depth(model: type[BaseModel], location: Sequence[int | str]) -> int:
    """How many steps of `location` a person wrote; below them pydantic names the members of its unions."""
    depth = 0
    owner: type[BaseModel] | None = model
    for step in location:
        if isinstance(step, str):
            field = _find(owner, step) if owner else None
            if field is None:
                break
            owner = _inner_model(field.annotation)
        depth += 1
    return depth


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType, tuple):
        return next(filter(None, map(_inner_model, get_args(annotation))), None)
    return None
