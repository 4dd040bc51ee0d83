"""Checkpoints on disk, written aside and renamed, read back without running anything that lies in them."""

from pathlib import Path
from typing import Any

import torch

from baselines.kit.files import written_aside
from competition.errors import UserError, first_line


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values, whole or not at all.

    Raises:
        UserError: no space or no permission.
    """
    with written_aside(path) as aside:
        try:
            torch.save(content, aside)
        except RuntimeError as error:  # torch's own writer reports a full disk this way
            raise OSError(None, first_line(error)) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU, tensors and plain values only.

    Raises:
        UserError: the file is missing, damaged or no checkpoint.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no checkpoint here") from None
    except Exception as error:  # torch raises many types for a damaged file, zipfile's and pickle's among them
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{path}: not a readable checkpoint ({reason}); delete it to start anew") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a checkpoint of a run; delete it to start anew")
    return content
