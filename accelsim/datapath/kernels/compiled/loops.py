"""Compiled loops over flat or (rows, channels) arrays: one pass over memory each.

The arithmetic of each line is that of the function of the same name in ``datapath/reference.py``; 64-bit
integers hold every intermediate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled, inlined

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


@inlined
def clamp(y: Any, low: Any, high: Any) -> Any:
    """Into [low, high]."""
    return low if y < low else high if y > high else y


@inlined
def scale_once(y: Any, mantissa: Any, half: Any, shift: Any) -> Any:
    """``reference.rescale``."""
    return clamp((y * mantissa + half) >> shift, INT32_MIN, INT32_MAX)


@inlined
def scale_twice(y: Any, mantissa: Any, half: Any, right: Any) -> Any:
    """``reference.requantise`` after its left shift and before its clamp."""
    high_product = (y * mantissa + (1 << 30)) >> 31
    magnitude = (abs(high_product) + half) >> right
    return -magnitude if high_product < 0 else magnitude


@compiled
def requantise(x: Any, out: Any, mantissa: int, left: int, right: int, low: int, high: int) -> None:
    """``reference.requantise``, a scalar multiplier."""
    half = (1 << right) >> 1
    for i in range(x.size):
        y = np.int64(x[i])
        if left > 0:
            y = clamp(y << left, INT32_MIN, INT32_MAX)
        out[i] = clamp(scale_twice(y, mantissa, half, right), low, high)


@compiled
def requantise_stochastic(
    x: Any, random: Any, out: Any, mantissa: int, shift: int, bits: int, low: int, high: int
) -> None:
    """``reference.requantise_stochastic``; ``random`` holds whole 16-bit lanes."""
    up, down = max(0, shift - bits), max(0, bits - shift)
    for i in range(x.size):
        dither = (np.int64(random[i] >> (16 - bits)) << up) >> down
        out[i] = clamp((np.int64(x[i]) * mantissa + dither) >> shift, low, high)


@compiled
def quantise(x: Any, out: Any, scale: float, low: float, high: float) -> None:
    """Nearest even in double precision."""
    for i in range(x.size):
        out[i] = clamp(np.rint(np.float64(x[i]) / scale), low, high)


@compiled
def quantise_stochastic(x: Any, random: Any, out: Any, scale: float, bits: int, low: float, high: float) -> None:
    """floor(x / scale + random fraction) in double precision."""
    unit = 0.5**bits
    for i in range(x.size):
        dither = np.float64(random[i] >> (16 - bits)) * unit
        out[i] = clamp(np.floor(np.float64(x[i]) / scale + dither), low, high)


@compiled
def rescale_rows(x: Any, out: Any, mantissa: Any, shift: Any) -> None:
    """``reference.rescale``, a multiplier per channel."""
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            out[row, c] = scale_once(np.int64(x[row, c]), mantissa[c], np.int64(1) << (shift[c] - 1), shift[c])


@compiled
def add(a: Any, b: Any, out: Any, first_mantissa: int, first_shift: int, mantissa: int, shift: int) -> None:
    """Both operands rescaled, added, saturated."""
    first_half, half = 1 << (first_shift - 1), 1 << (shift - 1)
    for i in range(a.size):
        left = scale_once(np.int64(a[i]), first_mantissa, first_half, first_shift)
        out[i] = clamp(left + scale_once(np.int64(b[i]), mantissa, half, shift), INT32_MIN, INT32_MAX)


@compiled
def normalise(x: Any, out: Any, centre: Any, mantissa: Any, shift: Any, offset: Any, bits: int) -> None:
    """``reference.normalise``."""
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            d = (np.int64(x[row, c]) << bits) - centre[c]
            y = scale_once(d, mantissa[c], np.int64(1) << (shift[c] - 1), shift[c]) + offset[c]
            out[row, c] = clamp(y, INT32_MIN, INT32_MAX)


@compiled
def centred_gradient(g: Any, out: Any, centre: Any, mantissa: Any, shift: Any, bits: int) -> None:
    """((g << bits) - centre) saturated and rescaled: both norm backwards away from the extremes."""
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
def channel_sums(x: Any, total: Any) -> None:
    """Sums over rows, added to ``total``."""
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            total[c] += np.int64(x[row, c])


@compiled
def channel_products(a: Any, b: Any, total: Any) -> None:
    """Sums of products over rows, added to ``total``."""
    for row in range(a.shape[0]):
        for c in range(a.shape[1]):
            total[c] += np.int64(a[row, c]) * np.int64(b[row, c])


@compiled
def extremes(x: Any, highest: Any, lowest: Any, tops: Any, bottoms: Any) -> None:
    """Largest and smallest code of each channel and the first rows where they stand."""
    highest[:] = x[0]
    lowest[:] = x[0]
    for row in range(1, x.shape[0]):
        for c in range(x.shape[1]):
            highest[c] = max(highest[c], x[row, c])
            lowest[c] = min(lowest[c], x[row, c])
    tops[:] = -1
    bottoms[:] = -1
    missing = 2 * x.shape[1]
    for row in range(x.shape[0]):
        for c in range(x.shape[1]):
            if tops[c] < 0 and x[row, c] == highest[c]:
                tops[c] = row
                missing -= 1
            if bottoms[c] < 0 and x[row, c] == lowest[c]:
                bottoms[c] = row
                missing -= 1
        if missing == 0:
            break
