"""MAC array: exact products, a bias on the accumulators' scale, wrap to the accumulator's width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelsim.datapath.context import Context
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.units.in_order import in_order
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.scales import multiplied_out
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


@executes("matmul", "conv2d")
@in_order
def forward(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """x by w, and the bias in the accumulators, which hold it on their own scale."""
    x, w, *bias = inputs
    carrier = Carrier.of(x.format, w.format)
    if op.opcode == "matmul":
        y = c.kernels.matmul(x.data, w.data.T, carrier)
    else:
        convolve = c.kernels.grouped_conv2d if "groups" in op.attributes else c.kernels.conv2d
        y = convolve(x.data, w.data, op.attributes["stride"], op.attributes["padding"], carrier)
    if bias and outputs[0].format.is_integer:
        y = y.astype("int64") + bias[0].data
    total = accumulated(c, y, x, w, outputs[0])
    if bias and not outputs[0].format.is_integer:
        total = Value(total.data + bias[0].data)
    return [total]


@executes("matmul_backward_data")
@in_order
def matmul_backward_data(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """g by w."""
    g, w = inputs
    y = c.kernels.matmul(g.data, w.data, Carrier.of(g.format, w.format))
    return [accumulated(c, y, g, w, outputs[0])]


@executes("matmul_backward_weights")
@in_order
def matmul_backward_weights(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """g transposed by x."""
    x, g = inputs
    y = c.kernels.matmul(g.data.T, x.data, Carrier.of(x.format, g.format))
    return [accumulated(c, y, x, g, outputs[0])]


@executes("conv2d_backward_data")
@in_order
def conv2d_backward_data(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Gradient of the input of a convolution."""
    g, w = inputs
    stride, padding = op.attributes["stride"], op.attributes["padding"]
    carrier = Carrier.of(g.format, w.format)
    grouped = "groups" in op.attributes
    convolve = c.kernels.grouped_conv2d_backward_data if grouped else c.kernels.conv2d_backward_data
    y = convolve(g.data, w.data, stride, padding, outputs[0].shape, carrier)
    return [accumulated(c, y, g, w, outputs[0])]


@executes("conv2d_backward_weights")
@in_order
def conv2d_backward_weights(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Gradient of the weights of a convolution."""
    x, g = inputs
    kernel, stride, padding = (op.attributes[key] for key in ("kernel", "stride", "padding"))
    carrier = Carrier.of(x.format, g.format)
    groups = op.attributes.get("groups", 1)
    if groups > 1:
        y = c.kernels.grouped_conv2d_backward_weights(x.data, g.data, kernel, stride, padding, groups, carrier)
    else:
        y = c.kernels.conv2d_backward_weights(x.data, g.data, kernel, stride, padding, carrier)
    return [accumulated(c, y, x, g, outputs[0])]


def accumulated(c: Context, y: Any, a: Tensor, b: Tensor, output: TensorSpec) -> Value:
    """An exact product ``y`` of ``a`` and ``b`` as the accumulators hold it: wrapped, or multiplied out in floats."""
    if not output.format.is_integer:
        return Value(multiplied_out(c.kernels.xp, y, a.scale * b.scale).astype(output.format.storage, copy=False))
    return Value(c.kernels.wrap(y, output.format.bits, output.format.storage), a.scale * b.scale)
