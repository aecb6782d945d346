"""Products whose order of addition decides bits: integers that saturate, floats that round after every addition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from accelsim.datapath.context import Context
from accelsim.datapath.divergence import watch_overflow
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.accumulate import accumulate_in_passes
from accelsim.datapath.units.matrices import as_matrices
from accelsim.datapath.units.registry import Handler
from accelsim.datapath.units.scales import multiplied_out
from accelsim.formats import FP32, FloatFormat
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


def in_order(handler: Handler) -> Handler:
    """Add as the array does where the recipe's accumulators make that matter; else the handler's faster way."""

    def dispatch(
        c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
    ) -> Sequence[Value]:
        (output,) = outputs
        if output.format.is_integer and c.recipe.overflow == "saturate":
            return [_saturating(c, op, inputs, output)]
        if isinstance(output.format, FloatFormat) and (c.recipe.chunk or output.format.bits < FP32.bits):
            return [_rounding(c, op, inputs, output, output.format)]
        return handler(c, op, inputs, outputs)

    return dispatch


def _saturating(c: Context, op: Operation, inputs: tuple[Tensor, ...], output: TensorSpec) -> Value:
    """In passes over slices where an operand is wider than the multipliers."""
    x, y, *bias = inputs
    carrier, start = Carrier.of(x.format, y.format), bias[0].data if bias else None
    width, (first, second) = c.recipe.slice_bits or 0, op.attributes.get("slices", (1, 1))
    slices = (second, first) if op.opcode.endswith("weights") else (first, second)

    def exact(left: Any, right: Any) -> Any:
        return c.kernels.matmul(left, right, carrier)

    def add(left: Any, right: Any, columns: slice) -> Any:
        bits, order, first = output.format.bits, c.recipe.order, None if start is None else start[columns]
        return accumulate_in_passes(
            c.kernels.xp, left, right, bits, "saturate", order, slices, width, start=first, product=exact
        )

    return Value(_product(c, op, inputs, output, add), x.scale * y.scale)


def _rounding(c: Context, op: Operation, inputs: tuple[Tensor, ...], output: TensorSpec, format_: FloatFormat) -> Value:
    """Narrow accumulators keep the operands' scales beside them, fp32 ones are multiplied out.

    The bias comes last, as one more addition: on narrow accumulators divided by their scale.
    """
    x, y, *bias = inputs
    scale, order = x.scale * y.scale, c.recipe.order

    def add(left: Any, right: Any, columns: slice) -> Any:
        chunk = c.recipe.chunk or (left.shape[1] if order == "sequential" else order)
        return c.kernels.accumulate_float(left, right, chunk, format_)

    total = _product(c, op, inputs, output, add)
    watch_overflow(c, op, (x, y), total, format_)
    if format_.bits >= FP32.bits:
        total = multiplied_out(c.kernels.xp, total, scale).astype(format_.storage, copy=False)
        return Value(total + bias[0].data if bias else total)
    if bias:
        total = c.kernels.add_float(total, bias[0].data.astype("float64") / scale, format_)
    return Value(total, scale)


def _product(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], output: TensorSpec, add: Callable[[Any, Any, slice], Any]
) -> Any:
    made = c.kernels.xp.zeros(output.shape, dtype=output.format.storage)
    for left, right, place, columns in as_matrices(c.kernels, op, inputs, output):
        made[place] = add(left, right, columns).reshape(made[place].shape)
    return made
