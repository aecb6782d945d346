"""The products with constant weights inside attention: queries, keys, values and the output, packed or one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.networks.importers.onnx.context import Values
from accelsim.networks.importers.onnx.graph import Graph, Node

PRODUCTS = {"MatMul", "Gemm"}
Affine = tuple[NDArray[Any], NDArray[Any]]
"""Weight (outputs, inputs) and bias."""


@dataclass(eq=False)
class Dense:
    """A product with a constant weight, as (outputs, inputs), and its bias."""

    node: Node
    weight: str
    turned: bool
    bias: str = ""

    def rows(self, values: Values, graph: Graph) -> NDArray[Any]:
        """Its weight, from ``values`` where they have it."""
        array = values.get(self.weight, graph.constants[self.weight])
        return array if self.turned else array.T

    def outputs(self, graph: Graph) -> int:
        """How many numbers it makes of a token."""
        return len(self.rows({}, graph))


def dense_products(graph: Graph, inside: list[Node]) -> list[Dense]:
    """Products with constant weights, with the constant row that is added next; none where one is odd."""
    result = []
    for node in inside:
        if node.op not in PRODUCTS or node.input(1) not in graph.constants:
            continue
        turned = bool(node.attributes.get("transB", 0))
        plain = all(node.attributes.get(name, 1.0) == 1.0 for name in ("alpha", "beta"))
        if graph.constants[node.input(1)].ndim != 2 or not plain or node.attributes.get("transA", 0):
            return []
        one = Dense(node, node.input(1), turned, node.input(2))
        result.append(one if one.bias else _with_added_row(graph, one, inside))
    return result


def random_values(graph: Graph, dense: Sequence[Dense], random: np.random.Generator, width: int) -> Values:
    """Random numbers in place of the weights and biases, such that products of random numbers stay about as large."""
    return {
        name: (random.standard_normal(graph.constants[name].shape) / np.sqrt(width)).astype(np.float32)
        for one in dense
        for name in filter(None, (one.weight, one.bias))
    }


def split_parts(
    graph: Graph, dense: Sequence[Dense], values: Values, order: tuple[int, ...], sizes: tuple[int, int, int]
) -> list[Affine]:
    """Queries, keys, values of these sizes, and the output, where the first three stand in ``order``."""
    weights, biases = (np.concatenate(arrays) for arrays in zip(*_stacked(graph, dense[:-1], values), strict=True))
    places = sorted(range(3), key=lambda part: order[part])
    ends = np.cumsum([sizes[part] for part in places])
    cut = {part: slice(end - sizes[part], end) for part, end in zip(places, ends, strict=True)}
    output = next(_stacked(graph, dense[-1:], values))
    return [*((weights[cut[part]], biases[cut[part]]) for part in range(3)), output]


def _with_added_row(graph: Graph, one: Dense, inside: list[Node]) -> Dense:
    users = [node for node in graph.users.get(one.node.output, []) if node in inside]
    if len(users) == 1 and users[0].op == "Add":
        row = next((name for name in users[0].inputs if name in graph.constants), "")
        if row and graph.constants[row].shape == (one.outputs(graph),):
            one.bias = row
    return one


def _stacked(graph: Graph, dense: Sequence[Dense], values: Values) -> Iterator[Affine]:
    for one in dense:
        rows = one.rows(values, graph)
        bias = values.get(one.bias, graph.constants.get(one.bias))
        yield rows, np.zeros(len(rows), np.float32) if bias is None else bias.reshape(-1)
