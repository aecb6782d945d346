"""Arithmetic of one number a channel: arrays so short that a call of NumPy costs more than its work."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled, inlined
from accelsim.datapath.kernels.compiled.loops import clamp, scale_once
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN
from accelsim.formats import FixedPointMultiplier
from accelsim.formats.multiplier import MANTISSA_BITS, MAX_RIGHT_SHIFT

ONE = float(1 << MANTISSA_BITS)


@compiled
def fixed_point(real: Any, mantissa: Any, exponent: Any) -> None:
    """``FixedPointMultiplier.from_real``."""
    for c in range(real.size):
        fraction, power = math.frexp(real[c])
        word, shift = np.int64(math.floor(abs(fraction) * ONE + 0.5)), np.int64(power)
        if word == 1 << MANTISSA_BITS:
            word, shift = word >> 1, shift + 1
        if shift < -MAX_RIGHT_SHIFT or word == 0:
            word = shift = np.int64(0)
        mantissa[c], exponent[c] = -word if fraction < 0 else word, shift


def mantissa_and_shift(multiplier: FixedPointMultiplier, channels: int) -> tuple[Any, Any]:
    """Mantissas and right shifts as arrays of shape (channels,)."""
    mantissa, shift = multiplier.mantissa, 31 - multiplier.exponent
    if mantissa.shape != (channels,):
        mantissa, shift = (np.broadcast_to(part, (channels,)) for part in (mantissa, shift))
    return np.ascontiguousarray(mantissa), np.ascontiguousarray(shift)


@inlined
def divide_rounded(numerator: Any, denominator: Any) -> Any:
    """``reference.divide_rounded``."""
    return (2 * numerator + denominator) // (2 * denominator)


@compiled
def quotients(numerator: Any, denominator: int, out: Any) -> None:
    """``divide_rounded`` by one number."""
    for c in range(numerator.size):
        out[c] = divide_rounded(numerator[c], denominator)


@compiled
def spread_share(products: Any, spread: Any, damping: Any, out: Any) -> None:
    """``reference.spread_share``; ``damping`` has one entry or one a channel."""
    for c in range(products.size):
        share = divide_rounded(products[c], max(np.int64(spread[c]), np.int64(1)))
        out[c] = np.int64(math.floor(np.float64(share) * damping[min(c, damping.size - 1)] + 0.5))


@compiled
def replaced_words(
    g: Any, rows: Any, centre: Any, share: Any, mantissa: Any, shift: Any, bits: int, words: Any, places: Any
) -> None:
    """Range norm's gradient at its extremes ``rows`` (2, chunks, channels), flat, and their places in the flat g.

    A maximum loses ``share``, a minimum gains it; where both are the same row, they cancel.
    """
    at, channels = 0, rows.shape[2]
    for end in range(2):
        for k in range(rows.shape[1]):
            for c in range(channels):
                row = np.int64(rows[end, k, c])
                alone = np.int64(row != rows[1 - end, k, c])
                moved = share[c] * alone * (1 if end else -1)
                e = clamp((np.int64(g[row, c]) << bits) - centre[c] + moved, INT32_MIN, INT32_MAX)
                words[at] = scale_once(e, mantissa[c], np.int64(1) << (shift[c] - 1), shift[c])
                places[at] = row * channels + c
                at += 1
