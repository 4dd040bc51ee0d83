"""Is the competition whole: permissions, checksums, files nobody noted, and the tie between bundle and solution."""

import hashlib
import json
from pathlib import Path

from competition.bundle import read_manifest
from competition.doctor.case import Case
from competition.doctor.finding import Finding, some
from competition.errors import UserError
from competition.layout import MANIFEST, bundle_folder, vault_folder
from competition.preparation import preparation_mark
from competition.private import check_private
from competition.rules import load_rules

PICTURE_FOLDERS = ("train", "test")  # what `--as folder` adds; `metadata` looks into them


def permissions(home: Path, name: str) -> list[Finding]:
    """Nobody but its owner can look into the vault.

    Raises:
        UserError: there is none.
    """
    vault = vault_folder(home, name)
    if not vault.is_dir():
        raise UserError(f"{vault}: no vault here; run `grader prepare {name}` first")
    paths = [vault, *sorted(vault.rglob("*"))]
    problems = []
    for path in paths:
        try:
            check_private(path)
        except UserError as error:
            problems.append(Finding("fault", "permissions", str(error)))
    told = f"the vault and the {len(paths) - 1} files in it are open to their owner alone"
    return problems or [Finding("ok", "permissions", told)]


def checksums(data: Path, name: str) -> list[Finding]:
    """Every file of the bundle has the checksum that the manifest notes, and there is no file beside them."""
    folder = bundle_folder(data, name)
    noted = read_manifest(folder)["files"]
    problems = []
    for file, expected in noted.items():
        if problem := _difference(folder / file, expected["sha256"]):
            problems.append(Finding("fault", "checksum", f"{folder / file}: {problem}", _again(name)))
    known = {*noted, MANIFEST, *PICTURE_FOLDERS}
    if strays := sorted(path.name for path in folder.iterdir() if path.name not in known):
        told = f"{len(strays)} files lie in the bundle that the manifest does not know: {some(strays)}"
        problems.append(Finding("fault", "stray_file", told, "move them out of the bundle"))
    whole = sum(expected["bytes"] for expected in noted.values())
    told = f"all {len(noted)} files of the bundle ({whole / 1e6:,.1f} MB) have the checksums of the manifest"
    return problems or [Finding("ok", "checksum", told)]


def _difference(path: Path, sha256: str) -> str | None:
    if path.is_symlink() or not path.is_file():
        return "is missing or no plain file"
    with path.open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
    return None if same else "was changed after `grader prepare`"


def tie(case: Case) -> list[Finding]:
    """Bundle and solution come from one call of `grader prepare`."""
    manifest = case.bundle.manifest
    expected = preparation_mark(manifest["files"], case.solution, case.vault.read_secret())
    if not expected == manifest.get("preparation") == case.vault.prepared().get("preparation"):
        told = "the bundle, the solution and the vault's secret do not come from one call of `grader prepare`"
        return [Finding("fault", "preparation", told, _again(case.competition.name))]
    return [Finding("ok", "preparation", "bundle, solution and secret come from one call of `grader prepare`")]


def rules(case: Case) -> list[Finding]:
    """The judge's rules are those of the bundle and of the spec as it is now."""
    name = case.competition.name
    if load_rules(case.vault.rules_path) != case.bundle.rules:
        return [Finding("fault", "rules", "the rules in the vault and in the bundle differ", _again(name))]
    # Through JSON and back, where 1 and 1.0 or a list and a tuple are the same.
    if json.loads(case.competition.spec.rules(name).to_json()) != json.loads(case.bundle.rules.to_json()):
        told = "the spec was edited after `grader prepare`: the judge still goes by the old rules"
        return [Finding("warning", "rules", told, f"run `grader prepare {name}`, then `grader rescore`")]
    return [Finding("ok", "rules", "the rules in the vault, in the bundle and in the spec are the same")]


def _again(name: str) -> str:
    return f"run `grader prepare {name} --force`"
