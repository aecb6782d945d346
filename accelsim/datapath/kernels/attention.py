"""Kernels of attention: many small exact products at once, and the softmax of integers in fixed point."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from accelsim.datapath.kernels.norm import NormKernels
from accelsim.datapath.kernels.product import Carrier
from accelsim.datapath.kernels.rounding import INT32_MAX
from accelsim.formats import FixedPointMultiplier

EXPONENT_BITS = 16
"""Fraction bits of the exponent of two."""
INDEX_BITS = 8
"""Of those, what picks a table entry; the rest interpolates to the next."""
POWER_BITS = 30
"""Fraction bits of the powers of two."""
PROBABILITY_BITS = 24
"""Fraction bits of the probabilities."""
_RECIPROCAL_BITS = 2 * POWER_BITS + 1


@cache
def power_table() -> tuple[int, ...]:
    """2**(-i / 256) in ``POWER_BITS`` fraction bits, for i from 0 to 256."""
    steps = 1 << INDEX_BITS
    powers = (Decimal(2) ** (Decimal(-i) / steps) * (1 << POWER_BITS) for i in range(steps + 1))
    return tuple(int(power.to_integral_value()) for power in powers)


class AttentionKernels(NormKernels):
    """Leading axes are heads and samples: each pair of matrices, or row, on its own."""

    def batched_matmul(self, a: Any, b: Any, carrier: Carrier) -> Any:
        """a (..., m, k) by b (..., k, n); floats that hold exact integers, or int64 where blocks were added up."""
        xp, block, k = self.xp, carrier.block, a.shape[-1]
        a, b = xp.asarray(a).astype(carrier.dtype), xp.asarray(b).astype(carrier.dtype)
        if block is None or k <= block:
            return a @ b
        total = xp.zeros((*a.shape[:-1], b.shape[-1]), dtype=xp.int64)
        for at in range(0, k, block):
            total += (a[..., at : at + block] @ b[..., at : at + block, :]).astype(xp.int64)
        return total

    def softmax_words(self, x: Any, to_exponent: FixedPointMultiplier, visible: Any | None) -> Any:
        """Softmax over the last axis of 32-bit codes, as 32-bit words with ``PROBABILITY_BITS`` fraction bits.

        ``to_exponent`` brings a code's distance from the largest of its row to an exponent of two, which has
        ``EXPONENT_BITS`` fraction bits. ``visible`` (rows, columns) masks the others out; None shows all.
        """
        xp = self.xp
        x = x.astype(xp.int64)
        seen = x if visible is None else xp.where(visible, x, xp.iinfo(xp.int64).min)
        distance = xp.minimum(seen.max(axis=-1, keepdims=True) - x, INT32_MAX)
        powers = self._powers(xp.asarray(self.rescale(xp.maximum(distance, 0), to_exponent)))
        if visible is not None:
            powers = xp.where(visible, powers, 0)
        inverse = self.divide_rounded(xp.int64(1 << _RECIPROCAL_BITS), powers.sum(axis=-1, keepdims=True))
        drop = _RECIPROCAL_BITS - PROBABILITY_BITS
        return ((powers * inverse + (1 << (drop - 1))) >> drop).astype(xp.int32)

    def softmax_words_backward(self, g: Any, y: Any, shift: int) -> Any:
        """y * (g - mean of g weighted with y) over the last axis, shifted right by ``shift``: 32-bit words.

        ``g`` are 32-bit codes, ``y`` those of the probabilities, which are not negative; a row without any is zero.
        """
        xp = self.xp
        g, y = g.astype(xp.int64), y.astype(xp.int64)
        weight = xp.maximum(y.sum(axis=-1, keepdims=True), 1)
        product = y * (g - self.divide_rounded((y * g).sum(axis=-1, keepdims=True), weight))
        return ((product + ((1 << shift) >> 1)) >> shift).astype(xp.int32)

    def _powers(self, exponent: Any) -> Any:
        """2**-exponent in ``POWER_BITS`` fraction bits: a table entry, interpolated, shifted."""
        xp, rest_bits = self.xp, EXPONENT_BITS - INDEX_BITS
        table = xp.asarray(power_table(), dtype=xp.int64)
        index, rest = (exponent >> rest_bits) & ((1 << INDEX_BITS) - 1), exponent & ((1 << rest_bits) - 1)
        entry = table[index]
        value = entry - (((entry - table[index + 1]) * rest) >> rest_bits)
        return value >> xp.minimum(exponent >> EXPONENT_BITS, POWER_BITS + 1)
