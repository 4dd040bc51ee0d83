"""A folder that holds many runs belongs to one comparison: another one must not mix its results into it unnoticed."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.kit.files import make_output_folder, write_json
from competition.errors import UserError
from competition.layout import MANIFEST

if TYPE_CHECKING:
    from competition.bundle import Bundle


def bundle_identity(bundle: "Bundle") -> dict[str, str]:
    """A bundle by name and by the checksum of its manifest, which holds those of all its files."""
    manifest = (bundle.folder / MANIFEST).read_bytes()
    return {"competition": bundle.rules.competition, "bundle": hashlib.sha256(manifest).hexdigest()}


def claim_comparison(folder: Path, name: str, bundle: "Bundle", epochs: float, seed: int) -> None:
    """Claim a folder for the runs of one comparison: of so many epochs each, on one bundle, from one seed.

    Raises:
        UserError: there can be no such runs, or as `claim_folder`.
    """
    if not 0 < epochs < math.inf:
        raise UserError(f"--epochs {epochs:g}: give a number above 0")
    claim_folder(folder, name, {**bundle_identity(bundle), "epochs": epochs, "seed": seed})


def claim_folder(folder: Path, name: str, wanted: Mapping[str, Any]) -> None:
    """Write down in `folder/NAME.json` what the folder's runs have in common.

    Args:
        folder: made where it is not there.
        name: what the runs are together, as `grid`.
        wanted: plain values, such as the seed and the epochs.

    Raises:
        UserError: the folder was claimed with other values, or it cannot be written to.
    """
    path = make_output_folder(folder) / f"{name}.json"
    if not path.exists():
        write_json(path, dict(wanted))
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        there = None
    if there != wanted:
        raise UserError(f"{folder}: holds another {name} ({there}, not {dict(wanted)}); choose another --out")
