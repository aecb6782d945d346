"""Floating-point accumulators in the order of the array: every addition is rounded to the accumulator's format.

Sums of chunks and a sum of those sums lose less than one long sum (Wang et al., "Training deep neural networks with
8-bit floating point numbers", NeurIPS 2018).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.formats import FP32, FloatFormat, round_to_float


class FloatAccumulatorKernels:
    """No order of evaluation is left open, so every backend and every number of threads gives the same bits."""

    xp: Any

    def accumulate_float(self, a: Any, b: Any, chunk: int, format_: FloatFormat) -> Any:
        """a (m, k) by b (k, n) in accumulators of ``format_``, as its storage.

        Products are rounded to fp32 (exact for operands of up to 12 significant bits), summed in order within runs of
        ``chunk``, then the runs in order. ``chunk`` = k is one plain sum. What overflows becomes infinity.
        """
        xp, k = self.xp, a.shape[1]
        a, b = a.astype(format_.storage), b.astype(format_.storage)
        total = xp.zeros((a.shape[0], b.shape[1]), dtype=format_.storage)
        with np.errstate(over="ignore", invalid="ignore"):
            for at in range(0, k, chunk):
                part = xp.zeros_like(total)
                for t in range(at, min(at + chunk, k)):
                    part = self.add_float(part, a[:, t, None] * b[t], format_)
                total = self.add_float(total, part, format_)
        return total

    def add_float(self, x: Any, y: Any, format_: FloatFormat) -> Any:
        """x + y, rounded once to nearest even; each is exact in double precision, and in ``format_`` if that is fp32.

        What a double can't hold of a sum is kept as a sticky last bit.
        """
        if format_.bits >= FP32.bits:
            return x + y
        return round_to_float(self.xp, add_to_odd(self.xp, x, y), format_, saturate=False)


def add_to_odd(xp: Any, x: Any, y: Any) -> Any:
    """x + y in double precision, rounded to odd: an inexact sum has its last bit set, so that rounding it again to a
    narrower format is right (Boldo and Melquiond 2008)."""
    x, y = x.astype(xp.float64), y.astype(xp.float64)
    total = x + y
    back = total - x
    error = (x - (total - back)) + (y - back)
    inexact = (error > 0) | (error < 0)
    even = (total.view(xp.int64) & 1) == 0
    beyond = xp.nextafter(total, xp.where(error > 0, xp.inf, -xp.inf))
    return xp.where(inexact & even, beyond, total)
