"""Vector unit on sequences: rows of a table and their gradients, offsets that samples share, slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from accelsim.datapath.context import Context
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.vector import add
from accelsim.errors import UserError
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


@executes("gather")
def gather(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Rows by token."""
    table, tokens = inputs
    largest = int(tokens.data.max())
    if largest >= table.shape[0]:
        raise UserError(f"layer {op.layer}: found token {largest}, but its vocabulary has {table.shape[0]} (from 0)")
    return [Value(c.kernels.xp.asarray(table.data)[tokens.data], table.scale)]


@executes("scatter_add")
def scatter_add(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Integers add up exactly and wrap or saturate at the end; floats in double precision, rounded once."""
    (g, tokens), (output,) = inputs, outputs
    xp, format_ = c.kernels.xp, output.format
    rows = xp.asarray(g.data).reshape(-1, output.shape[1])
    total = c.kernels.scatter_rows(rows, tokens.data.reshape(-1), output.shape[0])
    if format_.is_integer and c.recipe.overflow == "saturate":
        high = (1 << (format_.bits - 1)) - 1
        return [Value(xp.clip(total, -high - 1, high).astype(format_.storage), g.scale)]
    if format_.is_integer:
        return [Value(c.kernels.wrap(total, format_.bits, format_.storage), g.scale)]
    return [Value((total * g.scale).astype(format_.storage))]


@executes("add_parameter")
def add_parameter(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """The offset, once for each sample, added as the vector unit adds."""
    x, offset = inputs
    repeated = c.kernels.xp.broadcast_to(offset.data, x.shape).copy()
    return add(c, op, (x, _with(offset, repeated)), outputs)


@executes("prepend")
def prepend(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Both beside zeros of the other, added as the vector unit adds."""
    (x, token), (output,) = inputs, outputs
    behind, front = (c.kernels.xp.zeros(output.shape, dtype=tensor.data.dtype) for tensor in (x, token))
    behind[:, 1:], front[:, 0] = c.kernels.xp.asarray(x.data), c.kernels.xp.asarray(token.data)
    return add(c, op, (_with(x, behind), _with(token, front)), outputs)


@executes("slice_tokens")
def slice_tokens(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Some tokens of every sample."""
    (x,), (output,) = inputs, outputs
    start = op.attributes["start"]
    return [Value(c.kernels.xp.asarray(x.data)[:, start : start + output.shape[1]].copy(), x.scale)]


@executes("slice_tokens_backward")
def slice_tokens_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Gradients where they belong, zeros elsewhere."""
    (g,), (output,) = inputs, outputs
    start, spread = op.attributes["start"], c.kernels.xp.zeros(output.shape, dtype=g.data.dtype)
    spread[:, start : start + g.shape[1]] = c.kernels.xp.asarray(g.data)
    return [Value(spread, g.scale)]


def _with(x: Tensor, data: Any) -> Tensor:
    return replace(x, value=x.value._replace(data=data))
