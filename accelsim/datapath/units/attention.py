"""Attention: products of two activations on the MAC array, softmax and its backward on the vector unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelsim.datapath.context import Context
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.attention import EXPONENT_BITS, PROBABILITY_BITS
from accelsim.datapath.kernels.portable import LOG2_E
from accelsim.datapath.units.in_order import in_order
from accelsim.datapath.units.mac_array import accumulated
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.words import excess_bits, in_words
from accelsim.formats import FixedPointMultiplier
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

STEEPEST = 2.0**24
"""Codes further apart than one part of this have the exponential 0 either way."""


@executes("batched_matmul")
@in_order
def batched_matmul(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Each matrix of a by its partner of b."""
    a, b = inputs
    return [accumulated(c, c.kernels.batched_matmul(a.data, b.data, Carrier.of(a.format, b.format)), a, b, outputs[0])]


@executes("softmax")
def softmax(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Integers in fixed point; floats as the loss does, rounded once."""
    (x,), (output,) = inputs, outputs
    factor, visible = op.attributes["factor"], _visible(c, op, x.shape)
    if not x.format.is_integer:
        xp = c.kernels.xp
        real = xp.asarray(x.data).astype("float64") * (x.scale * factor)
        shown = real if visible is None else xp.where(visible, real, -xp.inf)
        probabilities = c.kernels.softmax(shown.reshape(-1, x.shape[-1]))
        return [Value(probabilities.reshape(x.shape).astype(output.format.storage))]
    words = in_words(c, x, spare_bits=1)  # the difference of two fits a word
    steepness = min(words.scale * factor * LOG2_E * 2.0**EXPONENT_BITS, STEEPEST)
    y = c.kernels.softmax_words(words.data, FixedPointMultiplier.from_real(float(steepness)), visible)
    return [Value(y, 2.0**-PROBABILITY_BITS)]


@executes("softmax_backward")
def softmax_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Exact in integers, then shifted right only as far as a word needs; floats in double precision, rounded once."""
    (g, y), (output,) = inputs, outputs
    factor = op.attributes["factor"]
    if not g.format.is_integer:
        return [Value(_float_backward(c, g, y, factor).astype(output.format.storage))]
    words, shares = in_words(c, g), in_words(c, y)
    shift = excess_bits(2 * words.peak * shares.peak)
    dx = c.kernels.softmax_words_backward(words.data, shares.data, shift)
    return [Value(dx, words.scale * shares.scale * factor * 2.0**shift)]


def _float_backward(c: Context, g: Tensor, y: Tensor, factor: float) -> Any:
    xp = c.kernels.xp
    gradient, share = (xp.asarray(x.data).astype("float64") * x.scale for x in (g, y))
    weight = share.sum(axis=-1, keepdims=True)
    weight[weight == 0] = 1.0
    mean = (share * gradient).sum(axis=-1, keepdims=True) / weight
    return factor * share * (gradient - mean)


def _visible(c: Context, op: Operation, shape: tuple[int, ...]) -> Any | None:
    """Which columns each row sees, (rows, columns); None where it is all of them."""
    return c.kernels.xp.tri(*shape[-2:], dtype=bool) if op.attributes["causal"] else None
