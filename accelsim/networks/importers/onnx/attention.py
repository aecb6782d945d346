"""Multi-head attention, however an exporter writes it: found by its products and its softmax, proven by its values.

The nodes between two tensors are run on random numbers, with random weights in place of theirs, and compared with the
layer's definition. So it doesn't matter how heads are told apart, where the scale is applied, in which order queries,
keys and values lie in a packed weight, how keys are handed to the heads that share them, or how pairs are turned.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.networks.importers.onnx.attention_form import Form
from accelsim.networks.importers.onnx.context import Context, Step, Values
from accelsim.networks.importers.onnx.dense import PRODUCTS, Dense, dense_products, random_values, split_parts
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.region import run_region
from accelsim.networks.importers.onnx.rotary import Rotation
from accelsim.networks.importers.onnx.scores import OTHERS, SCORES, UnlikeError, check_attention, heads_of, rotation_of
from accelsim.networks.importers.onnx.stream import Stream

LARGEST_NECKS = 24
TOLERANCE = 1e-3
FEW, AT_ONCE = 4, 512
"""Tokens that forms are told apart on, before all are compared, in groups that bound the scores in memory."""
PARTS = ("query", "key", "value")


def find_attention(context: Context, stream: Stream, nodes: list[Node]) -> Step | None:
    """The attention that starts at ``stream``, its products included, if one does.

    Raises:
        UserError: one does, but the layer is no such attention.
    """
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
    why = ""
    for neck, inside in reversed(candidates):
        try:
            return _proven(context, stream, neck, inside)
        except UnlikeError as unlike:
            # In the end that of the first tensor behind an output product.
            why = str(unlike) if not why or _has_output(context, inside) else why
    check_attention(context, stream, nodes, why)
    return None


def _has_output(context: Context, inside: list[Node]) -> bool:
    scores = next(node for node in inside if node.op in SCORES)
    return any(one.node.index > scores.index for one in dense_products(context.graph, inside))


def _proven(context: Context, stream: Stream, neck: str, inside: list[Node]) -> Step:
    graph, width = context.graph, stream.shape[2]
    dense = dense_products(graph, inside)
    heads, kv_heads = heads_of(graph, stream, inside, dense)
    random = np.random.default_rng(0)
    replaced = random_values(graph, dense, random, width)
    rotation = rotation_of(graph, stream, inside, replaced, width // heads)
    x = random.standard_normal(stream.shape).astype(np.float32)
    found = run_region(graph, inside, {stream.name: x}, [neck], replaced)
    sizes = (width, width // heads * kv_heads, width // heads * kv_heads)
    if found is not None and found[0].shape == stream.shape:
        for order, form in _forms(heads, kv_heads, rotation):
            parts = form.in_order(split_parts(graph, dense, replaced, order, sizes))
            if _equal(found[0], x, parts, form):
                values = form.in_order(split_parts(graph, dense, {}, order, sizes))
                return _step(context, stream.named(neck), dense, values, form)
    text = "softmax(Q K^T / sqrt(d)) V of heads with d = width / heads channels, of all tokens or causal"
    raise UnlikeError(
        f"computes other values than the layer; allowed: {text}, head h with keys h // (heads / kv_heads)"
    )


def _forms(heads: int, kv_heads: int, rotation: Rotation | None) -> Iterator[tuple[tuple[int, ...], Form]]:
    for order, causal in product(permutations(range(3)), (False, True)):
        yield order, Form(heads, kv_heads, causal, rotation)


def _equal(found: NDArray[Any], x: NDArray[Any], parts: list[Any], form: Form) -> bool:
    tokens = x.shape[1]
    few = np.unique(np.linspace(0, tokens - 1, FEW).astype(int))
    groups = (few, *np.split(np.arange(tokens), range(AT_ONCE, tokens, AT_ONCE)))
    return all(np.abs(found[:, some] - form.attend(x, parts, some)).max() < TOLERANCE for some in groups)


def _step(context: Context, stream: Stream, dense: list[Dense], parts: list[Any], form: Form) -> Step:
    fields, values = form.fields, Values()
    for part, (weight, bias) in zip((*PARTS, "output"), parts, strict=True):
        values |= {f"{part}.weight": weight, f"{part}.bias": bias}
    if not any(one.bias for one in dense):
        fields["bias"] = False
        values = {name: value for name, value in values.items() if not name.endswith(".bias")}
    if form.rotation is not None and form.rotation.halves:
        _note_order(context)
    module = context.graph.origins.get(dense[-1].weight, "").removesuffix(".weight").rpartition(".")[0]
    return Step([context.layer(dense[-1].node, "multi_head_attention", fields, values, module)], stream)


def _note_order(context: Context) -> None:
    note = "rows of queries and keys are put in another order, i and i + d/2 of a head as 2i and 2i + 1, the pairs here"
    if note not in context.notes:
        context.notes.append(note)
