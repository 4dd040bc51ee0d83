"""Reading a YAML file of ours: safe, strict about repeated keys, and without YAML 1.1's surprises.

In YAML 1.1 `80:20` is the number 4,820, `0123` is 83, `no` is false and a date is an object: here all are text.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from competition.errors import UserError

MAX_SPEC_BYTES = 1024 * 1024  # a spec is a page of text; more is the wrong file


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2, no aliases and no repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            # A few nested aliases unfold into gigabytes, and no spec needs one.
            raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be plain text", problem_mark=key.start_mark)
            if key.value in seen:
                problem = f"the key {key.value!r} is given twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
            key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", "-+0123456789"),
    ("float", r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))


def read_mapping(path: Path, text_keys: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The mapping a YAML file holds; below the top-level `text_keys` a scalar stays the text that was written.

    Raises:
        UserError: the file is missing, unreadable, no YAML (with the line) or no mapping.
    """
    try:
        if path.stat().st_size > MAX_SPEC_BYTES:
            raise UserError(f"{path}: larger than 1 MiB, so no competition.yaml; is it the right file?")
        loader = _Loader(path.read_text(encoding="utf-8-sig"))
        try:
            root = loader.get_single_node()
            _keep_text(root, text_keys)
            value = loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{path}: {_yaml_problem(error)}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UserError(f"{path}: not a YAML text file in UTF-8 ({type(error).__name__})") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: must hold `key: value` lines; see competition/fontchar/competition.yaml")
    return value


def _keep_text(root: yaml.Node | None, text_keys: frozenset[str]) -> None:
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if isinstance(key, yaml.ScalarNode) and key.value in text_keys:
                _retag(value)


def _retag(node: yaml.Node) -> None:
    if isinstance(node, yaml.ScalarNode):
        node.tag = "tag:yaml.org,2002:str"
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _retag(item)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            _retag(value)


def _yaml_problem(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    context = f"{error.context}, " if error.context and error.context.startswith("expected") else ""
    return f"{where}{context}{error.problem or 'not YAML'}"
