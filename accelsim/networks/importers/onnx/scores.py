"""The scores inside attention: how many heads make them, how queries are turned, and why the layer can't have them."""

from __future__ import annotations

import math

import numpy as np

from accelsim.networks.importers.onnx.context import Context, Values
from accelsim.networks.importers.onnx.dense import PRODUCTS, Dense
from accelsim.networks.importers.onnx.graph import Graph, Node
from accelsim.networks.importers.onnx.region import run_region
from accelsim.networks.importers.onnx.rotary import Rotation, read_rotation
from accelsim.networks.importers.onnx.stream import Stream

OTHERS = {
    *("Add", "Mul", "Div", "Sub", "Neg", "Sqrt", "Where", "Cast", "CastLike", "IsNaN", "Expand", "Identity", "Dropout"),
    *("Reshape", "Transpose", "Split", "Slice", "Gather", "Squeeze", "Unsqueeze", "Concat", "Shape", "Flatten", "Tile"),
    *("SplitToSequence", "SequenceAt", "Einsum", "RotaryEmbedding"),
}
"""What stands around the products."""
SCORES = {"Softmax", "Attention"}
NO_OUTPUT = "has no product with weights behind it; allowed: one that makes tokens of the width that came in"


class UnlikeError(Exception):
    """Why some nodes are not the layer's attention."""


def heads_of(graph: Graph, stream: Stream, inside: list[Node], dense: list[Dense]) -> tuple[int, int]:
    """Heads of queries, by the number of scores, and of keys, by the rows of weights.

    Raises:
        UnlikeError: they don't come out as the layer has them.
    """
    width = stream.shape[2]
    scores = next(node for node in inside if node.op in SCORES)
    heads, d = _heads_and_channels(graph, stream, scores)
    if heads and d and heads * d != width:
        text = f"has {heads} heads of {d} channels in a width of {width}; allowed: heads of width / heads channels"
        raise UnlikeError(text)
    if all(one.node.index < scores.index for one in dense):
        raise UnlikeError(NO_OUTPUT)
    outputs = [one.outputs(graph) for one in dense]
    found = f"has weights for {outputs} outputs"
    if not heads or width % heads or outputs[-1] != width:
        raise UnlikeError(f"{found} in a width of {width}; allowed: queries, keys, values, and an output of that width")
    if any(one.rows({}, graph).shape[1] != width for one in dense):
        raise UnlikeError(f"has weights for other inputs than its width, {width}; allowed: that width in all of them")
    kv_heads, rest = divmod(sum(outputs[:-1]) - width, 2 * width // heads)
    if rest or not kv_heads or heads % kv_heads:
        text = f"of queries, and {width // heads} for each head of keys and values, a divisor of {heads} of them"
        raise UnlikeError(f"{found}; allowed: {width} {text}")
    return heads, kv_heads


def rotation_of(graph: Graph, stream: Stream, inside: list[Node], replaced: Values, d: int) -> Rotation | None:
    """How queries turn with their position: seen where all tokens are the same.

    Raises:
        UnlikeError: in a way that the layer doesn't.
    """
    name = _queries(graph, stream, next(node for node in inside if node.op in SCORES))
    token = np.random.default_rng(1).standard_normal(stream.shape[2])
    x = np.broadcast_to(token, stream.shape).astype(np.float32)
    found = run_region(graph, graph.between(stream.name, name), {stream.name: x}, [name], replaced) if name else None
    if found is None or found[0].size % d:
        return None
    tokens = stream.shape[1]
    lying = found[0].reshape(*found[0].shape[:-1], -1, d) if found[0].shape[-1] != d else found[0]
    axes = [axis for axis in (-2, -3) if lying.ndim >= -axis and lying.shape[axis] == tokens]
    for axis in axes:
        try:
            return read_rotation(np.moveaxis(lying, axis, -2).reshape(-1, tokens, d))
        except ValueError:
            continue
    if not axes:
        return None
    text = "turns queries by their position in another way than the layer; allowed: all channels of a head, in pairs 2i"
    raise UnlikeError(f"{text} and 2i + 1 or i and i + d/2, by position x base^(-2i / d) with any base")


def check_attention(context: Context, stream: Stream, nodes: list[Node], why: str) -> None:
    """Refuse what is attention for sure: products of ``stream`` that all meet in scores, and in those with values.

    Raises:
        UserError: it is; ``why`` it isn't the layer's, or the node that stands in the way.
    """
    graph = context.graph
    scores = next((node for node in nodes if node.op in SCORES), None)
    if scores is None or not _queries(graph, stream, scores):
        return
    before, inside = graph.between(stream.name, scores.inputs[0]), _attended(graph, stream, nodes, scores)
    dense = [node for node in before if node.op in PRODUCTS and len(graph.flowing(node)) == 1]
    users = [node for node in nodes if stream.name in node.inputs]
    if any(stream.name not in node.inputs for node in dense) or any(
        node.op not in PRODUCTS or node not in inside for node in users
    ):
        return
    foreign = next((node for node in inside if node.op not in OTHERS | PRODUCTS | SCORES), None)
    if foreign is not None:
        text = f"stands between {stream.name!r} and the scores of attention ({scores.name or scores.op})"
        raise context.error(foreign, f"{text}; allowed there: products with weights, rotary embeddings, a mask")
    raise context.error(scores, f"attention {why or NO_OUTPUT}")


def _attended(graph: Graph, stream: Stream, nodes: list[Node], scores: Node) -> list[Node]:
    """What the values that the scores weight are made by."""
    behind = (node for node in nodes if node.index > scores.index and node.op in ("MatMul", "Einsum"))
    product = scores if scores.op == "Attention" else next((n for n in behind if len(graph.flowing(n)) == 2), scores)
    return graph.between(stream.name, product.output)


def _queries(graph: Graph, stream: Stream, scores: Node) -> str:
    """The tensor of queries as the scores' product reads it; empty where there is none."""
    if scores.op == "Attention":
        return scores.inputs[0]
    before = graph.between(stream.name, scores.inputs[0])
    products = [node for node in before if node.op in ("MatMul", "Einsum") and len(graph.flowing(node)) == 2]
    return products[-1].inputs[0] if products else ""


def _heads_and_channels(graph: Graph, stream: Stream, scores: Node) -> tuple[int, int]:
    """From the number of scores and of what queries they are of; zeros where they don't come out even."""
    batch, tokens, _ = stream.shape
    queries = math.prod(graph.shapes.get(_queries(graph, stream, scores), (0,)))
    shape = graph.shapes.get(scores.inputs[0], ())
    if scores.op == "Attention":
        heads, rest = int(scores.attributes.get("q_num_heads", shape[1] if len(shape) == 4 else 0)), 0
    else:
        heads, rest = divmod(math.prod(shape), batch * tokens * tokens)
    return (0, 0) if rest or not heads else (heads, queries // (batch * tokens * heads))
