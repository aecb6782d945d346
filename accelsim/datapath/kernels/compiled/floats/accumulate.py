"""Floating-point accumulators: a row of them is kept close while the terms go by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from accelsim.datapath.kernels.accumulate_float import FloatAccumulatorKernels
from accelsim.datapath.kernels.compiled.jit import compiled, inlined
from accelsim.datapath.kernels.compiled.workers import Workers
from accelsim.formats import FP32, FloatFormat

DOUBLE_MANTISSA = 52


class CompiledFloatAccumulators(FloatAccumulatorKernels):
    """Same bits as the NumPy route."""

    workers: Workers

    def accumulate_float(self, a: Any, b: Any, chunk: int, format_: FloatFormat) -> Any:
        if format_.bits > FP32.bits or not format_.has_inf:
            return super().accumulate_float(a, b, chunk, format_)
        left, right = (np.ascontiguousarray(x, dtype=np.float32) for x in (a, b))
        out = np.empty((left.shape[0], right.shape[1]), dtype=np.float32)

        def work(start: int, stop: int) -> None:
            if format_.bits == FP32.bits:
                plain_sums(left[start:stop], right, out[start:stop], chunk)
            else:
                rounded_sums(left[start:stop], right, out[start:stop], chunk, *_constants(format_))

        self.workers.spread(out.shape[0], right.size, work)
        return out


def _constants(format_: FloatFormat) -> tuple[int, float, float, float]:
    """Bits that rounding drops from a double, the smallest normal, what aligns subnormals, and the largest number."""
    unit = format_.emin - format_.mantissa_bits
    dropped = DOUBLE_MANTISSA - format_.mantissa_bits
    return dropped, format_.min_normal, 1.5 * 2.0 ** (DOUBLE_MANTISSA + unit), format_.max_normal


@compiled
def plain_sums(a: Any, b: Any, out: Any, chunk: int) -> None:
    """fp32 throughout."""
    terms, columns = b.shape
    part = np.empty(columns, dtype=np.float32)
    for i in range(a.shape[0]):
        out[i] = 0
        for at in range(0, terms, chunk):
            part[:] = 0
            for t in range(at, min(at + chunk, terms)):
                for j in range(columns):
                    part[j] += a[i, t] * b[t, j]
            for j in range(columns):
                out[i, j] += part[j]


@inlined
def rounded_sum(x: Any, y: Any, dropped: Any, smallest: Any, aligner: Any, largest: Any) -> Any:
    """x + y rounded to odd in double precision, then to nearest even with ``dropped`` bits less."""
    total = x + y
    back = total - x
    error = (x - (total - back)) + (y - back)
    bits = np.float64(total).view(np.int64)
    inexact = (error > 0) | (error < 0)
    outwards = np.int64(1) if (error > 0) == (total > 0) else np.int64(-1)
    bits += outwards if inexact and not bits & 1 else np.int64(0)
    odd = np.int64(bits).view(np.float64)
    up = bits + (((np.int64(1) << (dropped - 1)) - 1) + ((bits >> dropped) & 1))
    rounded: Any = np.int64((up >> dropped) << dropped).view(np.float64)
    # A sum this large has units of the smallest subnormal, so that adding it rounds to them.
    rounded = rounded if abs(odd) >= smallest else (odd + aligner) - aligner
    rounded = rounded if abs(rounded) <= largest else np.inf
    return math.copysign(rounded, total) if total == total else total


@compiled
def rounded_sums(
    a: Any, b: Any, out: Any, chunk: int, dropped: int, smallest: float, aligner: float, largest: float
) -> None:
    """Rounded after every addition."""
    terms, columns = b.shape
    part, total = np.empty(columns, dtype=np.float64), np.empty(columns, dtype=np.float64)
    for i in range(a.shape[0]):
        total[:] = 0
        for at in range(0, terms, chunk):
            part[:] = 0
            for t in range(at, min(at + chunk, terms)):
                for j in range(columns):
                    part[j] = rounded_sum(part[j], np.float64(a[i, t] * b[t, j]), dropped, smallest, aligner, largest)
            for j in range(columns):
                total[j] = rounded_sum(total[j], part[j], dropped, smallest, aligner, largest)
        out[i] = total
