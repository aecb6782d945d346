"""Blocks of a file: a list of items under a name, with parameters, written out wherever a list uses it.

``blocks: {pair: {parameters: [width, stride: 1], layers: [...]}}`` beside ``layers: [pair: {width: 64}, ...]``: the
items of the block take the place of the use, and the value of a parameter that of ``$width``. What was written out
remembers where it stands in the file, so that faults are found there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from accelsim.errors import nearest
from accelsim.yamlfile.block_definitions import ITEMS, MISSING, Block, Location, definitions
from accelsim.yamlfile.marks import MarkedYaml, Origin
from accelsim.yamlfile.nodes import MOST_NODES
from accelsim.yamlfile.wording import shown

BLOCKS = "blocks"
MARK = "$"
"""First letter of a value that stands for a parameter."""
DEEPEST = 10
"""Most blocks inside each other."""


def expand_blocks(marked: MarkedYaml, section: str, taken: Collection[str]) -> MarkedYaml:
    """``marked`` with the uses of ``section.blocks`` in ``section.layers`` written out, and the blocks left out.

    ``taken`` are names that no block may have.

    Raises:
        UserError: a block, or a use of one, is wrong, at its line.
    """
    data = marked.data.get(section) if isinstance(marked.data, dict) else None
    if not isinstance(data, dict) or BLOCKS not in data:
        return marked
    writer = _Writer(marked, section, definitions(marked, (section, BLOCKS), data[BLOCKS], taken))
    kept = {name: value for name, value in data.items() if name not in (BLOCKS, ITEMS)}
    if ITEMS in data:
        kept[ITEMS] = writer.copy(data[ITEMS], (section, ITEMS), (section, ITEMS), _Scope())
    return replace(marked, data={**marked.data, section: kept}, origins=writer.origins)


class _Argument(NamedTuple):
    value: Any
    source: Location
    scope: _Scope


@dataclass(frozen=True)
class _Scope:
    """The use that is being written out; outside of all uses, nothing. ``open``: the blocks that it lies in."""

    open: tuple[str, ...] = ()
    line: int = 0
    arguments: Mapping[str, _Argument] | None = None

    @property
    def note(self) -> str:
        return f" (in block {self.open[-1]!r}, used on line {self.line})" if self.open else ""


class _Writer:
    """Copies values; ``source`` is where one stands in the file, ``target`` where its copy goes."""

    def __init__(self, marked: MarkedYaml, section: str, blocks: Mapping[str, Block]) -> None:
        self.marked = marked
        self.section = section
        self.blocks = blocks
        self.origins: dict[Location, Origin] = {}
        self._copied = 0

    def copy(self, value: Any, source: Location, target: Location, scope: _Scope) -> Any:
        self._copied += 1
        if self._copied > MOST_NODES:
            raise self.marked.error(source, f"blocks make this more than {MOST_NODES} values")
        if isinstance(value, str) and value.startswith(MARK) and scope.arguments is not None:
            value, source, scope = self._argument(value, source, scope)
            self.origins[target] = Origin(source, scope.note)
            return self.copy(value, source, target, scope)
        if isinstance(value, dict):
            return {name: self.copy(each, (*source, name), (*target, name), scope) for name, each in value.items()}
        if isinstance(value, list):
            items: list[Any] = []
            self._write(value, source, target, scope, items)
            return items
        return value

    def _write(self, items: list[Any], source: Location, target: Location, scope: _Scope, out: list[Any]) -> None:
        for index, item in enumerate(items):
            at, name = (*source, index), next(iter(item), None) if isinstance(item, dict) else item
            if isinstance(name, str) and name in self.blocks and (isinstance(item, str) or len(item) == 1):
                given = item[name] if isinstance(item, dict) else {}
                inner = self._use(name, {} if given is None else given, at, scope)
                place = (self.section, BLOCKS, name, ITEMS)
                self._write(self.blocks[name].items, place, target, inner, out)
            else:
                self.origins[(*target, len(out))] = Origin(at, scope.note)
                out.append(self.copy(item, at, (*target, len(out)), scope))

    def _use(self, name: str, given: Any, at: Location, scope: _Scope) -> _Scope:
        """The scope of a use of block ``name``."""
        block, at = self.blocks[name], (*at, name)
        if name in scope.open:
            raise self.marked.error(at, f"block {name!r} is part of itself: {' > '.join((*scope.open, name))}")
        if len(scope.open) == DEEPEST:
            raise self.marked.error(at, f"more than {DEEPEST} blocks inside each other: {' > '.join(scope.open)}")
        if not isinstance(given, dict):
            raise self.marked.error(at, f"found {shown(given)}; allowed: {block.allowed}")
        for word in given:
            if word not in block.parameters:
                fault = f"block {name!r} has no such parameter{nearest(word, block.parameters)}"
                raise self.marked.error((*at, word), f"{fault}; allowed: {block.allowed}")
        arguments = {word: _Argument(value, (*at, word), scope) for word, value in given.items()}
        for word, default in block.parameters.items():
            if word not in given:
                if default is MISSING:
                    raise self.marked.error((*at, word), f"missing; it is a parameter of block {name!r}")
                arguments[word] = _Argument(default, block.places[word], _Scope())
        return _Scope((*scope.open, name), scope.line or self.marked.position(at)[0], arguments)

    def _argument(self, value: str, source: Location, scope: _Scope) -> _Argument:
        found = (scope.arguments or {}).get(value.removeprefix(MARK))
        if found is None:
            block = self.blocks[scope.open[-1]]
            hint = nearest(value.removeprefix(MARK), block.parameters)
            fault = f"found {value!r}, but block {scope.open[-1]!r} has no such parameter{hint}"
            raise self.marked.error(source, f"{fault}; allowed: {block.allowed}")
        return found
