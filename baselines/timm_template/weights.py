"""Weights for a timm model: where they lie, and how foreign names are brought to timm's."""

from pathlib import Path

import timm
import torch
from torch import Tensor

from baselines.kit.pretrained import cached_file, read_state
from competition.errors import UserError

_FILES = ("model.safetensors", "pytorch_model.bin")


def find_weights(name: str, weights: str) -> Path:
    """The file of a model's weights: `weights` itself, or for `timm` the file in the cache of its hub or of torch.

    Raises:
        UserError: it is not there; nothing is fetched while a budget runs.
    """
    if weights != "timm":
        return Path(weights)
    from huggingface_hub import try_to_load_from_cache

    config = timm.get_pretrained_cfg(name)
    hub, address = (config.hf_hub_id, config.url) if config is not None else (None, None)
    for file in _FILES if isinstance(hub, str) else ():
        found = try_to_load_from_cache(str(hub), file)
        if isinstance(found, str):
            return Path(found)
    if isinstance(address, str) and cached_file(address).is_file():
        return cached_file(address)
    fetch = f"python -c \"import timm; timm.create_model('{name}', pretrained=True)\""
    raise UserError(
        f"the weights of {name} are not here. Where there is a network, run once: {fetch}; or give --weights PATH; "
        "--weights none starts from random weights"
    )


def is_cached(name: str) -> bool:
    """Whether a model's own weights lie in a cache, so that a run can begin from them."""
    try:
        find_weights(name, "timm")
    except UserError:
        return False
    return True


def fit_names(path: Path, name: str) -> dict[str, Tensor]:
    """The weights in `path` under timm's names.

    Other implementations of an architecture call their layers otherwise. Where they are the same layers in the same
    order, which the shapes tell, their weights are taken over one by one.

    Raises:
        UserError: the file is missing or damaged, or its layers are not those of the model.
    """
    state = read_state(path)
    with torch.device("meta"):
        wanted = timm.create_model(name).state_dict()
    if set(state) >= {key for key in wanted if not key.endswith("num_batches_tracked")}:
        return state
    for (key, value), (own, tensor) in zip(state.items(), wanted.items(), strict=False):
        if value.shape != tensor.shape:
            shapes = f"{key} is {tuple(value.shape)}, timm's {own} {tuple(tensor.shape)}"
            raise UserError(f"{path}: not weights of {name}: {shapes}")
    if len(state) != len(wanted):
        raise UserError(f"{path}: not weights of {name}: {len(state)} tensors, timm's model has {len(wanted)}")
    return dict(zip(wanted, state.values(), strict=True))
