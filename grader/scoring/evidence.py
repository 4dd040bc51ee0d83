"""What computes a score, as hashes and versions, so that the ledger can prove it later."""

import platform
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import numpy as np

from competition.rules import Rules
from grader.metrics import get
from grader.store.records import Evidence


def gather_evidence(rules: Rules, solution: bytes, rules_file: Path) -> Evidence:
    """The hashes of solution, rules and metric code, and the versions of what runs it.

    Args:
        rules: the rules in force; a custom metric's file lies beside `rules_file`.
        solution: the bytes of `solution.csv`.
        rules_file: the vault's `rules.json`.
    """
    code = sha256()
    for rule in (rules.metric, *rules.extra_metrics):
        file = rules_file.with_name(rule.file) if rule.file else _module_file(rule.name)
        code.update(f"{rule.name}\n".encode() + file.read_bytes())
    return Evidence(
        solution_sha256=sha256(solution).hexdigest(),
        rules_sha256=sha256(rules_file.read_bytes()).hexdigest(),
        metric_sha256=code.hexdigest(),
        versions={"python": platform.python_version(), "numpy": np.__version__},
    )


def _module_file(metric: str) -> Path:
    """The file of the family of metrics that this one belongs to."""
    return Path(str(import_module(get(metric).function.__module__).__file__))
