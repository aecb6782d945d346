"""Convolutions and matrix products: layers with weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.layers import Layer
from accelsim.networks.importers.onnx.context import Context, Step, Values, reads
from accelsim.networks.importers.onnx.graph import Node
from accelsim.networks.importers.onnx.stream import Stream
from accelsim.networks.importers.onnx.windows import window_fields


@reads("Conv")
def convolution(context: Context, node: Node, stream: Stream) -> Step:
    """Weights (filters, channels / groups, rows, columns) become (filters, rows, columns, channels / groups)."""
    weight = _weight(context, node)
    fields: dict[str, Any] = window_fields(context, node, stream, weight.shape[2:])
    said = tuple(node.attributes.get("kernel_shape", weight.shape[2:]))
    if said != weight.shape[2:]:
        raise context.error(node, f"kernel_shape: found {list(said)}, but its weight has {list(weight.shape[2:])}")
    groups = node.attributes.get("group", 1)
    if weight.shape[1] * groups != stream.shape[1]:
        found = f"weights for {weight.shape[1] * groups} channels"
        raise context.error(node, f"has {found}, but its input {stream.name!r} has {stream.shape[1]}")
    if groups > 1:
        fields["groups"] = groups
    layer = _affine(
        context,
        node,
        "conv2d",
        fields | {"filters": weight.shape[0]},
        weight.transpose(0, 2, 3, 1),
        _bias(context, node),
    )
    return Step([layer], stream.named(node.output, context.graph.shape(node.output, node)))


@reads("Gemm")
def gemm(context: Context, node: Node, stream: Stream) -> Step:
    """alpha x B + beta C; the weight takes on the order that features have here."""
    context.expect(node, stream, 2)
    if node.attributes.get("transA", 0):
        raise context.error(node, "transA: found 1; allowed: 0, for the batch comes first")
    weight = _weight(context, node) * np.float32(node.attributes.get("alpha", 1.0))
    bias = _bias(context, node)
    if bias is not None:
        bias = bias * np.float32(node.attributes.get("beta", 1.0))
    rows = weight if node.attributes.get("transB", 0) else weight.T
    return Step([_linear(context, node, stream, rows, bias)], _rows_after(context, node, stream, node.output))


@reads("MatMul")
def matrix_product(context: Context, node: Node, stream: Stream) -> Step:
    """x B with a constant B; a constant row that is added next is the layer's bias."""
    if node.input(0) in context.graph.constants:
        raise context.error(node, "has a constant on its left; supported: a constant weight on its right")
    rows = _weight(context, node).T
    bias, output = _added(context, node, len(rows))
    if stream.rank == 4 and stream.lies_alike:
        fields = {"filters": len(rows), "kernel": 1}
        layer = _affine(context, node, "conv2d", fields, rows[:, None, None, :], bias)
        return Step([layer], stream.named(output, context.graph.shape(output, node)))
    context.expect(node, stream, 2, 3)
    if not stream.channels_last:
        raise context.error(node, f"multiplies another axis of {stream.name!r} than the last one here")
    return Step([_linear(context, node, stream, rows, bias)], _rows_after(context, node, stream, output))


def _linear(context: Context, node: Node, stream: Stream, rows: NDArray[Any], bias: NDArray[Any] | None) -> Layer:
    if rows.shape[1] != stream.shape[stream.axes[-1]]:
        found = stream.shape[stream.axes[-1]]
        raise context.error(node, f"has weights for {rows.shape[1]} features, but {stream.name!r} has {found}")
    ordered = rows if stream.order is None else rows[:, stream.order]
    return _affine(context, node, "linear", {"units": len(rows)}, ordered, bias)


def _rows_after(context: Context, node: Node, stream: Stream, output: str) -> Stream:
    return Stream(output, context.graph.shape(output, node), stream.axes)


def _affine(
    context: Context, node: Node, kind: str, fields: dict[str, Any], weight: NDArray[Any], bias: NDArray[Any] | None
) -> Layer:
    values: Values = {"weight": weight}
    if bias is None:
        fields = fields | {"bias": False}
    else:
        if bias.size not in (1, len(weight)):
            raise context.error(node, f"has a bias of {bias.size} values for {len(weight)} outputs")
        values["bias"] = np.broadcast_to(bias.reshape(-1), weight.shape[:1])
    return context.layer(node, kind, fields, values)


def _weight(context: Context, node: Node) -> NDArray[Any]:
    weight = context.graph.constant(node, 1)
    if weight is None:
        raise context.error(node, "has no weight")
    if node.op != "Conv" and weight.ndim != 2:
        raise context.error(node, f"its weight {node.input(1)!r} has shape {list(weight.shape)}; allowed: two axes")
    return weight


def _bias(context: Context, node: Node) -> NDArray[Any] | None:
    """The third input; zeros that an exporter worked out stand for none."""
    bias = context.graph.constant(node, 2)
    if bias is not None and node.input(2) not in context.graph.origins and not bias.any():
        return None
    return bias


def _added(context: Context, node: Node, size: int) -> tuple[NDArray[Any] | None, str]:
    """The constant row that the only user of a product adds to it, and the tensor after that."""
    after = context.after(node)
    if after is None or after.op != "Add":
        return None, node.output
    other = next((name for name in after.inputs if name != node.output), "")
    row = context.graph.constants.get(other)
    if row is None or row.size != size or row.shape[-1:] != (size,):
        return None, node.output
    return row, after.output
