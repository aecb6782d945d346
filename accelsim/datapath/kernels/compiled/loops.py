"""Compiled loops over flat or (rows, channels) arrays: one pass over memory each.

The arithmetic of each line is that of the function of the same name in ``datapath/reference.py``; 64-bit
integers hold every intermediate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled, inlined
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN


@inlined
def clamp(y: Any, low: Any, high: Any) -> Any:
    """Into [low, high]."""
    return low if y < low else high if y > high else y


@inlined
def scale_once(y: Any, mantissa: Any, half: Any, shift: Any) -> Any:
    """``reference.rescale``."""
    return clamp((y * mantissa + half) >> shift, INT32_MIN, INT32_MAX)


@inlined
def narrow(number: Any) -> Any:
    """A mantissa as an int64 that the compiler knows to fit 32 bits: such products take one instruction."""
    return np.int64(np.int32(number))


@compiled
def requantise(x: Any, out: Any, mantissa: int, left: int, right: int, low: int, high: int) -> None:
    """``reference.requantise``, a scalar multiplier."""
    half = (1 << right) >> 1
    for i in range(x.size):
        y = np.int64(x[i])
        if left > 0:
            y = clamp(y << left, INT32_MIN, INT32_MAX)
        high_product = (y * mantissa + (1 << 30)) >> 31
        magnitude = (abs(high_product) + half) >> right
        out[i] = clamp(-magnitude if high_product < 0 else magnitude, low, high)


@compiled
def requantise_down(x: Any, out: Any, mantissa: int, right: int, low: int, high: int) -> None:
    """``requantise`` of int32 by a multiplier below one (mantissa not negative), in one shift.

    With s = (x m + 2**30) >> 31 and half = 2**(right - 1), the second rounding gives (s + half) >> right for s >= 0
    and -((half - s) >> right) = (s + half - 1) >> right for s < 0. Shifts to the right of a sum of integers nest, so
    both are (x m + 2**30 + (half or half - 1) 2**31) >> (31 + right). s < 0 where x < 0, but for s = 0, where both
    agree. Without a second shift there is only s. The result fits 32 bits because the multiplier is below one.
    """
    m, shift = narrow(mantissa), 31 + right
    up = (1 << 30) + ((1 << right) >> 1 << 31)
    down = up - (1 << 31) if right > 0 else up
    least, most = np.int32(low), np.int32(high)
    for i in range(x.size):
        v = x[i]
        out[i] = clamp(np.int32((np.int64(v) * m + (down if v < 0 else up)) >> shift), least, most)


@compiled
def quantise(x: Any, out: Any, scale: float, low: float, high: float) -> None:
    """Nearest even in double precision."""
    for i in range(x.size):
        out[i] = clamp(np.rint(np.float64(x[i]) / scale), low, high)


@compiled
def real_values(x: Any, out: Any, scale: float) -> None:
    """x times ``scale`` in double precision, rounded to the floats of ``out``."""
    for i in range(x.size):
        out[i] = np.float64(x[i]) * scale


@compiled
def wrap(x: Any, out: Any, bits: int) -> None:
    """``reference.wrap`` of int64."""
    free = 64 - bits
    for i in range(x.size):
        out[i] = (x[i] << free) >> free


@compiled
def dropped(x: Any, out: Any, shift: int) -> Any:
    """``RoundingKernels.dropped``, one shift for all; returns the largest magnitude."""
    highest, lowest = np.int32(0), np.int32(0)
    for i in range(x.size):
        y = np.int32(clamp(x[i] >> shift, -INT32_MAX, INT32_MAX))
        out[i] = y
        highest, lowest = max(highest, y), min(lowest, y)
    return magnitude(highest, lowest)


@compiled
def rescale_rows(x: Any, out: Any, mantissa: Any, shift: Any) -> None:
    """``reference.rescale``, a multiplier per channel."""
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            out[row, c] = scale_once(np.int64(x[row, c]), mantissa[c], np.int64(1) << (shift[c] - 1), shift[c])


@compiled
def add(a: Any, b: Any, out: Any, first_mantissa: int, first_shift: int, mantissa: int, shift: int) -> Any:
    """Both operands rescaled, added, saturated; returns the largest magnitude."""
    first_half, half = 1 << (first_shift - 1), 1 << (shift - 1)
    highest, lowest = np.int32(0), np.int32(0)
    for i in range(a.size):
        left = scale_once(np.int64(a[i]), first_mantissa, first_half, first_shift)
        y = np.int32(clamp(left + scale_once(np.int64(b[i]), mantissa, half, shift), INT32_MIN, INT32_MAX))
        out[i] = y
        highest, lowest = max(highest, y), min(lowest, y)
    return magnitude(highest, lowest)


@compiled
def add_unsaturated(a: Any, b: Any, out: Any, first_mantissa: int, first_shift: int, mantissa: int, shift: int) -> Any:
    """``add`` of at most 32-bit codes where the sum of both largest magnitudes fits int32."""
    first, second = narrow(first_mantissa), narrow(mantissa)
    first_half, half = 1 << (first_shift - 1), 1 << (shift - 1)
    highest, lowest = np.int32(0), np.int32(0)
    for i in range(a.size):
        left = np.int32((np.int64(a[i]) * first + first_half) >> first_shift)
        y = np.int32(left + np.int32((np.int64(b[i]) * second + half) >> shift))
        out[i] = y
        highest, lowest = max(highest, y), min(lowest, y)
    return magnitude(highest, lowest)


@inlined
def magnitude(highest: Any, lowest: Any) -> Any:
    """Of two extremes around zero."""
    return max(np.int64(highest), -np.int64(lowest))


@compiled
def largest_magnitude(x: Any) -> Any:
    """max |x| of integers, 0 for none."""
    highest = lowest = x.dtype.type(0)
    for i in range(x.size):
        highest, lowest = max(highest, x[i]), min(lowest, x[i])
    return magnitude(highest, lowest)


@compiled
def largest_bits(x: Any) -> Any:
    """Largest of float32 numbers' bits (uint32) without the sign, 0 for none."""
    highest = np.uint32(0)
    for i in range(x.size):
        highest = max(highest, np.uint32(x[i] & np.uint32(0x7FFFFFFF)))
    return highest


@compiled
def relu(x: Any, out: Any) -> None:
    """max(x, 0)."""
    for i in range(x.size):
        out[i] = x[i] if x[i] > 0 else x.dtype.type(0)


@compiled
def relu_backward(g: Any, y: Any, out: Any) -> Any:
    """g where y > 0, else 0; returns the largest magnitude."""
    highest = lowest = g.dtype.type(0)
    for i in range(g.size):
        kept = g[i] if y[i] > 0 else g.dtype.type(0)
        out[i] = kept
        highest, lowest = max(highest, kept), min(lowest, kept)
    return magnitude(highest, lowest)


@compiled
def normalise(x: Any, out: Any, centre: Any, mantissa: Any, shift: Any, offset: Any, bits: int) -> None:
    """``reference.normalise``."""
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            d = (np.int64(x[row, c]) << bits) - centre[c]
            y = scale_once(d, mantissa[c], np.int64(1) << (shift[c] - 1), shift[c]) + offset[c]
            out[row, c] = clamp(y, INT32_MIN, INT32_MAX)


@compiled
def centred_gradient(g: Any, out: Any, centre: Any, mantissa: Any, shift: Any, offset: Any, bits: int) -> None:
    """((g << bits) - centre) saturated and rescaled: a norm's backward away from the extremes; ``offset`` is zero."""
    for row in range(g.shape[0]):
        for c in range(g.shape[1]):
            e = clamp((np.int64(g[row, c]) << bits) - centre[c], INT32_MIN, INT32_MAX)
            out[row, c] = scale_once(e, mantissa[c], np.int64(1) << (shift[c] - 1), shift[c])


@compiled
def batch_norm_backward(
    g: Any, x: Any, out: Any, centres: Any, along: Any, along_shift: Any, mantissa: Any, shift: Any, bits: int
) -> None:
    """``centres``: means of g and of x, both with ``bits`` fraction bits, (2, channels)."""
    for row in range(g.shape[0]):
        for c in range(g.shape[1]):
            d = (np.int64(x[row, c]) << bits) - centres[1, c]
            part = scale_once(d, along[c], np.int64(1) << (along_shift[c] - 1), along_shift[c])
            e = clamp((np.int64(g[row, c]) << bits) - centres[0, c] - part, INT32_MIN, INT32_MAX)
            out[row, c] = scale_once(e, mantissa[c], np.int64(1) << (shift[c] - 1), shift[c])


@compiled
def absolute_deviation(x: Any, centre: Any, bits: int, totals: Any) -> None:
    """Sums of |x - centre| and of its sign, added to ``totals`` (2, channels)."""
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            d = (np.int64(x[row, c]) << bits) - centre[c]
            totals[0, c] += abs(d)
            totals[1, c] += (d > 0) - (d < 0)


@compiled
def l1_norm_backward(g: Any, x: Any, out: Any, centres: Any, share: Any, mantissa: Any, shift: Any, bits: int) -> None:
    """``reference.l1_norm_backward``; ``centres`` (2, channels): of g and of x, both with ``bits`` fraction bits."""
    for row in range(g.shape[0]):
        for c in range(g.shape[1]):
            d = (np.int64(x[row, c]) << bits) - centres[1, c]
            e = (np.int64(g[row, c]) << bits) - centres[0, c] - share[c] * ((d > 0) - (d < 0))
            e = clamp(e, INT32_MIN, INT32_MAX)
            out[row, c] = scale_once(e, mantissa[c], np.int64(1) << (shift[c] - 1), shift[c])
