"""YAML text to plain data, remembering where each field stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from accelsim.errors import UserError
from accelsim.yamlfile.nodes import check_nodes
from accelsim.yamlfile.text import read_text


class Origin(NamedTuple):
    """Where a value that was copied stands in the file, and a note on the copy for its faults."""

    location: tuple[str | int, ...]
    note: str = ""


@dataclass(frozen=True)
class MarkedYaml:
    """Plain data with the node tree it came from, the settings laid over it, and origins of copies, by location."""

    path: Path
    data: Any
    root: yaml.Node
    settings: Mapping[tuple[str | int, ...], str] = field(default_factory=dict)
    origins: Mapping[tuple[str | int, ...], Origin] = field(default_factory=dict)

    def origin(self, location: Sequence[str | int]) -> Origin:
        """Where in the file the value at ``location`` comes from: there, unless it was copied."""
        for depth in range(len(location), 0, -1):
            found = self.origins.get(tuple(location[:depth]))
            if found:
                return Origin((*found.location, *location[depth:]), found.note)
        return Origin(tuple(location))

    def position(self, location: Sequence[str | int]) -> tuple[int, int]:
        """Line and column (from 1) of the deepest node that ``location`` reaches."""
        node = self.root
        mark = node.start_mark
        for part in self.origin(location).location:
            found = _child(node, part)
            if found is None:
                break
            key, node = found
            mark = key.start_mark
        return mark.line + 1, mark.column + 1

    def error(self, location: Sequence[str | int], text: str) -> UserError:
        """A fault of the field at ``location``, which may be missing."""
        line, column = self.position(location)
        location, note = self.origin(location)
        text += note
        for depth in range(len(location), 0, -1):
            if tuple(location[:depth]) in self.settings:
                inner = ".".join(str(part) for part in location[depth:])
                return UserError(
                    f"--set {self.settings[tuple(location[:depth])]}: {inner + ': ' if inner else ''}{text}"
                )
        name = ".".join(str(part) for part in location)
        text += self._settings_in(location)
        return UserError(f"{self.path}:{line}:{column}: {name + ': ' if name else ''}{text}")

    def _settings_in(self, location: Sequence[str | int]) -> str:
        """The settings that changed a part of a field: what is wrong with it may not be in the file."""
        inside = [text for place, text in self.settings.items() if location and place[: len(location)] == location]
        return f" (with {' '.join(f'--set {setting}' for setting in inside)})" if inside else ""


class _Loader(yaml.SafeLoader):
    """Dates stay text: no field takes one, and a name may look like one."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_marked(path: Path) -> MarkedYaml:
    """Read one YAML document.

    Raises:
        UserError: the file is missing, unreadable, not YAML, empty, or holds more than plain data.
    """
    text = read_text(path)
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise UserError(f"{path}:1:1: the file is empty")
        check_nodes(lambda node: f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}", root)
        return MarkedYaml(path, loader.construct_document(root), root)
    except yaml.YAMLError as error:
        raise UserError(_yaml_message(path, text, error)) from error
    except RecursionError as error:
        raise UserError(f"{path}: not a hwconfig and not a workload: nested too deep") from error
    except (ValueError, LookupError) as error:  # a number of thousands of digits, or one that its tag denies
        raise UserError(f"{path}: not valid YAML: {error}") from error


def read_value(where: str, text: str) -> Any:
    """Read the value of a setting; None where the text is empty.

    Raises:
        UserError: it is not YAML, or holds more than plain data; the message starts with ``where``.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        check_nodes(lambda node: where, root)
        return loader.construct_document(root)
    except (yaml.YAMLError, RecursionError, ValueError, LookupError) as error:
        raise UserError(f"{where}: the value is not valid YAML") from error


def _yaml_message(path: Path, text: str, error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        return f"{path}:{line}:{column}: not valid YAML: a control character (0x{int(error.character):02x})"
    mark = getattr(error, "problem_mark", None)
    where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    parts = [getattr(error, "context", None), getattr(error, "problem", None)]
    problem = ", ".join(part for part in parts if part) or str(error).splitlines()[0]
    hint = "; indent with spaces, not tabs" if "'\\t'" in problem else ""
    return f"{path}{where}: not valid YAML: {problem}{hint}"


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Key and value of a field; a list's item is its own key."""
    if isinstance(node, yaml.MappingNode):
        # From the end, for what a merge (<<) brings in stands before the mapping's own fields.
        return next((pair for pair in reversed(node.value) if pair[0].value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
