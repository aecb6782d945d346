"""Smooth activation functions on the vector unit: tables of the codes for integers, double precision for floats."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.datapath.context import Context
from accelsim.datapath.kernels.curves import CURVES, looked_up, tabulated
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.words import in_words
from accelsim.machine import Tensor, Value
from accelsim.machine.curves import DIRECT_BITS
from accelsim.program import Operation, TensorSpec

SLOPE_BITS = 14
"""Fraction bits of a slope's table; entries, within -0.13 and 1.13, take 16 bits."""
BACKWARD = "_backward"


@executes(*CURVES)
def curve(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Codes to codes of the same scale: the result is never further from 0 than x."""
    (x,), (output,), (function, _) = inputs, outputs, CURVES[op.opcode]
    xp, data = c.kernels.xp, c.kernels.xp.asarray(x.data)
    if not x.format.is_integer:
        return [Value(function(xp, data.astype("float64") * x.scale).astype(output.format.storage))]
    table = tabulated(xp, function, x.format.bits, DIRECT_BITS, x.scale, x.scale)
    return [Value(looked_up(table, data, x.format.bits, DIRECT_BITS).astype(x.format.storage), x.scale)]


@executes(*(name + BACKWARD for name in CURVES))
def curve_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Integers: words times a table's entries, rounded half up to the words' unit, saturated to 32 bits."""
    (g, x), (output,), (_, function) = inputs, outputs, CURVES[op.opcode.removesuffix(BACKWARD)]
    xp, data = c.kernels.xp, c.kernels.xp.asarray(x.data)
    if not g.format.is_integer:
        slope = function(xp, data.astype("float64") * x.scale)
        return [Value((xp.asarray(g.data) * (g.scale * slope)).astype(output.format.storage))]
    table = tabulated(xp, function, x.format.bits, DIRECT_BITS, x.scale, 0.5**SLOPE_BITS)
    slope, words = looked_up(table, data, x.format.bits, DIRECT_BITS), in_words(c, g)
    dx = (words.data * slope + (1 << (SLOPE_BITS - 1))) >> SLOPE_BITS
    return [Value(xp.clip(dx, INT32_MIN, INT32_MAX).astype("int32"), words.scale)]
