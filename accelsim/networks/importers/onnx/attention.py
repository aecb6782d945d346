"""Multi-head attention, however an exporter writes it: found by its products and its softmax, proven by its values.

The nodes between two tensors are run on random numbers, with random weights in place of theirs, and compared with
softmax(Q K^T / sqrt(d)) V. So it doesn't matter how heads are told apart, where the scale is applied, or in which order
queries, keys and values lie in a packed weight.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.networks.importers.onnx.context import Context, Step, Values
from accelsim.networks.importers.onnx.graph import Graph, Node
from accelsim.networks.importers.onnx.region import run_region
from accelsim.networks.importers.onnx.stream import Stream

OTHERS = {
    *("Add", "Mul", "Div", "Sub", "Sqrt", "Where", "Cast", "IsNaN", "Expand", "Identity", "Dropout", "Einsum"),
    *("Reshape", "Transpose", "Split", "Slice", "Gather", "Squeeze", "Unsqueeze", "Concat", "Shape", "Flatten"),
    *("SplitToSequence", "SequenceAt"),
}
"""What stands around the products."""
PRODUCTS, SCORES = {"MatMul", "Gemm"}, {"Softmax", "Attention"}
LARGEST_NECKS = 24
TOLERANCE = 1e-3
PARTS = ("query", "key", "value")


@dataclass(eq=False)
class _Dense:
    """A product with a constant weight, as (outputs, inputs), and its bias."""

    node: Node
    weight: str
    turned: bool
    bias: str = ""

    def rows(self, values: Values, graph: Graph) -> NDArray[Any]:
        array = values.get(self.weight, graph.constants[self.weight])
        return array if self.turned else array.T


def find_attention(context: Context, stream: Stream, nodes: list[Node]) -> Step | None:
    """The attention that starts at ``stream``, its products included, if one does."""
    graph = context.graph
    if stream.rank != 3 or not stream.lies_alike:
        return None
    candidates = []
    for neck in islice(graph.necks(stream.name, nodes), LARGEST_NECKS):
        inside = graph.between(stream.name, neck)
        ops = [node.op for node in inside]
        if not set(ops) <= OTHERS | PRODUCTS | SCORES or sum(op in SCORES for op in ops) > 1:
            break
        if any(op in SCORES for op in ops) and graph.shapes.get(neck) == stream.shape:
            candidates.append((neck, inside))
    for neck, inside in reversed(candidates):
        step = _proven(context, stream, neck, inside)
        if step:
            return step
    return None


def _proven(context: Context, stream: Stream, neck: str, inside: list[Node]) -> Step | None:
    graph, width = context.graph, stream.shape[2]
    dense = _dense_products(graph, inside)
    if not dense or sum(len(one.rows({}, graph)) for one in dense) != 4 * width:
        return None
    heads = _heads(graph, stream, inside)
    random = np.random.default_rng(0)
    x = random.standard_normal(stream.shape).astype(np.float32)
    replaced = {
        name: (random.standard_normal(graph.constants[name].shape) / math.sqrt(width)).astype(np.float32)
        for one in dense
        for name in filter(None, (one.weight, one.bias))
    }
    found = run_region(graph, inside, {stream.name: x}, [neck], replaced)
    if found is None or not heads:
        return None
    for order, causal in product(permutations(range(3)), (False, True)):
        if np.abs(found[0] - _attention(x, _parts(graph, dense, replaced, order), heads, causal)).max() < TOLERANCE:
            return _step(context, stream.named(neck), dense, order, heads, causal)
    return None


def _step(
    context: Context, stream: Stream, dense: list[_Dense], order: tuple[int, ...], heads: int, causal: bool
) -> Step:
    fields: dict[str, Any] = {"heads": heads} | ({"causal": True} if causal else {})
    values: Values = {}
    for part, (weight, bias) in zip((*PARTS, "output"), _parts(context.graph, dense, {}, order), strict=True):
        values |= {f"{part}.weight": weight, f"{part}.bias": bias}
    if not any(one.bias for one in dense):
        fields["bias"] = False
        values = {name: value for name, value in values.items() if not name.endswith(".bias")}
    module = context.graph.origins.get(dense[-1].weight, "").removesuffix(".weight").rpartition(".")[0]
    return Step([context.layer(dense[-1].node, "multi_head_attention", fields, values, module)], stream)


def _dense_products(graph: Graph, inside: list[Node]) -> list[_Dense]:
    """Products with constant weights, with the constant row that is added next; none where one is odd."""
    result = []
    for node in inside:
        if node.op not in PRODUCTS or node.input(1) not in graph.constants:
            continue
        turned = bool(node.attributes.get("transB", 0))
        plain = all(node.attributes.get(name, 1.0) == 1.0 for name in ("alpha", "beta"))
        if graph.constants[node.input(1)].ndim != 2 or not plain or node.attributes.get("transA", 0):
            return []
        one = _Dense(node, node.input(1), turned, node.input(2))
        result.append(one if one.bias else _with_added_row(graph, one, inside))
    return result


def _with_added_row(graph: Graph, one: _Dense, inside: list[Node]) -> _Dense:
    users = [node for node in graph.users.get(one.node.output, []) if node in inside]
    if len(users) == 1 and users[0].op == "Add":
        row = next((name for name in users[0].inputs if name in graph.constants), "")
        if row and graph.constants[row].shape == (len(one.rows({}, graph)),):
            one.bias = row
    return one


def _heads(graph: Graph, stream: Stream, inside: list[Node]) -> int:
    """From the number of scores; none where it doesn't come out even."""
    batch, tokens, width = stream.shape
    node = next(node for node in inside if node.op in SCORES)
    shape = graph.shapes.get(node.inputs[0], ())
    if node.op == "Attention":
        return int(node.attributes.get("q_num_heads", shape[1] if len(shape) == 4 else 0))
    heads, rest = divmod(math.prod(shape), batch * tokens * tokens)
    return 0 if rest or not heads or width % heads else heads


def _parts(
    graph: Graph, dense: list[_Dense], values: Values, order: tuple[int, ...]
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Weight and bias of queries, keys, values and the output, where the first three stand in ``order``."""
    stacked = list(_stacked(graph, dense[:-1], values))
    weights, biases = (np.split(np.concatenate(arrays), 3) for arrays in zip(*stacked, strict=True))
    output = next(_stacked(graph, dense[-1:], values))
    return [*((weights[place], biases[place]) for place in order), output]


def _stacked(graph: Graph, dense: list[_Dense], values: Values) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    for one in dense:
        rows = one.rows(values, graph)
        bias = values.get(one.bias, graph.constants.get(one.bias))
        yield rows, np.zeros(len(rows), np.float32) if bias is None else bias.reshape(-1)


def _attention(
    x: NDArray[Any], parts: list[tuple[NDArray[Any], NDArray[Any]]], heads: int, causal: bool
) -> NDArray[Any]:
    batch, tokens, width = x.shape
    q, k, v = (
        (x @ weight.T + bias).reshape(batch, tokens, heads, -1).transpose(0, 2, 1, 3) for weight, bias in parts[:3]
    )
    scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(width // heads)
    if causal:
        scores = np.where(np.tri(tokens, dtype=bool), scores, -np.inf)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    context = (shares @ v).transpose(0, 2, 1, 3).reshape(batch, tokens, width)
    weight, bias = parts[3]
    result: NDArray[Any] = context @ weight.T + bias
    return result
