"""A timm model by name, with weights from a file or timm's cache, as a whole, partly frozen or as a linear probe."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import timm
from torch import nn

from baselines.kit.data import ImageShape
from baselines.kit.features import Probe
from baselines.kit.recipe import Recipe, with_changes
from competition.errors import UserError, first_line

from .weights import find_weights, fit_names


def build_model(options: Mapping[str, Any], shape: ImageShape) -> nn.Module:
    """The timm model of a recipe's `model` options for these images and classes.

    Args:
        options: `name` of timm; `weights`: `timm` (its own, from the cache), `none` or the path of a file; `train`:
            `all`, `head`, the number of last layers that are trained or, below 1, their share of all layers; whatever
            else timm's model takes, such as `drop_path_rate`.
        shape: channels, size and classes.

    Raises:
        UserError: a name or an option that timm does not know, or weights that are not there or do not fit.
    """
    wanted = dict(options)
    name, weights = str(wanted.pop("name", "")), str(wanted.pop("weights", "timm"))
    train = wanted.pop("train", "all")
    check_name(name)
    if train == "head":
        body = _create(name, weights, shape, 0, wanted)
        return Probe(body, _head(body, shape))
    model = _create(name, weights, shape, shape.classes, wanted)
    if weights != "none":
        _start_at_zero(model)
    if train != "all":
        _freeze_all_but_last(model, train)
    return model


def check_name(name: str) -> None:
    """Raise UserError where timm has no model of this name."""
    if not timm.is_model(name):
        near = get_close_matches(name.split(".")[0], timm.list_models(), 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "timm.list_models() names them"
        raise UserError(f"timm has no model {name!r}: {hint}")


def _create(name: str, weights: str, shape: ImageShape, classes: int, options: Mapping[str, Any]) -> nn.Module:
    config = timm.get_pretrained_cfg(name)
    options = {"in_chans": shape.channels, "num_classes": classes, **options}
    if config is not None and config.fixed_input_size:
        options["img_size"] = (shape.height, shape.width)
    if weights != "none":
        path = find_weights(name, weights)
        # timm itself adapts the first layer to the channels and leaves the last one out.
        options |= {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": fit_names(path, name)}}
    try:
        return timm.create_model(name, **options)
    except (TypeError, ValueError, RuntimeError, AssertionError, KeyError) as error:
        reason = first_line(error)
        raise UserError(f"timm cannot make {name} for {shape.height}x{shape.width} images: {reason[:200]}") from None


def _head(body: nn.Module, shape: ImageShape) -> nn.Sequential:
    features = int(body.head_hidden_size)  # type: ignore[arg-type]
    # Features of unit variance suit one learning rate whatever the network they come from.
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(features, affine=False), nn.Linear(features, shape.classes))


def _start_at_zero(model: nn.Module) -> None:
    """A last layer of zeros: the first gradients do not disturb the pretrained features (Kolesnikov et al., BiT)."""
    last = model.get_classifier()  # type: ignore[operator]
    for head in last if isinstance(last, tuple) else (last,):  # distilled models have two
        for parameter in head.parameters():
            nn.init.zeros_(parameter)


def _freeze_all_but_last(model: nn.Module, train: Any) -> None:
    """Train the last of timm's layers and the classifier; frozen batch norms keep their statistics."""
    from timm.models import group_parameters
    from timm.utils.model import freeze_batch_norm_2d  # type: ignore[attr-defined]

    layer_of = group_parameters(model, model.group_matcher(coarse=False), reverse=True)  # type: ignore[operator]
    classifier = max(layer_of.values())
    first_trained = classifier - _count_trained(train, layers=classifier)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(layer_of[name] >= first_trained)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.BatchNorm2d) and not any(p.requires_grad for p in module.parameters()):
            model.set_submodule(name, freeze_batch_norm_2d(module))  # type: ignore[no-untyped-call]


def _count_trained(train: Any, layers: int) -> int:
    """How many of the layers before the classifier are trained: a number of them, or a share that suits any depth."""
    if isinstance(train, float) and 0 < train < 1:
        return max(1, round(train * layers))
    if not isinstance(train, int) or isinstance(train, bool) or train < 1:
        raise UserError(f"model.train = {train!r}: give all, head or the number of last layers (below 1: their share)")
    return train


def complete(recipe: Recipe, shape: ImageShape) -> Recipe:
    """Fill in the model's own data configuration where the recipe leaves it open: size, mean, deviation, interpolation.

    Nothing is cut off the border: timm's `crop_pct` is meant for photographs, whose border says little.
    """
    from timm.data import resolve_data_config  # type: ignore[attr-defined]

    name = str(recipe.model.get("name", ""))
    check_name(name)
    found = timm.get_pretrained_cfg(name)
    known = found.to_dict() if found else {}  # type: ignore[no-untyped-call]
    config = resolve_data_config(pretrained_cfg=known)  # type: ignore[no-untyped-call]
    own = {
        "image_px": config["input_size"][-1],
        "mean": _for_channels(config["mean"], shape.channels),
        "std": _for_channels(config["std"], shape.channels),
        "interpolation": "bilinear" if config["interpolation"] == "bilinear" else "bicubic",
    }
    open_keys = {key: value for key, value in own.items() if key not in recipe.model_fields_set}
    return with_changes(recipe, open_keys, name)


def _for_channels(values: tuple[float, ...], channels: int) -> list[float] | None:
    """One value a channel; gray images take the mean of the colours, others are measured."""
    if len(values) == channels:
        return list(values)
    return [sum(values) / len(values)] if channels == 1 else None
