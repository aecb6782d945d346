"""Quantise-unit kernels, compiled: one pass, random bits made beside the rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.arrays import is_per_channel
from accelsim.datapath.kernels.compiled import flexpoint, loops, stochastic
from accelsim.datapath.kernels.compiled.deferred import Deferred, Elsewhere, pending, plain
from accelsim.datapath.kernels.compiled.floats import rounding as float_rounding
from accelsim.datapath.kernels.compiled.notes import Notes
from accelsim.datapath.kernels.compiled.numbers import CompiledNumbers
from accelsim.datapath.kernels.compiled.per_channel import mantissa_and_shift
from accelsim.datapath.kernels.compiled.requantised import Requantised
from accelsim.datapath.kernels.compiled.scaled import Narrowed, ScaledRows, key_of
from accelsim.datapath.kernels.compiled.workers import Workers
from accelsim.datapath.kernels.philox import RandomStream
from accelsim.datapath.kernels.rounding import RoundingKernels
from accelsim.formats import FixedPointMultiplier, FloatFormat, RandomSource
from accelsim.formats.flexpoint import FlexpointFormat
from accelsim.formats.rounding import RoundingMode


class CompiledRounding(CompiledNumbers, RoundingKernels):
    """Same bits as the NumPy kernels."""

    workers: Workers
    peaks: Notes[int]

    def largest_magnitude(self, x: Any) -> float:
        words = pending(x, ScaledRows)
        if words is not None:
            return float(words.peak())
        x = plain(x)
        kind = x.dtype.kind
        known = self.peaks.of(x) if kind == "i" else None
        if known is not None:
            return float(known)
        if not x.flags.c_contiguous or not (kind == "i" or x.dtype == np.float32):
            return super().largest_magnitude(x)
        if kind == "f":
            # Magnitudes of floats are in the order of their bits without the sign; NaN is above infinity.
            return float(np.uint32(self._look(x.view(np.uint32))).view(np.float32))
        return float(self._look(x))

    def requantise(self, x: Any, multiplier: FixedPointMultiplier, low: int, high: int, storage: str) -> Any:
        if multiplier.mantissa.ndim or is_per_channel(low):
            return super().requantise(plain(x), multiplier, low, high, storage)
        numbers = int(multiplier.mantissa), int(multiplier.exponent), low, high
        words = pending(x, ScaledRows)
        if words is not None:
            return Deferred(Narrowed(words, storage, numbers), x.shape)
        return Deferred(Requantised(self.workers, plain(x), storage, numbers), x.shape)

    def requantise_stochastic(
        self, x: Any, multiplier: FixedPointMultiplier, random: RandomStream, low: int, high: int, storage: str
    ) -> Any:
        if multiplier.mantissa.ndim or is_per_channel(low) or random.source is not RandomSource.PHILOX:
            return super().requantise_stochastic(plain(x), multiplier, random, low, high, storage)
        mantissa, shift = int(multiplier.mantissa), 31 - int(multiplier.exponent)
        words = pending(x, ScaledRows)
        if words is not None:
            numbers = mantissa, shift, random.bits, low, high
            return Deferred(Narrowed(words, storage, numbers, random), x.shape)
        kernel = stochastic.requantise_down if x.dtype == np.int32 and shift >= 31 else stochastic.requantise
        return self._dithered(kernel, x, random, storage, mantissa, shift, random.bits, low, high)

    def quantise(self, x: Any, scale: Any, low: int, high: int, storage: str) -> Any:
        x = plain(x)
        if is_per_channel(scale) or is_per_channel(low):
            return super().quantise(x, scale, low, high, storage)
        source, out = x.reshape(-1), np.empty(x.size, dtype=storage)

        def work(start: int, stop: int) -> None:
            loops.quantise(source[start:stop], out[start:stop], scale, float(low), float(high))

        self.workers.spread(x.size, 1, work)
        return out.reshape(x.shape)

    def quantise_stochastic(self, x: Any, scale: Any, random: RandomStream, low: int, high: int, storage: str) -> Any:
        x = plain(x)
        if is_per_channel(scale) or is_per_channel(low) or random.source is not RandomSource.PHILOX:
            return super().quantise_stochastic(x, scale, random, low, high, storage)
        numbers = float(scale), random.bits, float(low), float(high)
        return self._dithered(stochastic.quantise, x, random, storage, *numbers)

    def floats(self, x: Any, scale: Any, storage: str) -> Any:
        if is_per_channel(scale) or storage != "float32":
            return super().floats(x, scale, storage)
        if pending(x, Elsewhere) is not None:
            return Deferred(Elsewhere(storage, lambda: self.floats(plain(x), scale, storage)), x.shape)
        x = plain(x)
        source, out, scale = x.reshape(-1), np.empty(x.size, dtype=np.float32), float(scale)
        self.workers.spread(x.size, 1, lambda i, j: loops.real_values(source[i:j], out[i:j], scale))
        return out.reshape(x.shape)

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
        x = plain(x)
        if is_per_channel(scale) or is_per_channel(unit) or rounding != RoundingMode.NEAREST_EVEN:
            return super().to_float_format(x, scale, unit, format_, rounding, random, random_bits, saturate=saturate)
        source, out = x.reshape(-1), np.empty(x.size, dtype=np.float32)
        numbers = float(scale), float(unit), *float_rounding.constants(format_, saturate=saturate)

        def work(start: int, stop: int) -> None:
            float_rounding.to_format(source[start:stop], out[start:stop], *numbers)

        self.workers.spread(x.size, 1, work)
        return out.reshape(x.shape)

    def flexpoint_codes(
        self, x: Any, scale: Any, exponent: int, format_: FlexpointFormat, rounding: str, random: Any, random_bits: int
    ) -> Any:
        x = plain(x)
        if is_per_channel(scale) or rounding != RoundingMode.NEAREST_EVEN:
            return super().flexpoint_codes(x, scale, exponent, format_, rounding, random, random_bits)
        source, out = x.reshape(-1), np.empty(x.size, dtype=format_.storage)
        numbers = float(scale), 2.0**exponent, float(format_.min_code), float(format_.max_code)

        def work(start: int, stop: int) -> int:
            return int(flexpoint.write(source[start:stop], out[start:stop], *numbers))

        self.peaks.note(out, max(self.workers.spread(x.size, 1, work)))
        return out.reshape(x.shape)

    def rescale(self, x: Any, multiplier: FixedPointMultiplier, storage: str = "int64") -> Any:
        rows = plain(x).reshape(-1, x.shape[-1])
        mantissa, shift = mantissa_and_shift(multiplier, rows.shape[1])
        out = np.empty(rows.shape, dtype=storage)

        def work(start: int, stop: int) -> None:
            loops.rescale_rows(rows[start:stop], out[start:stop], mantissa, shift)

        self.workers.spread(rows.shape[0], rows.shape[1], work)
        return out.reshape(x.shape)

    def dropped(self, x: Any, shift: Any) -> Any:
        x = plain(x)
        if is_per_channel(shift):
            return super().dropped(x, shift)
        source, out = x.reshape(-1), np.empty(x.size, dtype=np.int32)

        def work(start: int, stop: int) -> int:
            return int(loops.dropped(source[start:stop], out[start:stop], int(shift)))

        self.peaks.note(out, max(self.workers.spread(x.size, 1, work)))
        return out.reshape(x.shape)

    def wrap(self, x: Any, bits: int, storage: str) -> Any:
        if pending(x, Elsewhere) is not None:
            return Deferred(Elsewhere(storage, lambda: self.wrap(plain(x), bits, storage)), x.shape)
        if x.dtype == storage and bits == 8 * x.dtype.itemsize:
            return x
        x = plain(x)
        peak = self.peaks.of(x)
        if x.dtype == storage and peak is not None and peak < 1 << (bits - 1):
            return x
        if x.dtype != np.int64 or storage != "int64" or not x.flags.c_contiguous:
            return super().wrap(x, bits, storage)
        out = np.empty_like(x)
        loops.wrap(x.reshape(-1), out.reshape(-1), bits)
        return out

    def _look(self, x: Any) -> int:
        """max |x|, by a pass over all of it."""
        flat = x.reshape(-1)
        look = loops.largest_magnitude if x.dtype.kind == "i" else loops.largest_bits
        found = self.workers.spread(x.size, 1, lambda start, stop: int(look(flat[start:stop])))
        return int(max(found))

    def _dithered(self, kernel: Any, x: Any, random: RandomStream, storage: str, *numbers: Any) -> Any:
        source, out, key = plain(x).reshape(-1), np.empty(x.size, dtype=storage), key_of(random)

        def work(start: int, stop: int) -> None:
            kernel(source[start:stop], out[start:stop], start, key, *numbers)

        self.workers.spread(x.size, 1, work, multiple=stochastic.CHUNK)
        return out.reshape(x.shape)
