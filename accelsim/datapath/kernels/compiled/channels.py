"""Compiled loops over (rows, lanes): lanes are the channels of one row, or of a few rows side by side (``wide``).

The arithmetic is that of the function of the same name in ``datapath/reference.py``.
"""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.loops import magnitude

LANES = 256
"""Lanes that make a row long enough for full vectors and for the cost of beginning it."""
BLOCK = 32
"""Rows whose extremes are found before anyone asks in which row they stand."""


def wide(rows: int, channels: int) -> int:
    """Rows to lay side by side: a power of two that divides ``rows`` and makes at most ``LANES`` lanes."""
    return gcd(rows, 1 << max(0, (LANES // max(1, channels)).bit_length() - 1))


@compiled
def channel_sums(x: Any, partial: Any, limit: int, total: Any) -> None:
    """Sums over rows, added to ``total`` (int64); ``partial`` (zeros) holds sums of ``limit`` rows."""
    for first in range(0, x.shape[0], limit):
        for row in range(first, min(first + limit, x.shape[0])):
            codes = x[row]
            for c in range(partial.size):
                partial[c] += codes[c]
        for c in range(partial.size):
            total[c] += partial[c]
            partial[c] = 0


@compiled
def channel_products(a: Any, b: Any, partial: Any, limit: int, total: Any) -> None:
    """Sums of products over rows, as ``channel_sums``."""
    for first in range(0, a.shape[0], limit):
        for row in range(first, min(first + limit, a.shape[0])):
            left, right = a[row], b[row]
            for c in range(partial.size):
                partial[c] += partial.dtype.type(left[c]) * partial.dtype.type(right[c])
        for c in range(partial.size):
            total[c] += partial[c]
            partial[c] = 0


@compiled
def widen(x: Any, high: Any, low: Any) -> None:
    """Take the codes of each lane into the range from ``low`` to ``high``."""
    for row in range(x.shape[0]):
        codes = x[row]
        for c in range(high.size):
            high[c] = max(high[c], codes[c])
            low[c] = min(low[c], codes[c])


@compiled
def extremes(x: Any, highest: Any, lowest: Any, rows: Any) -> None:
    """Largest and smallest code of each channel, and the first rows where they stand: (2, channels), in narrow rows.

    One pass finds the first block that holds each extreme; its row is then looked up in that block alone.
    """
    channels, lanes = highest.size, x.shape[1]
    beside = lanes // channels
    top, bottom = np.empty(lanes, dtype=x.dtype), np.empty(lanes, dtype=x.dtype)
    for first in range(0, x.shape[0], BLOCK):
        top[:] = x[first]
        bottom[:] = x[first]
        for row in range(first + 1, min(first + BLOCK, x.shape[0])):
            codes = x[row]
            for c in range(lanes):
                top[c] = max(top[c], codes[c])
                bottom[c] = min(bottom[c], codes[c])
        for c in range(channels):
            for k in range(c, lanes, channels):
                if (first == 0 and k == c) or top[k] > highest[c]:
                    highest[c], rows[0, c] = top[k], first
                if (first == 0 and k == c) or bottom[k] < lowest[c]:
                    lowest[c], rows[1, c] = bottom[k], first
    narrow = x.reshape((x.shape[0] * beside, channels))
    for c in range(channels):
        row = rows[0, c] * beside
        while narrow[row, c] != highest[c]:
            row += 1
        rows[0, c] = row
        row = rows[1, c] * beside
        while narrow[row, c] != lowest[c]:
            row += 1
        rows[1, c] = row


@compiled
def scale_lanes(x: Any, out: Any, mantissa: Any, constant: Any, shift: Any, bits: int) -> Any:
    """((x << bits) mantissa + constant) >> shift, where x << bits and the result fit int32; returns the peak."""
    highest, lowest = np.int32(0), np.int32(0)
    for row in range(x.shape[0]):
        codes, words = x[row], out[row]
        for c in range(mantissa.size):
            raised = np.int32(np.int32(codes[c]) << bits)
            y = np.int32((np.int64(raised) * np.int64(mantissa[c]) + constant[c]) >> shift[c])
            words[c] = y
            highest, lowest = max(highest, y), min(lowest, y)
    return magnitude(highest, lowest)


@compiled
def lane_numbers(
    factor: Any, down: Any, centre: Any, offset: Any, bits: int, largest: int, mantissa: Any, constant: Any, shift: Any
) -> bool:
    """Fill in (lanes) mantissa, constant and shift for ``scale_lanes`` of ((x << bits) - centre) times a ``factor``
    that is shifted ``down``, plus offset, |x| <= ``largest``; channels repeat along the lanes.

    False where a step of the rescaling may leave int32, or its sum before the shift 62 bits. Mantissas are below
    2**31, so |d| 2**31 >> shift bounds the product of d. floor(v / 2**shift) + offset is floor((v + offset 2**shift) /
    2**shift).
    """
    channels = factor.size
    for c in range(channels):
        reach = (largest << bits) + abs(np.int64(centre[c]))
        bound = (reach << max(0, 31 - down[c])) + 1 + abs(offset[c]) if reach < 1 << 31 else 1 << 31
        if bound >= 1 << 31 or bound >= 1 << max(0, 62 - down[c]):
            return False
        mantissa[c], shift[c] = factor[c], down[c]
        constant[c] = (1 << (down[c] - 1)) - np.int64(centre[c]) * factor[c] + (offset[c] << down[c])
    for lane in range(channels, mantissa.size):
        mantissa[lane], constant[lane], shift[lane] = (
            mantissa[lane - channels],
            constant[lane - channels],
            shift[lane - channels],
        )
    return True


@compiled
def scaled_peak(high: Any, low: Any, mantissa: Any, constant: Any, shift: Any, bits: int) -> int:
    """The largest magnitude of ``scale_lanes`` of codes between ``low`` and ``high`` of each channel: words rise or
    fall with the codes, whatever the sign of the multiplier."""
    peak = 0
    for c in range(high.size):
        for code in (high[c], low[c]):
            word = ((np.int64(code) << bits) * np.int64(mantissa[c]) + constant[c]) >> shift[c]
            peak = max(peak, abs(word))
    return peak
