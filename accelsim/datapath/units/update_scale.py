"""Constants of the integer update as multipliers of few bits and shifts, worked out on the host in double precision."""

from __future__ import annotations

import math
from typing import NamedTuple

MOMENTUM_BITS = 8
"""Momentum is the nearest k / 256, at most 255 / 256."""
DECAY_BITS = 8
"""Weight decay is k x 2**-shift with 128 <= k < 256: it is off by at most 1 part in 257."""
EXACT_BITS = 31
"""Mantissa of an exact learning rate, and of a gradient's scale."""


class Shifted(NamedTuple):
    """mantissa x 2**-shift."""

    mantissa: int
    shift: int


def momentum_share(momentum: float) -> int:
    """k of the nearest k / 256; 255 at most, so that a velocity always decays."""
    return min(math.floor(momentum * (1 << MOMENTUM_BITS) + 0.5), (1 << MOMENTUM_BITS) - 1)


def few_bits(value: float, bits: int) -> Shifted:
    """``value`` >= 0 with a mantissa of ``bits`` bits, rounded half up; zero stays zero."""
    fraction, exponent = math.frexp(value)
    mantissa = math.floor(fraction * 2.0**bits + 0.5)
    if mantissa == 1 << bits:
        return Shifted(mantissa >> 1, bits - 1 - exponent)
    return Shifted(mantissa, bits - exponent)


def nearest_power_of_two(value: float) -> Shifted:
    """2**round(log2 value) as a shift alone; zero stays zero."""
    fraction, exponent = math.frexp(value)
    if not fraction:
        return Shifted(0, 0)
    # log2 rounds down where the fraction is below the square root of a half.
    return Shifted(1, -exponent if fraction * fraction >= 0.5 else 1 - exponent)


def learning_rate(value: float, form: str) -> Shifted:
    """The learning rate as the update unit multiplies by it: ``exact`` or ``power_of_two``."""
    return nearest_power_of_two(value) if form == "power_of_two" else few_bits(value, EXACT_BITS)
