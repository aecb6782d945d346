"""What a block of a file is: items under a name, with parameters that may have defaults."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accelsim.errors import nearest
from accelsim.yamlfile.marks import MarkedYaml
from accelsim.yamlfile.wording import shown

Location = tuple[str | int, ...]
ITEMS, PARAMETERS = "layers", "parameters"
MISSING = object()
"""Default of a parameter that has none."""


@dataclass(frozen=True)
class Block:
    """``parameters``: defaults by name; ``places``: where in the file each parameter stands."""

    parameters: Mapping[str, Any]
    places: Mapping[str, Location]
    items: list[Any]

    @property
    def allowed(self) -> str:
        """What a use may give."""
        return f"the parameters {', '.join(self.parameters)}" if self.parameters else "nothing: it has no parameters"


def definitions(marked: MarkedYaml, at: Location, data: Any, taken: Collection[str]) -> dict[str, Block]:
    """The blocks by name that ``data``, at ``at`` in the file, defines; none has a name in ``taken``.

    Raises:
        UserError: a definition is wrong, at its line.
    """
    if not isinstance(data, dict):
        raise marked.error(at, f"found {shown(data)}; allowed: blocks by name")
    return {name: _definition(marked, (*at, name), body, taken) for name, body in data.items()}


def _definition(marked: MarkedYaml, at: Location, body: Any, taken: Collection[str]) -> Block:
    fields = (PARAMETERS, ITEMS)
    if at[-1] in taken:
        raise marked.error(at, f"no block may be called {at[-1]!r}, as a layer is")
    if not isinstance(body, dict):
        raise marked.error(at, f"found {shown(body)}; allowed: the fields {', '.join(fields)}")
    for word in body:
        if word not in fields:
            raise marked.error((*at, word), f"unknown field{nearest(word, fields)}; allowed: {', '.join(fields)}")
    items = body.get(ITEMS, MISSING)
    if not isinstance(items, list) or not items:
        found = "missing" if items is MISSING else f"found {shown(items)}"
        raise marked.error((*at, ITEMS), f"{found}; allowed: a list that is not empty")
    parameters, places = dict[str, Any](), dict[str, Location]()
    for name, default, place in _parameters(marked, (*at, PARAMETERS), body.get(PARAMETERS, [])):
        if name in parameters:
            raise marked.error(place, f"parameter {name!r} stands twice")
        parameters[name], places[name] = default, place
    return Block(parameters, places, items)


def _parameters(marked: MarkedYaml, at: Location, data: Any) -> Iterator[tuple[str, Any, Location]]:
    """Name, default and place of each parameter: ``name``, or ``name: default``."""
    if not isinstance(data, list):
        text = f"found {shown(data)}; allowed: a list of names, each with ': default' after it if it has one"
        raise marked.error(at, text)
    for index, item in enumerate(data):
        if isinstance(item, str):
            yield item, MISSING, (*at, index)
        elif isinstance(item, dict) and len(item) == 1:
            ((name, default),) = item.items()
            yield name, default, (*at, index, name)
        else:
            raise marked.error((*at, index), f"found {shown(item)}; allowed: a name, or 'name: default'")
