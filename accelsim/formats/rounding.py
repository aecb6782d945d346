"""Rounding modes of the quantise unit, once each: on real values and on a right shift of integers.

Integers are two's complement, so dropping the bits below rounds toward minus infinity, and random bits are added
before that drop. A floating-point format rounds the magnitude (sign and magnitude), where the same drop is toward zero.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

MAX_RANDOM_BITS = 16
MAX_SHIFT = 62


class RoundingMode(StrEnum):
    """How a value between two codes is rounded, in one rounding.

    ``nearest_away`` takes ties away from zero; ``truncate`` drops the bits below; ``stochastic`` adds random bits just
    below the last kept bit, then drops. With k random bits the chance of rounding up is the fraction cut to k bits.
    """

    NEAREST_EVEN = "nearest_even"
    NEAREST_AWAY = "nearest_away"
    TRUNCATE = "truncate"
    STOCHASTIC = "stochastic"

    @classmethod
    def _missing_(cls, value: object) -> RoundingMode:
        raise ValueError(f"a rounding mode is one of {', '.join(cls)}, not {value!r}")


def round_real(xp: Any, x: Any, rounding: str, random: Any = None, random_bits: int = MAX_RANDOM_BITS) -> Any:
    """Finite float64 values to integers, still float64; NaN stays NaN.

    Args:
        xp: the array library.
        x: values.
        rounding: a RoundingMode or its name.
        random: for ``stochastic``, integer codes of ``random_bits`` bits, of the shape of ``x``.
        random_bits: 1 to 16.

    Raises:
        ValueError: the mode is unknown, or the random bits are missing or too many.
    """
    mode = RoundingMode(rounding)
    x = xp.asarray(x, dtype=xp.float64)
    if mode is RoundingMode.NEAREST_EVEN:
        return xp.rint(x)
    magnitude = xp.abs(x)
    whole = xp.floor(magnitude)
    # Exact: both have the same unit in the last place or a coarser one. x + 0.5 or x + dither would not be.
    fraction = magnitude - whole
    if mode is RoundingMode.NEAREST_AWAY:
        up = fraction >= 0.5
    elif mode is RoundingMode.TRUNCATE:
        up = (x < 0) & (fraction > 0)
    else:
        dither = _random(xp, random, random_bits).astype(xp.float64) * 0.5**random_bits
        up = xp.where(x < 0, fraction > dither, fraction >= 1.0 - dither)
    return xp.copysign(whole + up, x)


def rounding_shift(
    xp: Any, x: Any, shift: Any, rounding: str, random: Any = None, random_bits: int = MAX_RANDOM_BITS
) -> Any:
    """int64 ``x / 2**shift``, rounded once; exact for every int64.

    ``shift`` is 0 to 62: a number, or an array that broadcasts (one for each channel of the last axis). Random bits
    beyond the shift are dropped from below.

    Raises:
        ValueError: a shift is out of range, or as for ``round_real``.
    """
    mode = RoundingMode(rounding)
    x, shift = xp.asarray(x, dtype=xp.int64), xp.asarray(shift, dtype=xp.int64)
    if shift.size and (int(shift.min()) < 0 or int(shift.max()) > MAX_SHIFT):
        raise ValueError(f"a rounding shift is 0 to {MAX_SHIFT} bits, not {int(shift.min())} to {int(shift.max())}")
    whole = x >> shift
    rest, unit = x - (whole << shift), xp.int64(1) << shift
    if mode is RoundingMode.TRUNCATE:
        return whole
    if mode is RoundingMode.STOCHASTIC:
        codes = _random(xp, random, random_bits).astype(xp.int64)
        dither = (codes << (shift - random_bits).clip(0)) >> (random_bits - shift).clip(0)
        return whole + (rest + dither >= unit)
    takes_ties = (whole & 1) == 1 if mode is RoundingMode.NEAREST_EVEN else x >= 0
    return whole + ((2 * rest > unit) | ((2 * rest == unit) & takes_ties))


def _random(xp: Any, random: Any, random_bits: int) -> Any:
    if random is None:
        raise ValueError("stochastic rounding needs random codes, one for each element")
    if not 1 <= random_bits <= MAX_RANDOM_BITS:
        raise ValueError(f"stochastic rounding adds 1 to {MAX_RANDOM_BITS} random bits, not {random_bits}")
    return xp.asarray(random)
