"""What computes a score, as hashes and versions, so that the ledger can prove it later."""

import sys
from hashlib import sha256
from pathlib import Path

import numpy as np

import grader.metrics
from competition.rules import Rules
from grader.store.records import Evidence

METRICS = Path(grader.metrics.__file__).parent


def gather_evidence(rules: Rules, solution: bytes | bytearray, rules_file: Path) -> Evidence:
    """The hashes of solution, rules and metric code, and the versions of what runs it.

    The metric code is the whole package of metrics, since its parts share their guards, and the file of each custom
    metric that the rules name.

    Args:
        rules: the rules in force.
        solution: the bytes of `solution.csv`.
        rules_file: the vault's `rules.json`; custom metrics lie beside it.
    """
    custom = [rules_file.with_name(rule.file) for rule in (rules.metric, *rules.extra_metrics) if rule.file]
    code = sha256()
    for file in (*sorted(METRICS.glob("*.py")), *custom):
        code.update(f"{file.name}\n".encode() + file.read_bytes())
    return Evidence(
        solution_sha256=sha256(solution).hexdigest(),
        rules_sha256=sha256(rules_file.read_bytes()).hexdigest(),
        metric_sha256=code.hexdigest(),
        versions={"python": ".".join(map(str, sys.version_info[:3])), "numpy": np.__version__},
    )
