"""Vector unit: the product of two tensors, element by element."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.datapath.arrays import on_device
from accelsim.datapath.context import Context
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.words import WORD_BITS, excess_bits, in_words
from accelsim.formats import Format
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


@executes("multiply")
def multiply(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Exact in integers, then shifted right only as far as a word needs; floats in double precision, rounded once."""
    (a, b), (output,), xp = inputs, outputs, c.kernels.xp
    if not output.format.is_integer:
        # A product of two floats of 24 significant bits is exact in double precision.
        left, right = (xp.asarray(x.data).astype("float64") for x in inputs)
        return [Value((left * right * on_device(xp, a.scale * b.scale)).astype(output.format.storage))]
    if _fits(a.format, b.format):
        product = xp.asarray(a.data).astype("int32") * xp.asarray(b.data).astype("int32")
        return [Value(product, a.scale * b.scale)]
    left, right = in_words(c, a), in_words(c, b)
    shift = excess_bits(left.peak * right.peak)
    product = left.data * right.data
    rounded = (product + ((1 << shift) >> 1)) >> shift
    return [Value(rounded.astype("int32"), left.scale * right.scale * 2.0**shift)]


def _fits(a: Format, b: Format) -> bool:
    """Whether no product of codes leaves a word: magnitudes of N bits go up to 2^(N - 1)."""
    return a.bits + b.bits <= WORD_BITS
