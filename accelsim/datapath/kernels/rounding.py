"""Rounding kernels of the quantise unit: fixed-point multiplication, nearest and stochastic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accelsim.datapath.arrays import on_device
from accelsim.datapath.kernels.numbers import NumberKernels
from accelsim.datapath.kernels.philox import RandomStream, random_codes
from accelsim.formats import FixedPointMultiplier, FloatFormat, Rounding
from accelsim.formats.flexpoint import FlexpointFormat, flexpoint_codes
from accelsim.formats.float_codes import round_to_float
from accelsim.formats.rounding import round_real

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
BLOCK = 1 << 14
"""Elements that go through all steps of a kernel before the next ones: they stay in the first-level cache."""


class RoundingKernels(NumberKernels):
    """Arrays of codes in, codes of ``storage`` out; multipliers are scalars or one per channel (last axis)."""

    xp: Any

    def random_codes(self, stream: RandomStream, elements: int) -> Any:
        """Random codes for stochastic rounding, see ``reference.random_code``."""
        return random_codes(self.xp, stream, elements)

    def largest_magnitude(self, x: Any) -> float:
        """max |x|, 0 for an empty array; exact for codes up to 53 bits."""
        return max(float(self.xp.max(x)), -float(self.xp.min(x))) if x.size else 0.0

    def largest_magnitudes(self, *arrays: Any) -> list[float]:
        """``largest_magnitude`` of each; the host waits once where arrays are elsewhere."""
        return [self.largest_magnitude(x) for x in arrays]

    def expect_peak(self, x: Any) -> None:
        """This step is likely to ask for the largest magnitude of ``x``: others may bring it along."""

    def requantise(self, x: Any, multiplier: FixedPointMultiplier, low: int, high: int, storage: str) -> Any:
        """gemmlowp's pipeline: left shift, rounding doubling high multiplication, rounding right shift, clamp."""
        xp, exponent = self.xp, multiplier.exponent
        mantissa, left = xp.asarray(multiplier.mantissa), xp.asarray(exponent.clip(0))
        right, any_left = xp.asarray((-exponent).clip(0)), bool((exponent > 0).any())
        half = (xp.int64(1) << right) >> 1
        low, high = on_device(xp, low), on_device(xp, high)

        def step(y: Any, at: slice) -> Any:
            if any_left:
                y <<= left
                xp.clip(y, INT32_MIN, INT32_MAX, out=y)
            # Only INT32_MIN times a mantissa of -2**31 could saturate here, and mantissas stop short of it.
            y *= mantissa
            y += 1 << 30
            y >>= 31
            negative = y < 0
            xp.abs(y, out=y)
            y += half
            y >>= right
            y = xp.where(negative, -y, y)
            return xp.clip(y, low, high, out=y)

        return self.blockwise(x, "int64", storage, step)

    def requantise_stochastic(
        self, x: Any, multiplier: FixedPointMultiplier, random: RandomStream, low: int, high: int, storage: str
    ) -> Any:
        """One rounding: random bits are added just below the last kept bit."""
        xp, mantissa, shift = self.xp, self.xp.asarray(multiplier.mantissa), self.xp.asarray(31 - multiplier.exponent)
        up, down = xp.maximum(shift - random.bits, 0), xp.maximum(random.bits - shift, 0)
        low, high = on_device(xp, low), on_device(xp, high)
        dither = self.random_codes(random, x.size).reshape(-1, x.shape[-1])

        def step(y: Any, at: slice) -> Any:
            y *= mantissa
            y += (dither[at].astype(xp.int64) << up) >> down
            y >>= shift
            return xp.clip(y, low, high, out=y)

        return self.blockwise(x, "int64", storage, step)

    def requantise_once(
        self, x: Any, multiplier: FixedPointMultiplier, rounding: Rounding, low: int, high: int, storage: str
    ) -> Any:
        """x times the multiplier, rounded once: nearest even, nearest away from zero, or truncated.

        Raises:
            ValueError: another rounding.
        """
        xp, mantissa, shift = self.xp, self.xp.asarray(multiplier.mantissa), self.xp.asarray(31 - multiplier.exponent)
        half = xp.int64(1) << (shift - 1)
        low, high = on_device(xp, low), on_device(xp, high)

        def step(y: Any, at: slice) -> Any:
            y *= mantissa
            if rounding is Rounding.NEAREST_EVEN:
                y += half - 1 + ((y >> shift) & 1)
            elif rounding is Rounding.NEAREST_AWAY:
                y += half - (y < 0)
            elif rounding is not Rounding.TRUNCATE:
                raise ValueError(f"requantise_once has no rounding {rounding}")
            y >>= shift
            return xp.clip(y, low, high, out=y)

        return self.blockwise(x, "int64", storage, step)

    def quantise_as(self, x: Any, scale: Any, rounding: Rounding, low: int, high: int, storage: str) -> Any:
        """x / scale in double precision, rounded away from zero at ties, or truncated (toward minus infinity)."""
        low, high, scale = (on_device(self.xp, number) for number in (low, high, scale))
        y = round_real(self.xp, x.astype("float64") / scale, rounding)
        return self.xp.clip(y, low, high).astype(storage)

    def rescale(self, x: Any, multiplier: FixedPointMultiplier, storage: str = "int64") -> Any:
        """x times the multiplier, rounded once half up, saturated to 32 bits; |x| < 2**31 keeps it in 63 bits."""
        xp = self.xp
        shift, mantissa = xp.asarray(31 - multiplier.exponent), xp.asarray(multiplier.mantissa)
        half = xp.int64(1) << (shift - 1)

        def step(y: Any, at: slice) -> Any:
            y *= mantissa
            y += half
            y >>= shift
            return xp.clip(y, INT32_MIN, INT32_MAX, out=y)

        return self.blockwise(x, "int64", storage, step)

    def quantise(self, x: Any, scale: Any, low: int, high: int, storage: str) -> Any:
        """x / scale in double precision, rounded to nearest even, clamped."""
        xp = self.xp
        low, high, scale = (on_device(xp, number) for number in (low, high, scale))
        if xp.ndim(scale):
            return xp.clip(xp.rint(x.astype("float64") / scale), low, high).astype(storage)

        def step(y: Any, at: slice) -> Any:
            y /= scale
            xp.rint(y, out=y)
            return xp.clip(y, low, high, out=y)

        return self.blockwise(x, "float64", storage, step)

    def quantise_stochastic(self, x: Any, scale: Any, random: RandomStream, low: int, high: int, storage: str) -> Any:
        """floor(x / scale + random fraction) in double precision, clamped."""
        xp = self.xp
        low, high, scale = (on_device(xp, number) for number in (low, high, scale))
        y = x.astype("float64") / scale
        y += self.random_codes(random, x.size).reshape(x.shape) * 0.5**random.bits
        return xp.clip(xp.floor(y, out=y), low, high, out=y).astype(storage)

    def real_values(self, x: Any, scale: Any) -> Any:
        """Codes or floats under ``scale`` in double precision."""
        return x.astype("float64") * on_device(self.xp, scale)

    def floats(self, x: Any, scale: Any, storage: str) -> Any:
        """``real_values`` as floats of ``storage``, to nearest even."""
        return self.real_values(x, scale).astype(storage)

    def to_float_format(
        self,
        x: Any,
        scale: Any,
        unit: Any,
        format_: FloatFormat,
        rounding: str,
        random: Any,
        random_bits: int,
        *,
        saturate: bool,
    ) -> Any:
        """``real_values`` of x over ``unit``, rounded once onto the grid of a format below 32 bits; float32."""
        values = self.real_values(x, scale) / on_device(self.xp, unit)
        return round_to_float(self.xp, values, format_, rounding, random, random_bits, saturate=saturate)

    def flexpoint_codes(
        self, x: Any, scale: Any, exponent: int, format_: FlexpointFormat, rounding: str, random: Any, random_bits: int
    ) -> Any:
        """Codes under 2**-exponent of the finite ``real_values`` of x, see ``formats.flexpoint``."""
        values = self.real_values(x, scale)
        return flexpoint_codes(self.xp, values, exponent, format_, rounding, random, random_bits)

    def add(self, a: Any, b: Any, first: FixedPointMultiplier, second: FixedPointMultiplier) -> Any:
        """Both operands rescaled, then added; int32, saturated."""
        total = self.rescale(a, first) + self.rescale(b, second)
        return self.xp.clip(total, INT32_MIN, INT32_MAX).astype("int32")

    def dropped(self, x: Any, shift: Any) -> Any:
        """int64 x without its lowest ``shift`` (0 to 63) bits, saturated to 32 bits symmetrically; int32."""
        return self.xp.clip(x >> on_device(self.xp, shift), -INT32_MAX, INT32_MAX).astype("int32")

    def wrap(self, x: Any, bits: int, storage: str) -> Any:
        """Integers (int64, or floats that hold integers below 2**53) wrapped to ``bits`` bits of two's complement."""
        if x.dtype == storage and bits == 8 * x.dtype.itemsize:
            return x

        def step(y: Any, at: slice) -> Any:
            if bits not in (8, 16, 32, 64):
                half = 1 << (bits - 1)
                y += half
                y &= (1 << bits) - 1
                y -= half
            return y

        return self.blockwise(x, "int64", storage, step)

    def blockwise(self, x: Any, working: str, storage: str, step: Callable[[Any, slice], Any]) -> Any:
        """Run ``step(rows in working type, which rows)`` over blocks of rows (last axis whole)."""
        rows = x.reshape(-1, x.shape[-1])
        out = self.xp.empty(rows.shape, dtype=storage)
        size = max(1, BLOCK // max(1, rows.shape[1]))
        for start in range(0, rows.shape[0], size):
            at = slice(start, start + size)
            out[at] = step(rows[at].astype(working), at)
        return out.reshape(x.shape)
