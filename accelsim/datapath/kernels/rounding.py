"""Rounding kernels of the quantise unit: fixed-point multiplication, nearest and stochastic."""

from __future__ import annotations

from typing import Any

from accelsim.formats import FixedPointMultiplier

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


class RoundingKernels:
    """Arrays of codes in, int64 arrays of codes out; multipliers are scalars or one per channel (last axis)."""

    xp: Any

    def largest_magnitude(self, x: Any) -> float:
        """max |x|, 0 for an empty array; exact for codes up to 53 bits."""
        return float(max(self.xp.max(x), -float(self.xp.min(x)))) if x.size else 0.0

    def requantise(self, x: Any, multiplier: FixedPointMultiplier, low: int, high: int) -> Any:
        """gemmlowp's pipeline: left shift, rounding doubling high multiplication, rounding right shift, clamp."""
        xp, exponent = self.xp, multiplier.exponent
        y = x.astype(xp.int64)
        if xp.any(exponent > 0):
            y = xp.clip(y << xp.asarray(exponent.clip(0)), INT32_MIN, INT32_MAX)
        y *= xp.asarray(multiplier.mantissa)
        y += 1 << 30
        y >>= 31
        # Only INT32_MIN times a mantissa of -2**31 could saturate here, and mantissas stop short of it.
        shift = xp.asarray((-exponent).clip(0))
        negative = y < 0
        xp.abs(y, out=y)
        y += (xp.int64(1) << shift) >> 1
        y >>= shift
        xp.negative(y, out=y, where=negative)
        return xp.clip(y, low, high, out=y)

    def requantise_stochastic(
        self, x: Any, multiplier: FixedPointMultiplier, random: Any, random_bits: int, low: int, high: int
    ) -> Any:
        """One rounding: ``random`` (codes of ``random_bits``) is added just below the last kept bit. Scalar multiplier."""
        xp = self.xp
        shift = 31 - int(multiplier.exponent)
        y = x.astype(xp.int64)
        y *= int(multiplier.mantissa)
        y += random << (shift - random_bits) if shift >= random_bits else random >> (random_bits - shift)
        y >>= shift
        return xp.clip(y, low, high, out=y)

    def rescale(self, x: Any, multiplier: FixedPointMultiplier) -> Any:
        """x times the multiplier, rounded once half up, saturated to 32 bits; |x| < 2**32 keeps it in 63 bits."""
        xp = self.xp
        shift = xp.asarray(31 - multiplier.exponent)
        y = x.astype(xp.int64)
        y *= xp.asarray(multiplier.mantissa)
        y += xp.int64(1) << (shift - 1)
        y >>= shift
        return xp.clip(y, INT32_MIN, INT32_MAX, out=y)

    def quantise(self, x: Any, scale: float, low: int, high: int) -> Any:
        """x / scale in double precision, rounded to nearest even, clamped."""
        xp = self.xp
        y = x.astype(xp.float64)
        y /= scale
        xp.rint(y, out=y)
        return xp.clip(y, low, high, out=y)

    def quantise_stochastic(self, x: Any, scale: float, random: Any, random_bits: int, low: int, high: int) -> Any:
        """floor(x / scale + random / 2**random_bits) in double precision, clamped."""
        xp = self.xp
        y = x.astype(xp.float64)
        y /= scale
        y += random * (0.5**random_bits)
        xp.floor(y, out=y)
        return xp.clip(y, low, high, out=y)

    def wrap(self, x: Any, bits: int, storage: str) -> Any:
        """Integers (int64, or floats that hold integers below 2**53) wrapped to ``bits`` bits of two's complement."""
        xp = self.xp
        y = x if x.dtype == xp.int64 else x.astype(xp.int64)
        if bits not in (8, 16, 32, 64):
            half = 1 << (bits - 1)
            y = ((y + half) & ((1 << bits) - 1)) - half
        return y.astype(storage)
