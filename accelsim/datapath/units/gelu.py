"""GELU on the vector unit: a table of the codes for integers, the formula in double precision for floats."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.datapath.context import Context
from accelsim.datapath.kernels import gelu as arithmetic
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.words import in_words
from accelsim.machine import Tensor, Value
from accelsim.machine.gelu import DIRECT_BITS
from accelsim.program import Operation, TensorSpec

SLOPE_BITS = 14
"""Fraction bits of the slope's table; its entries, from -0.13 to 1.13, take 16 bits."""


@executes("gelu")
def gelu(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Codes to codes of the same scale: |gelu(x)| is never more than |x|."""
    (x,), (output,) = inputs, outputs
    xp, data = c.kernels.xp, c.kernels.xp.asarray(x.data)
    if not x.format.is_integer:
        return [Value(arithmetic.gelu(xp, data.astype("float64") * x.scale).astype(output.format.storage))]
    table = arithmetic.tabulated(xp, arithmetic.gelu, x.format.bits, DIRECT_BITS, x.scale, x.scale)
    return [Value(arithmetic.looked_up(table, data, x.format.bits, DIRECT_BITS).astype(x.format.storage), x.scale)]


@executes("gelu_backward")
def gelu_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Integers: words times a table's entries, rounded half up to the words' unit, saturated to 32 bits."""
    (g, x), (output,) = inputs, outputs
    xp, data = c.kernels.xp, c.kernels.xp.asarray(x.data)
    if not g.format.is_integer:
        slope = arithmetic.gelu_slope(xp, data.astype("float64") * x.scale)
        return [Value((xp.asarray(g.data) * (g.scale * slope)).astype(output.format.storage))]
    table = arithmetic.tabulated(xp, arithmetic.gelu_slope, x.format.bits, DIRECT_BITS, x.scale, 0.5**SLOPE_BITS)
    slope, words = arithmetic.looked_up(table, data, x.format.bits, DIRECT_BITS), in_words(c, g)
    dx = (words.data * slope + (1 << (SLOPE_BITS - 1))) >> SLOPE_BITS
    return [Value(xp.clip(dx, INT32_MIN, INT32_MAX).astype("int32"), words.scale)]
