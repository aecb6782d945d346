"""A model's graph: nodes in order, constants, shapes, and the questions that its structure is found by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from accelsim.errors import UserError

DEFAULT_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, eq=False)
class Node:
    """One operation; an input or output that is left out has an empty name."""

    index: int
    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    proto: Any

    @property
    def output(self) -> str:
        return self.outputs[0]

    def input(self, place: int) -> str:
        """The name of an input; empty where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else ""

    def error(self, source: str, text: str) -> UserError:
        """A fault of this node."""
        called = f"node {self.name!r}" if self.name else f"node {self.index + 1} (without a name)"
        return UserError(f"{source}: {called} ({self.op}): {text}")


@dataclass(eq=False)
class Graph:
    """Nodes that are not folded away, in an order in which they can run; ``source`` stands in messages."""

    source: str
    opset: int
    nodes: list[Node]
    constants: dict[str, NDArray[Any]]
    shapes: dict[str, tuple[int, ...]]
    kinds: dict[str, str]
    """Element type of every tensor, as NumPy calls it."""
    input: str
    output: str
    origins: dict[str, str] = field(default_factory=dict)
    """The initialiser that a constant is, or was worked out from alone."""
    producers: dict[str, Node] = field(default_factory=dict)
    users: dict[str, list[Node]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.nodes:
            for name in filter(None, node.outputs):
                self.producers[name] = node
            for name in dict.fromkeys(self.flowing(node)):
                self.users.setdefault(name, []).append(node)

    def flowing(self, node: Node) -> list[str]:
        """Inputs that depend on the network's input."""
        return [name for name in node.inputs if name and name not in self.constants]

    def constant(self, node: Node, place: int) -> NDArray[Any] | None:
        """Value of an input; None where it is left out.

        Raises:
            UserError: it depends on the network's input.
        """
        name = node.input(place)
        if not name:
            return None
        if name not in self.constants:
            raise node.error(self.source, f"input {name!r} is no constant, which is not supported")
        return self.constants[name]

    def shape(self, name: str, node: Node) -> tuple[int, ...]:
        """Shape of a tensor, the batch first.

        Raises:
            UserError: it could not be worked out.
        """
        if name not in self.shapes:
            raise node.error(self.source, f"the shape of {name!r} can't be worked out; export with fixed sizes")
        return self.shapes[name]

    def between(self, start: str, end: str) -> list[Node]:
        """The nodes that ``end`` needs, back to ``start``; those that need other inputs are found by ``outside``."""
        wanted, found = [end], set[int]()
        while wanted:
            name = wanted.pop()
            node = None if name == start else self.producers.get(name)
            if node is not None and node.index not in found:
                found.add(node.index)
                wanted += self.flowing(node)
        return [node for node in self.nodes if node.index in found]

    def outside(self, start: str, nodes: Iterable[Node]) -> tuple[Node, str] | None:
        """A node, and an input of it that comes neither from ``start`` nor from ``nodes``."""
        made = {start}
        for node in nodes:
            for name in self.flowing(node):
                if name not in made:
                    return node, name
            made.update(node.outputs)
        return None

    def necks(self, start: str, nodes: list[Node]) -> Iterator[str]:
        """Tensors that everything between ``start`` and the end of ``nodes`` passes through, in order."""
        left = dict.fromkeys((start, *(output for node in nodes for output in node.outputs)), 0)
        for node in nodes:
            for name in set(self.flowing(node)):
                left[name] = left.get(name, 0) + 1
        live = {start}
        for node in nodes:
            for name in set(self.flowing(node)):
                left[name] -= 1
                if not left[name]:
                    live.discard(name)
            # An output that nobody reads is the last one.
            live.update(name for name in node.outputs if name and (left[name] or name == nodes[-1].output))
            if live == {node.output}:
                yield node.output
