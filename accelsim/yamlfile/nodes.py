"""What a YAML node tree may hold: plain data with text keys, no field twice, and a bounded size."""

from __future__ import annotations

import re
from collections.abc import Callable

import yaml

from accelsim.errors import UserError

DEEPEST = 40
"""Most levels of lists and mappings inside each other."""
MOST_NODES = 100_000
"""Most values that a file may stand for, aliases written out."""
LONGEST_NUMBER = 100
"""Most characters of a number."""

_OTHER_BASE = re.compile(r"[-+]?0[0-7_]*[1-7][0-7_]*|.*:.*")
"""Octal and sexagesimal numbers of YAML 1.1, which look decimal or like a time."""

_PREFIX = "tag:yaml.org,2002:"
_MERGE = f"{_PREFIX}merge"
_TEXT = f"{_PREFIX}str"
_NUMBERS = {f"{_PREFIX}int", f"{_PREFIX}float"}
_PLAIN = {f"{_PREFIX}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge")}


def check_nodes(where: Callable[[yaml.Node], str], root: yaml.Node) -> None:
    """Refuse what no hwconfig or workload needs; keys such as ``1`` or ``on`` become text.

    Args:
        where: what an error says first of the node at fault.
        root: the tree.

    Raises:
        UserError: a field stands twice, a key is a list, a value has a tag, a number is not what it looks like, or the
            tree is too deep or too large.
    """
    _Check(where).visit(root, 1)


class _Check:
    """One walk; an aliased node is walked once, and its size is counted at every place that names it."""

    def __init__(self, where: Callable[[yaml.Node], str]) -> None:
        self.where = where
        self.sizes: dict[int, int] = {}
        self.open: set[int] = set()

    def visit(self, node: yaml.Node, depth: int) -> int:
        if id(node) in self.open:
            raise self.error(node, "an alias names a value that it is itself part of")
        if depth > DEEPEST:
            raise self.error(node, f"nested more than {DEEPEST} levels deep")
        if id(node) not in self.sizes:
            self.open.add(id(node))
            self.sizes[id(node)] = 1 + sum(self.visit(child, depth + 1) for child in self.children(node))
            self.open.remove(id(node))
        size = self.sizes[id(node)]
        if size > MOST_NODES:
            raise self.error(node, f"aliases make this more than {MOST_NODES} values")
        return size

    def children(self, node: yaml.Node) -> list[yaml.Node]:
        if node.tag not in _PLAIN:
            shown = node.tag.replace(_PREFIX, "!!")
            raise self.error(node, f"values with a tag are not read (found {shown})")
        if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS:
            self.number(node)
        if isinstance(node, yaml.MappingNode):
            self.keys(node)
            return [value for _, value in node.value]
        return list(node.value) if isinstance(node, yaml.SequenceNode) else []

    def number(self, node: yaml.ScalarNode) -> None:
        found = node.value
        if len(found) > LONGEST_NUMBER:
            raise self.error(node, f"a number of {len(found)} digits")
        if _OTHER_BASE.fullmatch(found):
            base = "sixties" if ":" in found else "eights"
            raise self.error(node, f"found {found}, which YAML counts in {base}; write it decimal, or text in quotes")

    def keys(self, node: yaml.MappingNode) -> None:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error(key, "a field's name must be text, not a list or mapping")
            if key.tag == _MERGE:
                continue
            key.tag = _TEXT
            if key.value in seen:
                raise self.error(key, f"field {key.value!r} stands twice (first on line {seen[key.value]})")
            seen[key.value] = key.start_mark.line + 1

    def error(self, node: yaml.Node, text: str) -> UserError:
        return UserError(f"{self.where(node)}: {text}")
