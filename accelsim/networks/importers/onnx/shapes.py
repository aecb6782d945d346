"""Nodes that move no number here: other shapes, other orders of axes, and tokens taken out of sequences."""

from __future__ import annotations

import math

from accelsim.networks.importers.onnx.context import Context, Step, reads
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.stream import Stream


@reads("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(context: Context, node: Node, stream: Stream) -> Step:
    """Flattening, patches as tokens, and axes of one element that come or go."""
    shape = context.graph.shape(node.output, node)
    if not shape or shape[0] != stream.shape[0] or stream.axes[0] != 0:
        raise _refused(context, node, stream, shape, "it mixes the batch with other axes")
    if shape == stream.shape:
        return Step([], stream.named(node.output))
    if _without_ones(shape) == _without_ones(stream.shape) and stream.rank == 2:
        return Step([], Stream(node.output, shape, (0, _widest(shape)), stream.order))
    if shape[1:] == (math.prod(stream.shape[1:]),):
        order = stream.flat_order() if stream.order is None else stream.order
        layers = [context.plain("flatten")] if stream.rank > 2 else []
        return Step(layers, Stream(node.output, shape, (0, 1), order))
    if stream.rank == 4 and len(shape) == 3:
        return _as_tokens(context, node, stream, shape)
    raise _refused(context, node, stream, shape, "supported: flattening, and an image's height and width as one axis")


@reads("Transpose")
def transpose(context: Context, node: Node, stream: Stream) -> Step:
    """Another order of axes in ONNX; here they stay as they are."""
    backwards = tuple(range(len(stream.shape)))[::-1]
    permutation = tuple(node.attributes.get("perm", backwards))
    if sorted(permutation) != sorted(backwards):
        raise context.error(node, f"perm: found {list(permutation)} for {len(stream.shape)} axes")
    return Step([], stream.transposed(node.output, permutation))


def select_token(context: Context, node: Node, stream: Stream) -> Step:
    """One token of every sequence."""
    index = context.graph.constant(node, 1)
    axis = node.attributes.get("axis", 0) % len(stream.shape)
    if stream.rank != 3 or axis != stream.axes[1] or index is None or index.ndim:
        raise context.error(node, "supported: rows of an embedding by token ids, and one token of every sequence")
    position = int(index) % stream.shape[axis]
    axes = tuple(place - (place > axis) for place in (stream.axes[0], stream.axes[2]))
    fields = {"position": position} if position else {}
    layer = context.plain("select_token", **fields)
    return Step([layer], Stream(node.output, context.graph.shape(node.output, node), axes))


def _as_tokens(context: Context, node: Node, stream: Stream, shape: tuple[int, ...]) -> Step:
    """(batch, C, H, W) to (batch, C, H W), or the same with the channels last."""
    batch, height, width, channels = (stream.shape[axis] for axis in stream.axes)
    first, last = (batch, channels, height * width), (batch, height * width, channels)
    if shape == first and stream.axes == (0, 2, 3, 1):
        return Step([context.plain("tokens")], Stream(node.output, shape, (0, 2, 1)))
    if shape == last and stream.axes == (0, 1, 2, 3):
        return Step([context.plain("tokens")], Stream(node.output, shape, (0, 1, 2)))
    raise _refused(context, node, stream, shape, "supported: flattening, and an image's height and width as one axis")


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape[1:] if size != 1]


def _widest(shape: tuple[int, ...]) -> int:
    """The axis of features: the only one after the batch with more than one element, or the first."""
    return next((axis for axis, size in enumerate(shape) if axis and size != 1), 1)


def _refused(context: Context, node: Node, stream: Stream, shape: tuple[int, ...], why: str) -> Exception:
    return context.error(node, f"makes {list(shape)} of {stream.name!r} with shape {list(stream.shape)}; {why}")
