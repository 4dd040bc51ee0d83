"""The structure that the design promises: dependencies point one way, nothing imports a command, nothing circles."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("competition", "baselines", "grader")


def modules() -> dict[str, Path]:
    """Every module of the three packages by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(name: str) -> Iterator[str]:
    """The modules of ours that a module imports anywhere in its code, lazily or for types alone too."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                target = f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base
                if target in MODULES:
                    yield target


def uses(package: str, other: str) -> list[str]:
    return [
        f"{name} imports {target}"
        for name in MODULES
        if name.split(".")[0] == package
        for target in imported(name)
        if target.split(".")[0] == other
    ]


def test_competition_knows_neither_baselines_nor_grader():
    assert uses("competition", "baselines") + uses("competition", "grader") == []


def test_a_baseline_runs_where_there_is_no_grader():
    assert uses("baselines", "grader") == []


def test_nothing_but_the_command_line_imports_the_command_line():
    assert [
        f"{name} imports {target}"
        for name in MODULES
        if not name.startswith("grader.cli")
        for target in imported(name)
        if target.startswith("grader.cli")
    ] == []


def test_no_imports_run_in_a_circle():
    graph = {name: {target for target in imported(name) if target != name} for name in MODULES}
    for name in graph:  # a package that only re-exports its own modules is no circle
        graph[name] = {target for target in graph[name] if not (name + ".").startswith(target + ".")}
    TopologicalSorter(graph).prepare()
