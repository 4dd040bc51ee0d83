"""The search space: recipe keys with ranges or choices, read from YAML and checked against the recipe.

lr: {times: [0.1, 10]}                           # around the recipe's own value, on a logarithmic scale
weight_decay: {low: 1.0e-5, high: 0.1, log: true}
batch: [64, 128, 256]
schedule: [{name: linear}, {name: onecycle, peak_at: 0.2}]
augment.rotate: {low: 0, high: 10}               # whole numbers where both ends are whole
"""

import copy
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

from baselines.kit.recipe import Recipe, parse_recipe
from competition.errors import UserError
from competition.yaml_file import read_mapping

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Settings = dict[str, Any]
_RANGE_KEYS = ("low", "high", "log", "step", "times")
_DEFAULT = Path(__file__).with_name("space.yaml")


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two ends, both included."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def distribution(self) -> "BaseDistribution":
        """The range as Optuna's sampler takes it."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), self.log, int(self.step or 1))
        return FloatDistribution(float(self.low), float(self.high), self.log, self.step)

    def contains(self, value: Any) -> bool:
        """Whether the sampler could have drawn this value."""
        is_number = isinstance(value, int if self.whole else int | float) and not isinstance(value, bool)
        return is_number and self.distribution()._contains(value)

    def encode(self, value: Any) -> Any:
        """A value as Optuna keeps it."""
        return value

    def decode(self, stored: Any) -> Any:
        """A value as the recipe takes it."""
        return stored

    def probes(self) -> list[Any]:
        """Values that the recipe must accept if it is to accept all."""
        return [self.low, self.high]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values of any kind; Optuna keeps them as JSON, because it takes plain values only."""

    values: tuple[Any, ...]

    def distribution(self) -> "BaseDistribution":
        """The choice as Optuna's sampler takes it."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution([self.encode(value) for value in self.values])

    def contains(self, value: Any) -> bool:
        """Whether the value is one of the choices."""
        return self.encode(value) in [self.encode(choice) for choice in self.values]

    def encode(self, value: Any) -> str:
        """A value as Optuna keeps it."""
        return json.dumps(value, sort_keys=True)

    def decode(self, stored: str) -> Any:
        """A value as the recipe takes it."""
        return json.loads(stored)

    def probes(self) -> list[Any]:
        """Values that the recipe must accept if it is to accept all."""
        return list(self.values)


@dataclass(frozen=True, slots=True)
class Space:
    """The recipe keys that a search varies, dotted where they lie deeper, as `model.dropout`."""

    dimensions: dict[str, Range | Choice]

    def distributions(self) -> "dict[str, BaseDistribution]":
        """The space as Optuna's sampler takes it."""
        return {key: dimension.distribution() for key, dimension in self.dimensions.items()}

    def decode(self, stored: Mapping[str, Any]) -> Settings:
        """What Optuna drew, as values of the recipe."""
        return {key: self.dimensions[key].decode(value) for key, value in stored.items()}

    def encode(self, settings: Settings) -> dict[str, Any]:
        """Values of the recipe as Optuna keeps them."""
        return {key: self.dimensions[key].encode(value) for key, value in settings.items()}

    def own_values(self, recipe: Recipe) -> Settings:
        """The recipe's own values of the keys searched, as far as they lie in the space."""
        values = recipe.model_dump()
        found = {key: _look_up(values, key) for key in self.dimensions}
        return {key: value for key, value in found.items() if self.dimensions[key].contains(value)}

    def holds(self, recipe: Recipe) -> bool:
        """Whether the recipe as it is, its ladder included, is a point of the space."""
        own = self.own_values(recipe)
        return len(own) == len(self.dimensions) and apply_settings(recipe, own, "").model_dump() == recipe.model_dump()

    def describe(self) -> str:
        """The space as JSON: equal text, equal space."""
        return json.dumps({key: repr(dimension) for key, dimension in self.dimensions.items()})


def apply_settings(recipe: Recipe, settings: Settings, origin: str) -> Recipe:
    """The recipe with these values. What is searched is taken out of the ladder's rungs, which would overrule it.

    Raises:
        UserError: a value does not fit.
    """
    values = recipe.model_dump()
    for key, value in settings.items():
        _put(values, key, copy.deepcopy(value))
        for rung in values["ladder"]:
            _remove(rung, key)
    return parse_recipe(values, origin)


def space_file(folder: Path, wish: Path | None) -> Path:
    """The space that was asked for, else the kernel's own `space.yaml`, else the one for any kernel."""
    own = folder / "space.yaml"
    return wish or (own if own.is_file() else _DEFAULT)


def load_space(path: Path, recipe: Recipe) -> Space:
    """Read a space and try its ends and choices on the recipe.

    Raises:
        UserError: no such file, no YAML, an unknown key, an empty range or a value that the recipe refuses.
    """
    content = read_mapping(path)
    if not content:
        raise UserError(
            f"{path}: no keys; write a recipe key and a range, as lr: {{low: 1.0e-4, high: 0.1, log: true}}"
        )
    dimensions = {}
    for key, wish in content.items():
        _check_key(path, str(key))
        dimensions[str(key)] = _dimension(path, str(key), wish, recipe)
        for value in dimensions[str(key)].probes():
            apply_settings(recipe, {str(key): value}, f"of space {path.name}")
    return Space(dimensions)


def _check_key(path: Path, key: str) -> None:
    first = key.partition(".")[0]
    known = [name for name in Recipe.model_fields if name not in ("about", "ladder")]
    if first not in known:
        near = get_close_matches(first, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        raise UserError(f"{path}: unknown key {key!r}: {hint}")
    if "." in key and get_origin(Recipe.model_fields[first].annotation) is not dict:
        raise UserError(f"{path}: {key}: {first} has no parts of its own")


def _dimension(path: Path, key: str, wish: Any, recipe: Recipe) -> Range | Choice:
    where = f"{path}: {key}"
    if isinstance(wish, list):
        if len(wish) < 2:
            raise UserError(f"{where}: give two choices or more")
        return Choice(tuple(wish))
    if not isinstance(wish, dict):
        raise UserError(f"{where}: {wish!r} is no range: write {{low: …, high: …}} or a list of choices")
    unknown = [str(name) for name in wish if name not in _RANGE_KEYS]
    if unknown:
        near = get_close_matches(unknown[0], _RANGE_KEYS, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_RANGE_KEYS)}"
        raise UserError(f"{where}: unknown {unknown[0]!r}: {hint}")
    return _checked_range(where, _around(where, key, wish, recipe) if "times" in wish else _ends(where, wish))


def _around(where: str, key: str, wish: Mapping[str, Any], recipe: Recipe) -> Range:
    factors, own = wish["times"], _look_up(recipe.model_dump(), key)
    if not isinstance(factors, list) or len(factors) != 2:
        raise UserError(f"{where}: times needs two factors, as times: [0.1, 10]")
    if not isinstance(own, int | float) or not own:
        raise UserError(f"{where}: the recipe has no number to multiply; write low and high")
    low, high = (_number(where, factor) * own for factor in factors)
    if isinstance(own, int):
        return Range(max(1, round(low)), round(high), log=True)
    return Range(float(low), float(high), log=True)


def _ends(where: str, wish: Mapping[str, Any]) -> Range:
    missing = [name for name in ("low", "high") if name not in wish]
    if missing:
        raise UserError(f"{where}: {missing[0]} is missing")
    step = _number(where, wish["step"]) if wish.get("step") is not None else None
    return Range(_number(where, wish["low"]), _number(where, wish["high"]), bool(wish.get("log", False)), step)


def _checked_range(where: str, found: Range) -> Range:
    if not found.low < found.high:
        raise UserError(f"{where}: low {found.low} is not below high {found.high}")
    if found.log and found.low <= 0:
        raise UserError(f"{where}: a logarithmic range begins above 0, not at {found.low}")
    if found.step is not None and (found.log or not 0 < found.step <= found.high - found.low):
        raise UserError(f"{where}: step {found.step} fits no range from {found.low} to {found.high}, or it has log too")
    if found.step is not None and found.whole and not isinstance(found.step, int):
        raise UserError(f"{where}: step {found.step} between whole numbers must be whole")
    return found


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{where}: {value!r} is no number")
    return value


def _look_up(values: Mapping[str, Any], key: str) -> Any:
    found: Any = values
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
    values[last] = value


def _remove(rung: dict[str, Any], key: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        rung = rung.get(parent, {})
    rung.pop(last, None)
