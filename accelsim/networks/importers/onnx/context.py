"""What the handlers of nodes share: the graph, the names of layers, and the values of their parameters."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError
from accelsim.layers import LAYERS, Layer
from accelsim.networks.importers.onnx.graph import Graph, Node
from accelsim.networks.importers.onnx.stream import Stream

Values = dict[str, NDArray[Any]]


class Step(NamedTuple):
    """Layers that stand for some nodes, and the tensor after them."""

    layers: list[Layer]
    stream: Stream


@dataclass(eq=False)
class Context:
    """A graph on its way to layers; ``values`` are those of parameters, by the names that layers give them."""

    graph: Graph
    values: Values = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    """What was changed or left out, for people to read."""

    def error(self, node: Node, text: str) -> UserError:
        """A fault of ``node``."""
        return node.error(self.graph.source, text)

    def layer(self, node: Node, kind: str, fields: dict[str, Any], values: Values, called: str = "") -> Layer:
        """A layer with parameters, under the name that the model has for it, or ``called``."""
        infinite = next((part for part, value in values.items() if not np.isfinite(value).all()), "")
        if infinite:
            raise self.error(node, f"its {infinite} holds values that are not finite")
        name = self._unique(_plain(called, node) if called else _called(node, self.graph))
        self.values |= {f"{name}.{part}": np.ascontiguousarray(value, np.float32) for part, value in values.items()}
        return self.plain(kind, name=name, **fields)

    def plain(self, kind: str, **fields: Any) -> Layer:
        """A layer of ``kind``, checked as one of a file is."""
        return LAYERS[kind].model_validate(fields)

    def expect(self, node: Node, stream: Stream, *ranks: int) -> None:
        """Refuse an input that isn't laid out as one of ``ranks``."""
        if stream.rank not in ranks:
            words = {2: "rows of features", 3: "sequences", 4: "images"}
            wanted = " or ".join(words[rank] for rank in ranks)
            text = f"takes {wanted} here, but its input {stream.name!r} has shape {list(stream.shape)}"
            raise self.error(node, text)

    def after(self, node: Node) -> Node | None:
        """The only user of a node's output; None where there are several, or the network ends."""
        users = self.graph.users.get(node.output, [])
        return users[0] if len(users) == 1 and node.output != self.graph.output else None

    def _unique(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self.names:
            name, number = f"{wanted}_{number}", number + 1
        self.names.add(name)
        return name


Handler = Callable[[Context, Node, Stream], Step]
HANDLERS: dict[str, Handler] = {}
"""What reads a node, by its operator."""


def reads(*operators: str) -> Callable[[Handler], Handler]:
    """Make a function the one that reads nodes of these operators."""

    def enter(handler: Handler) -> Handler:
        for operator in operators:
            HANDLERS[operator] = handler
        return handler

    return enter


_WEIGHT = re.compile(r"[\w.]+\.weight")


def _called(node: Node, graph: Graph) -> str:
    """The module that a node comes from, by its weight or by PyTorch's path of scopes; else its own name."""
    stored = [name for given in node.inputs if _WEIGHT.fullmatch(name := graph.origins.get(given, ""))]
    if stored:
        return _plain(stored[0].removesuffix(".weight"), node)
    scopes = [part for part in node.name.split("/") if part]
    if len(scopes) < 2:
        return _plain(node.name, node)
    inner = [scope for scope, below in pairwise(scopes) if not below.startswith(f"{scope}.")]
    return _plain(".".join(inner), node)


def _plain(name: str, node: Node) -> str:
    """A name that no layer without a name of its own, and no other table, has."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("._-")[:100] or f"node{node.index + 1}"
    taken = plain == "loss" or re.fullmatch(rf"({'|'.join(LAYERS)})\d+", plain)
    return f"{plain}_" if taken else plain
