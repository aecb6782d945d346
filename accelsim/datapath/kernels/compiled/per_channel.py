"""Arithmetic of one number a channel: arrays so short that a call of NumPy costs more than its work."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled, inlined
from accelsim.datapath.kernels.compiled.loops import clamp, scale_once
from accelsim.datapath.kernels.numbers import LARGEST_GAIN
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN
from accelsim.formats import FixedPointMultiplier
from accelsim.formats.multiplier import MANTISSA_BITS, MAX_RIGHT_SHIFT

ONE = float(1 << MANTISSA_BITS)


@compiled
def fixed_point(real: Any, mantissa: Any, exponent: Any) -> None:
    """``FixedPointMultiplier.from_real``."""
    for c in range(real.size):
        mantissa[c], exponent[c] = word_and_shift(real[c])


@compiled
def word_and_shift(real: Any) -> Any:
    """``FixedPointMultiplier.from_real`` of one number."""
    fraction, power = math.frexp(real)
    word, shift = np.int64(math.floor(abs(fraction) * ONE + 0.5)), np.int64(power)
    if word == 1 << MANTISSA_BITS:
        word, shift = word >> 1, shift + 1
    if shift < -MAX_RIGHT_SHIFT or word == 0:
        word = shift = np.int64(0)
    return -word if fraction < 0 else word, shift


@compiled
def reciprocal(code: Any, scale: float) -> Any:
    """1 / (code scale), 0 for 0."""
    real = np.float64(code) * scale
    return 1.0 / real if real != 0 else 0.0


@compiled
def reciprocals(codes: Any, scale: float, unit: float, out: Any) -> None:
    """``NumberKernels.reciprocals``."""
    for c in range(codes.size):
        out[c] = unit * reciprocal(codes[c], scale)


@compiled
def forward_gain(gamma: Any, gamma_scale: float, spread: Any, spread_scale: float, unit: float, out: Any) -> None:
    """``NumberKernels.forward_gain``: mantissas and exponents."""
    for c in range(spread.size):
        gain = np.float64(gamma[c]) * gamma_scale * reciprocal(spread[c], spread_scale) * unit
        out[0, c], out[1, c] = word_and_shift(min(max(gain, -LARGEST_GAIN), LARGEST_GAIN))


@compiled
def gradient_gain(gamma: Any, gamma_scale: float, spread: Any, spread_scale: float, out: Any) -> Any:
    """``NumberKernels.gradient_gain``: mantissas and exponents; returns the largest gain."""
    gain, largest = np.empty(spread.size), 0.0
    for c in range(spread.size):
        gain[c] = np.float64(gamma[c]) * gamma_scale * reciprocal(spread[c], spread_scale)
        largest = max(largest, abs(gain[c]))
    if largest == 0:
        largest = 1.0
    for c in range(spread.size):
        out[0, c], out[1, c] = word_and_shift(gain[c] / largest)
    return largest


@compiled
def offsets(codes: Any, scale: float, unit: float, out: Any) -> None:
    """``NumberKernels.offsets``."""
    for c in range(codes.size):
        out[c] = np.int64(math.floor(np.float64(codes[c]) * scale / unit + 0.5))


@compiled
def moved(running: Any, codes: Any, scale: float, momentum: float, inverse: bool, out: Any) -> None:
    """``NumberKernels.moved``, fp32."""
    share = np.float32(momentum)
    rest = np.float32(1) - share
    for c in range(codes.size):
        new = np.float32(reciprocal(codes[c], scale) if inverse else np.float64(codes[c]) * scale)
        out[c] = np.float32(share * running[c]) + np.float32(rest * new)


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
