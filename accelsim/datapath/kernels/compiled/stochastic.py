"""Stochastic rounding, compiled: random bits are made beside the rounding, a chunk at a time.

The arithmetic is that of the function of the same name in ``datapath/reference.py``. ``first`` is the number of the
first element, a multiple of ``CHUNK``; ``key`` holds the step's low and high word, the seed and the tensor, as uint64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.loops import clamp, narrow
from accelsim.datapath.kernels.compiled.philox import fill

LANES = 8
CHUNK = 1 << 13
"""Elements whose random bits are made at a time: they stay in the first-level cache."""


@compiled
def _lanes(pairs: Any, at: int, size: int, key: Any) -> Any:
    """Whole 16-bit lanes of elements ``at`` to ``at + size``: little-endian quarters of the pairs, low one first."""
    used = pairs[: -(-size // LANES) * 2]
    fill(used, at // LANES, key[0], key[1], key[2], key[3])
    return used.view(np.uint16)[:size]


@compiled
def requantise(
    x: Any, out: Any, first: int, key: Any, mantissa: int, shift: int, bits: int, low: int, high: int
) -> None:
    """A scalar multiplier."""
    pairs, up, down = np.empty(CHUNK // 4, dtype=np.uint64), max(0, shift - bits), max(0, bits - shift)
    for start in range(0, x.size, CHUNK):
        codes, target = x[start : start + CHUNK], out[start : start + CHUNK]
        random = _lanes(pairs, first + start, codes.size, key)
        for i in range(codes.size):
            dither = (np.int64(random[i] >> (16 - bits)) << up) >> down
            target[i] = clamp((np.int64(codes[i]) * mantissa + dither) >> shift, low, high)


@compiled
def requantise_down(
    x: Any, out: Any, first: int, key: Any, mantissa: int, shift: int, bits: int, low: int, high: int
) -> None:
    """``requantise`` of int32 by a multiplier of at most one (shift >= 31): results fit 32 bits before the clamp."""
    pairs, up, drop = np.empty(CHUNK // 4, dtype=np.uint64), shift - bits, 16 - bits
    m, least, most = narrow(mantissa), np.int32(low), np.int32(high)
    for start in range(0, x.size, CHUNK):
        codes, target = x[start : start + CHUNK], out[start : start + CHUNK]
        random = _lanes(pairs, first + start, codes.size, key)
        for i in range(codes.size):
            y = (np.int64(codes[i]) * m + (np.int64(random[i] >> drop) << up)) >> shift
            target[i] = clamp(np.int32(y), least, most)


@compiled
def quantise(x: Any, out: Any, first: int, key: Any, scale: float, bits: int, low: float, high: float) -> None:
    """floor(x / scale + random fraction) in double precision."""
    pairs, unit = np.empty(CHUNK // 4, dtype=np.uint64), 0.5**bits
    for start in range(0, x.size, CHUNK):
        values, target = x[start : start + CHUNK], out[start : start + CHUNK]
        random = _lanes(pairs, first + start, values.size, key)
        for i in range(values.size):
            dither = np.float64(random[i] >> (16 - bits)) * unit
            target[i] = clamp(np.floor(np.float64(values[i]) / scale + dither), low, high)
