"""Pretrained weights from files: found in torch's cache or by path, checked, and never fetched while a budget runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from competition.errors import UserError

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum


def torchvision_state(weights: "WeightsEnum", path: str | Path | None = None) -> dict[str, Tensor]:
    """The state of torchvision's pretrained weights, from `path` or from torch's cache.

    Raises:
        UserError: the file is not there (the message says how to get it) or is damaged.
    """
    file = Path(path) if path else cached_file(weights.url)
    if not file.is_file():
        raise UserError(f"{file}: {_how_to_get(weights) if not path else 'no weights here; check the path'}")
    return read_state(file)


def cached_file(url: str) -> Path:
    """Where torch keeps the file of this address once it was downloaded (`TORCH_HOME` moves it)."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]


def _how_to_get(weights: "WeightsEnum") -> str:
    kind, name = type(weights).__name__, weights.name
    fetch = f'python -c "from torchvision.models import {kind} as w; w.{name}.get_state_dict(progress=True)"'
    return (
        f"the ImageNet weights are not here. Where there is a network, run once: {fetch}; or download {weights.url} "
        "and give --weights PATH; --weights none starts from random weights"
    )


def read_state(file: Path) -> dict[str, Tensor]:
    """Tensors by name from a file that `torch.save` or safetensors wrote; nothing in it is run.

    Raises:
        UserError: the file is missing, damaged, or holds something else.
    """
    try:
        state = _read(file)
    except FileNotFoundError:
        raise UserError(f"{file}: no weights here; check the path") from None
    except Exception as error:  # torch raises many types for a file that is none of its own
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{file}: not a file of weights ({reason}); download it again") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{file}: holds no weights by name; give the file of a state_dict")
    return state


def _read(file: Path) -> object:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    return torch.load(file, map_location="cpu", weights_only=True)


def load_checked(model: nn.Module, state: Mapping[str, Tensor], origin: str | Path) -> None:
    """Load a state whose names and shapes must be the model's.

    Raises:
        UserError: they are not; the first difference is named.
    """
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in state.items()}
    for name, shape in wanted.items():
        if name not in given and not name.endswith("num_batches_tracked"):
            raise UserError(f"{origin}: has no {name}; these are the weights of another network")
        if given.get(name, shape) != shape:
            raise UserError(f"{origin}: {name} is {given[name]}, this network has {shape}: weights of another network")
    unknown = next((name for name in given if name not in wanted), None)
    if unknown:
        raise UserError(f"{origin}: {unknown} is not in this network; these are the weights of another one")
    model.load_state_dict(state, strict=False)
