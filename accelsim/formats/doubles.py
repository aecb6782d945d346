"""Exact float64 helpers: powers of two by their exponent field, and a mean that no order of addition can change.

IEEE 754 binary64: 52 stored fraction bits below an exponent field with bias 1023.
"""

from __future__ import annotations

import math
from typing import Any

FRACTION_BITS, BIAS = 52, 1023


def power_of_two(xp: Any, exponent: Any) -> Any:
    """2.0**exponent, exact, for integers -1022 .. 1023."""
    return ((xp.asarray(exponent, dtype=xp.int64) + BIAS) << FRACTION_BITS).view(xp.float64)


def floor_log2(xp: Any, magnitude: Any) -> Any:
    """floor(log2 magnitude), exact for 2**-1022 and more; -1023 for zero and subnormals, 1024 for inf and NaN."""
    return (xp.abs(xp.asarray(magnitude, dtype=xp.float64)).view(xp.int64) >> FRACTION_BITS) - BIAS


def exact_mean(xp: Any, magnitudes: Any) -> float:
    """Mean of finite non-negative numbers by a fixed-point accumulator of 62 bits; 0 for no elements.

    Terms are cut to ``62 - bit_length(n)`` bits (at most 52) below the largest one, then added as integers, so every
    backend gets the same sum; the one division is correctly rounded.

    Raises:
        ValueError: a number is not finite.
    """
    count = int(magnitudes.size)
    peak = float(magnitudes.max()) if count else 0.0
    if not math.isfinite(peak):
        raise ValueError(f"a mean of finite numbers is asked for, and one of {count} is {peak}")
    if peak == 0:
        return 0.0
    width = min(FRACTION_BITS, 62 - count.bit_length())
    unit = math.frexp(peak)[1] - width
    cut = xp.floor(xp.asarray(magnitudes, dtype=xp.float64) * 2.0**-unit).astype(xp.int64)
    return math.ldexp(int(cut.sum()) / count, unit)
