"""What goes into sequences: embeddings of token ids, a learned token in front, a learned offset for each place."""

from __future__ import annotations

import numpy as np

from accelsim.networks.importers.onnx.context import Context, Step, reads
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.shapes import select_token
from accelsim.networks.importers.onnx.stream import Stream


@reads("Gather")
def gather(context: Context, node: Node, stream: Stream) -> Step:
    """Rows of a constant table by token ids, or one token of every sequence."""
    table = context.graph.constants.get(node.input(0))
    if table is None:
        return select_token(context, node, stream)
    ids = context.graph.kinds.get(stream.name, "").startswith("int") and stream.rank == 2
    if not ids or table.ndim != 2 or node.attributes.get("axis", 0) % 2:
        raise context.error(node, "supported: rows of a table by token ids, and one token of every sequence")
    vocabulary, width = table.shape
    layer = context.layer(node, "embedding", {"vocabulary": vocabulary, "width": width}, {"weight": table})
    return Step([layer], Stream(node.output, (*stream.shape, width), (0, 1, 2)))


@reads("Concat")
def class_token(context: Context, node: Node, stream: Stream) -> Step:
    """The same constant token in front of every sequence."""
    token = context.graph.constants.get(node.input(0))
    axis = node.attributes["axis"] % len(stream.shape)
    fits = len(node.inputs) == 2 and stream.rank == 3 and stream.lies_alike and axis == 1
    if not fits or token is None or token.shape[1:] != (1, stream.shape[2]) or np.ptp(token, axis=0).any():
        raise context.error(node, "supported: one learned token in front of a sequence (class_token)")
    shape = (stream.shape[0], stream.shape[1] + 1, stream.shape[2])
    return Step(
        [context.layer(node, "class_token", {}, {"weight": token[0, 0]}, context.graph.origins.get(node.input(0), ""))],
        Stream(node.output, shape, (0, 1, 2)),
    )


@reads("Add")
def positional_embedding(context: Context, node: Node, stream: Stream) -> Step:
    """A constant for each place and channel of a sequence."""
    name = next(name for name in node.inputs if name in context.graph.constants)
    offset, places = context.graph.constants[name], stream.shape[1:]
    fits = stream.rank == 3 and stream.lies_alike and offset.shape[-2:] == places and offset.size == np.prod(places)
    if not fits:
        text = f"adds the constant {name!r} of shape {list(offset.shape)} to shape {list(stream.shape)}"
        raise context.error(node, f"{text}; supported: biases of products, and an offset for each place of a sequence")
    called = context.graph.origins.get(name, "").removesuffix(".weight")
    layer = context.layer(node, "positional_embedding", {}, {"weight": offset.reshape(places)}, called)
    return Step([layer], stream.named(node.output))
