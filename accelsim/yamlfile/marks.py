"""YAML text to plain data, remembering where each field stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from accelsim.errors import UserError


@dataclass(frozen=True)
class MarkedYaml:
    """Plain data with the node tree it came from."""

    path: Path
    data: Any
    root: yaml.Node

    def position(self, location: Sequence[str | int]) -> tuple[int, int]:
        """Line and column (from 1) of the deepest node that ``location`` reaches.

        A single-key mapping such as ``conv2d: {...}`` is stepped into where the location names what is inside it.
        """
        node = self.root
        mark = node.start_mark
        for part in location:
            found = _child(node, part)
            if found is None:
                break
            key, node = found
            mark = key.start_mark
        return mark.line + 1, mark.column + 1


def read_marked(path: Path) -> MarkedYaml:
    """Read one YAML document.

    Raises:
        UserError: the file is missing, unreadable, not YAML, empty, or says a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else (error.strerror or str(error))
        raise UserError(f"{path}: cannot be read: {reason}") from error
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            raise UserError(f"{path}: the file is empty")
        _refuse_duplicates(path, root)
        return MarkedYaml(path, loader.construct_document(root), root)
    except yaml.YAMLError as error:
        raise UserError(_yaml_message(path, error)) from error


def _yaml_message(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    return f"{path}{where}: not valid YAML: {problem}"


def _refuse_duplicates(path: Path, node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                raise UserError(f"{path}:{line}: field {name!r} stands twice (first on line {seen[name]})")
            seen[name] = line
            _refuse_duplicates(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(path, item)


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key, value
        if len(node.value) == 1 and isinstance(node.value[0][1], yaml.MappingNode | yaml.SequenceNode):
            return _child(node.value[0][1], part)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
