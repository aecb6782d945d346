"""Bias of stochastic rounding: what a few random bits must leave, and what the datapath's kernels do leave.

Everything is in units of the last kept place (ulp). With r random bits, a fraction of r + k bits is rounded up by
floor(fraction * 2**r) of the 2**r equally likely codes, so its lowest k bits count for nothing: the bias is minus what
they are worth, -(numerator mod 2**k) / 2**(r + k), and on average over all fractions -2**-(r + 1) + 2**-(r + k + 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from accelsim.datapath.kernels import Kernels, RandomStream
from accelsim.formats import FixedPointMultiplier, RandomSource
from accelsim.formats.float_codes import round_to_float
from accelsim.formats.floating import BF16

BELOW = 4
"""Bits of the fractions below the random bits: k."""
WHOLE = 5
"""Integer part of every value that is rounded."""
COLUMNS = 64
LIMITS = -32767, 32767
Rounder = Callable[[Kernels, Any, int, RandomStream], Any]


def requantise(kernels: Kernels, numerators: Any, width: int, stream: RandomStream) -> Any:
    """How far above ``WHOLE`` each sum WHOLE + numerator / 2**width lands, from int32 accumulators."""
    wide = (numerators + (WHOLE << width)).astype(np.int32).reshape(-1, COLUMNS)
    multiplier = FixedPointMultiplier.from_real(2.0**-width)
    return kernels.requantise_stochastic(wide, multiplier, stream, *LIMITS, "int16").ravel() - WHOLE


def quantise(kernels: Kernels, numerators: Any, width: int, stream: RandomStream) -> Any:
    """The same, from float32 values under a scale of 2**width."""
    real = (numerators + (WHOLE << width)).astype(np.float32).reshape(-1, COLUMNS)
    return kernels.quantise_stochastic(real, 2.0**width, stream, *LIMITS, "int16").ravel() - WHOLE


def to_bf16(kernels: Kernels, numerators: Any, width: int, stream: RandomStream) -> Any:
    """The same for a bf16 number of eight significant bits, as the update unit rounds master weights."""
    whole = (1 << BF16.mantissa_bits) + WHOLE
    codes = kernels.random_codes(stream, numerators.size)
    values = whole + numerators * 0.5**width
    return round_to_float(kernels.xp, values, BF16, "stochastic", codes, stream.bits).astype(np.int64) - whole


KERNELS: dict[str, Rounder] = {"requantise": requantise, "quantise": quantise, "bf16": to_bf16}


def bias(numerator: int, width: int, bits: int) -> Fraction:
    """Mean over all random codes of the rounded value, less the value, by adding each code in turn."""
    ups = sum(numerator + (code << (width - bits)) >= 1 << width for code in range(1 << bits))
    return Fraction(ups, 1 << bits) - Fraction(numerator, 1 << width)


def mean_bias(bits: int) -> Fraction:
    """The formula: averaged over every fraction of ``bits + BELOW`` bits."""
    return Fraction(1, 1 << (bits + BELOW + 1)) - Fraction(1, 1 << (bits + 1))


def spread_fractions(bits: int) -> Any:
    """Numerators of fractions of ``bits + BELOW`` bits: all of them up to 6 random bits, then fewer and fewer.

    They are all lowest parts under evenly spaced top parts. The bias depends on the lowest part alone, so its mean over
    these fractions is that over all fractions.
    """
    tops = min(1 << bits, max(2, (1 << 12) >> bits))
    top = np.arange(tops) * ((1 << bits) // tops)
    return ((top[:, None] << BELOW) + np.arange(1 << BELOW)).ravel()


def rounded_up(kernels: Kernels, rounder: Rounder, source: RandomSource, bits: int, numerators: Any, width: int) -> Any:
    """How many of the 2**bits random codes round each numerator up, by the kernel itself.

    Which code an element draws is known, so each numerator is laid where the stream draws each code once.
    """
    stream, count = RandomStream(7, 1, 3, bits, source), numerators.size
    elements = max(COLUMNS, count << bits)
    while np.bincount(codes := kernels.random_codes(stream, elements), minlength=1 << bits).min() < count:
        elements += elements // 4 // COLUMNS * COLUMNS + COLUMNS
    order = np.argsort(codes, kind="stable")
    first = np.searchsorted(codes[order], np.arange(1 << bits))
    places = (first[:, None] + np.arange(count)).ravel()
    laid, which = order[places], np.tile(np.arange(count), 1 << bits)
    x = np.zeros(elements, dtype=np.int64)
    x[laid] = numerators[which]
    return np.bincount(which, weights=rounder(kernels, x, width, stream)[laid], minlength=count).astype(np.int64)


def staircase(kernels: Kernels, bits: int, width: int = 8, stride: int = 2) -> list[tuple[float, float, Fraction]]:
    """Fraction, bias by ``requantise`` over all random codes, and how far that is from adding the codes in Python."""
    numerators = np.arange(0, 1 << width, stride)
    ups = rounded_up(kernels, requantise, RandomSource.PHILOX, bits, numerators, width).tolist()
    found = [Fraction(up, 1 << bits) - Fraction(n, 1 << width) for n, up in zip(numerators.tolist(), ups, strict=True)]
    return [
        (n / (1 << width), float(b), b - bias(n, width, bits)) for n, b in zip(numerators.tolist(), found, strict=True)
    ]


def measured_bias(kernels: Kernels, rounder: Rounder, source: RandomSource, bits: int) -> Fraction:
    """Mean bias over ``spread_fractions`` and every random code, exact."""
    numerators, width = spread_fractions(bits), bits + BELOW
    ups = rounded_up(kernels, rounder, source, bits, numerators, width)
    exact = Fraction(int(numerators.sum()), 1 << width)
    return (Fraction(int(ups.sum()), 1 << bits) - exact) / numerators.size


@dataclass(frozen=True)
class Sample:
    """Mean error of many random fractions with its standard error, and mean squared error, in ulp."""

    mean: float
    standard_error: float
    squared: float


def sampled(kernels: Kernels, source: RandomSource, bits: int, elements: int = 1 << 22, width: int = 24) -> Sample:
    """``requantise`` on fractions drawn evenly: no stream is arranged here."""
    numerators = np.random.default_rng(bits).integers(0, 1 << width, elements)
    error = requantise(kernels, numerators, width, RandomStream(11, 1, 5, bits, source)) - numerators * 0.5**width
    return Sample(float(error.mean()), float(error.std() / elements**0.5), float((error**2).mean()))
