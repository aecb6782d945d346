"""Pooling, and means over all positions."""

from __future__ import annotations

from typing import Any

from accelsim.networks.importers.onnx.context import Context, Step, reads
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.stream import Stream
from accelsim.networks.importers.onnx.windows import window_fields


@reads("MaxPool")
def max_pool(context: Context, node: Node, stream: Stream) -> Step:
    """Largest value of each window."""
    return _pool(context, node, stream, "max_pool2d")


@reads("AveragePool")
def average_pool(context: Context, node: Node, stream: Stream) -> Step:
    """Mean of each window; the border counts as zeros."""
    step = _pool(context, node, stream, "average_pool2d")
    padded = any(node.attributes.get("pads", ())) or node.attributes.get("auto_pad", b"NOTSET").startswith(b"SAME")
    if padded and not node.attributes.get("count_include_pad", 0):
        raise context.error(node, "leaves the border out of its means; allowed: count_include_pad 1, or no padding")
    return step


@reads("GlobalAveragePool")
def global_average_pool(context: Context, node: Node, stream: Stream) -> Step:
    """Mean over all positions; the two axes of one element that ONNX keeps are not there."""
    context.expect(node, stream, 4)
    return _mean_of_positions(context, node, stream)


@reads("ReduceMean")
def reduce_mean(context: Context, node: Node, stream: Stream) -> Step:
    """The mean over all positions of images, or over the tokens of sequences."""
    given = context.graph.constant(node, 1)
    axes = node.attributes.get("axes", ()) if given is None else given.reshape(-1).tolist()
    reduced = {axis % len(stream.shape) for axis in axes}
    if stream.rank == 2 or reduced != set(stream.axes[1:-1]):
        raise context.error(node, f"takes the mean over the axes {sorted(reduced)}; allowed: all positions, or tokens")
    return _mean_of_positions(context, node, stream)


def _mean_of_positions(context: Context, node: Node, stream: Stream) -> Step:
    layer = context.plain("global_average_pool" if stream.rank == 4 else "mean_token")
    shape = context.graph.shape(node.output, node)
    kept = len(shape) == len(stream.shape)
    return Step([layer], Stream(node.output, shape, (0, stream.axes[-1] if kept else 1)))


def _pool(context: Context, node: Node, stream: Stream, kind: str) -> Step:
    kernel = tuple(node.attributes["kernel_shape"])
    fields: dict[str, Any] = window_fields(context, node, stream, kernel)
    shape = context.graph.shape(node.output, node)
    if any(context.graph.users.get(name) for name in node.outputs[1:]):
        raise context.error(node, "its second output, the places of the maxima, is used; only the maxima are supported")
    layer = context.plain(kind, **{name: value for name, value in fields.items() if name != "padding" or value})
    _check_size(context, node, stream, layer, shape)
    return Step([layer], stream.named(node.output, shape))


def _check_size(context: Context, node: Node, stream: Stream, layer: Any, shape: tuple[int, ...]) -> None:
    """Refuse windows that reach over the edge, which ceil_mode makes."""
    height, width = stream.shape[2:]
    try:
        found = layer.window.output_size(height, width)
    except ValueError as error:
        raise context.error(node, str(error)) from error
    if found != shape[2:]:
        text = f"ceil_mode makes {list(shape[2:])} outputs of {list(found)} whole windows; allowed: ceil_mode 0"
        raise context.error(node, text)
