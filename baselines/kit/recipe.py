"""Recipes: everything that decides how a model is trained, declared once; YAML sets it, the command line wins.

A recipe is a small YAML file in a baseline's `recipes/` folder. The resolved values are written beside every run.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError

from baselines.kit.schedules import as_number, create_schedule, options_of
from competition.errors import UserError, first_line

_OF_ANY_SCHEDULE = ("warmup", "momentum")


class Recipe(BaseModel):
    """How a model is trained. Every key can be set on the command line with `--set KEY=VALUE`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    about: str = Field("", description="what the recipe is, in a sentence")
    model: dict[str, Any] = Field(default_factory=dict, description="options of the baseline's model")
    image_px: int | None = Field(None, ge=4, description="side the images are resized to; empty: as they are")
    interpolation: Literal["bilinear", "bicubic"] = Field("bilinear", description="how images are enlarged")
    mean: list[float] | None = Field(None, description="normalisation, 0..1 a channel; empty: of the training part")
    std: list[PositiveFloat] | None = Field(None, description="as mean; above 0")
    epochs: float = Field(10, gt=0, description="passes over the training part, at most; a short budget cuts them")
    batch: int = Field(128, ge=2, description="images a step")
    accumulate: int = Field(1, ge=1, description="parts a batch is split into, their gradients added up")
    optimizer: str = Field(
        "adamw", description="sgd (plain momentum), adam, adamw, rmsprop, muon_sgd, or a name of timm's factory"
    )
    lr: float = Field(1e-3, gt=0, description="learning rate at the schedule's highest point")
    weight_decay: float = Field(0.0, ge=0, description="decay of the weights; none on norms and biases")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd and rmsprop")
    optimizer_options: dict[str, Any] = Field(
        default_factory=dict, description="more for the optimizer, as layer_decay"
    )
    schedule: dict[str, Any] = Field(
        default_factory=lambda: {"name": "linear"},
        description="name: constant, linear, cosine, onecycle, step, exponential, plateau; its options; warmup: share; "
        "momentum: its values at the highest and the lowest rate",
    )
    loss: Literal["cross_entropy", "bce_one_hot"] = Field("cross_entropy", description="training loss")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target spread over all classes")
    augment: dict[str, Any] = Field(
        default_factory=dict, description="crop, flip, rotate, zoom, shift, shear, noise, erase, contrast, saturation"
    )
    torchvision: list[Any] = Field(
        default_factory=list, description="torchvision.transforms.v2 of single pictures before normalisation (slow)"
    )
    albumentations: list[Any] = Field(
        default_factory=list, description="albumentations of single pictures before normalisation (slow)"
    )
    alternating_flip: bool = Field(False, description="mirror every image in every other epoch, half of them at first")
    cache_features: bool = Field(False, description="compute a frozen body's features once, train the head on them")
    mixup: float = Field(0.0, ge=0, description="alpha of mixup; 0: off")
    cutmix: float = Field(0.0, ge=0, description="alpha of cutmix; 0: off")
    ema: float | None = Field(None, gt=0, lt=1, description="decay of the averaged weights that are evaluated and kept")
    clip_gradient: float | None = Field(None, gt=0, description="largest norm of the gradient")
    keep: Literal["accuracy", "loss", "last"] = Field("accuracy", description="which state is kept: best validation …")
    patience: int | None = Field(
        None, ge=1, description="early stopping: evaluations without a better one (with keep=last: a lower loss)"
    )
    evaluations: int = Field(6, ge=1, description="evaluations at least, where epochs are fewer")
    tta: list[str] = Field(default_factory=list, description="test-time augmentation: flip, shift")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field("auto", description="auto: the faster one, measured")
    compile: Literal["auto", "always", "never"] = Field(
        "auto", description="torch.compile of training steps; auto: on CUDA in runs of ten minutes and more"
    )
    deterministic: bool = Field(
        False, description="same seed, same machine: same bytes (fp32, first rung, slower; the clock only ends the run)"
    )
    ladder: list[dict[str, Any]] = Field(
        default_factory=list,
        description="rungs from the best to the fastest; the first whose min_epochs fit the budget is taken",
    )


def recipe_names(folder: Path) -> list[str]:
    """The recipes of a baseline."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_recipe(folder: Path, name: str, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name (or by the path of a YAML file) and apply `KEY=VALUE` settings on top.

    Raises:
        UserError: no such recipe, no YAML, an unknown key or a value that does not fit.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    values = _read_yaml(path, folder)
    by_hand = [setting.partition("=")[0] for setting in settings]
    for setting, key in zip(settings, by_hand, strict=True):
        _apply_setting(values, setting)
        _take_from_rungs(values, key.split("."))
    if "schedule.name" in by_hand and isinstance(values["schedule"], dict):
        _drop_options_of_another_schedule(values["schedule"], by_hand)
    for rung in _rungs(values):
        _set_schedule_of_rung(rung, values.get("schedule"), by_hand)
    return parse_recipe(values, path.name)


def parse_recipe(values: Mapping[str, Any], origin: str) -> Recipe:
    """Check the values of a recipe; `origin` is named in messages.

    Raises:
        UserError: an unknown key or a value that does not fit.
    """
    try:
        recipe = Recipe.model_validate(dict(values))
    except ValidationError as error:
        raise UserError(f"recipe {origin}: {_first_problem(error)}") from None
    create_schedule(recipe.schedule, recipe.epochs)
    for position, rung in enumerate(recipe.ladder, 1):
        name = f"{origin}, rung {position}"
        if as_number(least := rung.get("min_epochs", 0)) is None:
            raise UserError(f"recipe {name}: min_epochs = {least!r} is no number")
        on_rung(recipe, rung, name)
    if recipe.cache_features and (recipe.torchvision or recipe.albumentations):
        raise UserError(
            f"recipe {origin}: cache_features looks at every picture once, so torchvision and albumentations cannot "
            "change it: leave one of them out"
        )
    return _without_views(recipe) if recipe.cache_features else recipe


def _without_views(recipe: Recipe) -> Recipe:
    """Features are computed once, of the picture as it is: what moves pixels would change other numbers there."""
    return recipe.model_copy(update={"augment": {}, "alternating_flip": False, "tta": []})


def with_changes(recipe: Recipe, changes: Mapping[str, Any], origin: str) -> Recipe:
    """The recipe with some values replaced; dictionaries such as `model` are merged key by key.

    A schedule of another name takes over the warm-up and the momentum of the old one, and none of its other options,
    which it would not know.
    """
    values = recipe.model_dump()
    for key, value in changes.items():
        old = values.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            is_other = key == "schedule" and value.get("name", old.get("name")) != old.get("name")
            value = {**{name: old[name] for name in old if not is_other or name in _OF_ANY_SCHEDULE}, **value}
        values[key] = value
    return parse_recipe(values, origin)


def on_rung(recipe: Recipe, rung: Mapping[str, Any], origin: str) -> Recipe:
    """The recipe with the changes of one rung of its ladder, which it no longer has."""
    changes = {key: value for key, value in rung.items() if key != "min_epochs"}
    return with_changes(recipe, {**changes, "ladder": []}, origin)


def _read_yaml(path: Path, folder: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = recipe_names(folder)
        near = get_close_matches(path.stem, names, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UserError(
            f"recipe {path.stem!r} is unknown: {hint}one of {', '.join(names)}, or a path to a YAML file"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"recipe {path}: cannot be read as YAML ({first_line(error)})") from None
    if not isinstance(values, dict):
        raise UserError(f"recipe {path}: must be a mapping of keys to values")
    return values


def _apply_setting(values: dict[str, Any], setting: str) -> None:
    key, separator, text = setting.partition("=")
    if not separator or not key:
        raise UserError(f"--set {setting!r}: write KEY=VALUE, as lr=0.01 or schedule.name=cosine")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"--set {setting!r}: the value is no YAML") from None
    *parents, last = key.split(".")
    target = values
    for parent in parents:
        target = target.setdefault(parent, {})
        if not isinstance(target, dict):
            raise UserError(f"--set {setting!r}: {parent} has no parts of its own")
    target[last] = value


def _rungs(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rungs of a recipe that is not checked yet."""
    ladder = values.get("ladder")
    return [rung for rung in ladder if isinstance(rung, dict)] if isinstance(ladder, list) else []


def _take_from_rungs(values: dict[str, Any], path: list[str]) -> None:
    """What was set by hand holds on every rung of the ladder."""
    for rung in _rungs(values):
        holder: Any = rung
        for name in path[:-1]:
            holder = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder.pop(path[-1], None)


def _drop_options_of_another_schedule(schedule: dict[str, Any], by_hand: Sequence[str]) -> None:
    """A schedule that is named by hand takes over what it knows of the recipe's options, not `step_size` of another."""
    known = {"name", *_OF_ANY_SCHEDULE, *options_of(str(schedule["name"]))}
    for option in [*schedule]:
        if option not in known and f"schedule.{option}" not in by_hand:
            del schedule[option]


def _set_schedule_of_rung(rung: Any, schedule: Any, by_hand: Sequence[str]) -> None:
    """What was set by hand of the schedule holds on a rung with a schedule of its own, as far as that one knows it."""
    own = rung.get("schedule") if isinstance(rung, dict) else None
    if not isinstance(own, dict) or not isinstance(schedule, dict):
        return
    if "schedule.name" in by_hand:
        own["name"] = schedule["name"]
        _drop_options_of_another_schedule(own, by_hand)
    known = {*_OF_ANY_SCHEDULE, *options_of(str(own.get("name", schedule.get("name"))))}
    own.update({name: schedule[name] for name in known if f"schedule.{name}" in by_hand})


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        near = get_close_matches(key, Recipe.model_fields, 1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(Recipe.model_fields)}"
        return f"unknown key {key!r}: {hint}"
    return f"{key} = {problem['input']!r}: {problem['msg']}"
