"""Normalisation kernels, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled import channels, loops
from accelsim.datapath.kernels.compiled.column import added, chunk_ranges, first_extremes, folded, joined
from accelsim.datapath.kernels.compiled.deferred import Deferred, pending, plain
from accelsim.datapath.kernels.compiled.notes import Notes
from accelsim.datapath.kernels.compiled.per_channel import (
    mantissa_and_shift,
    quotients,
    replaced_words,
    spread_share,
)
from accelsim.datapath.kernels.compiled.requantised import Requantised
from accelsim.datapath.kernels.compiled.rounding import CompiledRounding
from accelsim.datapath.kernels.compiled.scaled import Patches, ScaledRows
from accelsim.datapath.kernels.norm import NormKernels
from accelsim.formats import FixedPointMultiplier


class CompiledNorm(CompiledRounding, NormKernels):
    """Same bits as the NumPy kernels; partial sums of threads are exact integers."""

    extremes: Notes[tuple[Any, Any, Any]]
    """Largest and smallest code of each channel (last axis), and the first rows where they stand, or None."""

    def channel_sum(self, x: Any) -> Any:
        codes = pending(x, Requantised)
        if codes is not None and codes.can_be_measured():
            total, extremes = codes.statistics(*x.shape)
            self.extremes.note(codes.array(), extremes)
            return total
        x = plain(x)
        return self._sums(31 - (8 * x.dtype.itemsize - 1), loops_of=channels.channel_sums, arrays=(x,))

    def channel_products(self, a: Any, b: Any) -> Any:
        a, b = plain(a), plain(b)
        free = 31 - (8 * a.dtype.itemsize - 1) - (8 * b.dtype.itemsize - 1)
        return self._sums(free, loops_of=channels.channel_products, arrays=(a, b))

    def gradient_sums(self, g: Any, x: Any) -> tuple[Any, Any]:
        x, codes = plain(x), pending(g, Requantised)
        if codes is None or not codes.can_sum(x):
            return super().gradient_sums(g, x)
        total, products, extremes = codes.sums(x)
        self.extremes.note(codes.array(), (*extremes, None))
        return total, products

    def divide_rounded(self, numerator: Any, denominator: Any) -> Any:
        if not isinstance(denominator, int) or numerator.ndim != 1 or numerator.dtype != np.int64:
            return super().divide_rounded(numerator, denominator)
        out = np.empty_like(numerator)
        quotients(numerator, denominator, out)
        return out

    def spread_share(self, products: Any, spread: Any, damping: Any) -> Any:
        out, damping = np.empty_like(products), (spread != 0).astype(np.float64) if damping is None else damping
        spread_share(products, spread, damping, out)
        return out

    def range_sum(self, x: Any, chunks: int) -> tuple[Any, Any]:
        x = plain(x)
        size, count = x.shape[0] // chunks, x.shape[1]
        if chunks == 1:
            high, low, rows = known = self._extremes(x)
            self.extremes.note(x, known)
            return high.astype(np.int64) - low, rows[:, None]
        high, low = np.empty((2, chunks, count), dtype=x.dtype)
        rows = np.empty((2, chunks, count), dtype=np.int64)
        for k in range(chunks):
            high[k], low[k], rows[:, k] = self._extremes(x[k * size : (k + 1) * size])
            rows[:, k] += k * size
        total, highest, lowest = np.empty(count, dtype=np.int64), np.empty_like(high[0]), np.empty_like(high[0])
        chunk_ranges(high, low, total, highest, lowest)
        if size * chunks == x.shape[0]:
            self.extremes.note(x, (highest, lowest, None))
        return total, rows

    def normalise(self, x: Any, centre: Any, multiplier: FixedPointMultiplier, offset: Any, bits: int) -> Any:
        return self._scaled(loops.normalise, plain(x), centre, mantissa_and_shift(multiplier, x.shape[1]), offset, bits)

    def absolute_deviation(self, x: Any, centre: Any, fraction_bits: int) -> tuple[Any, Any]:
        x = plain(x)

        def work(start: int, stop: int) -> Any:
            totals = np.zeros((2, x.shape[1]), dtype=np.int64)
            loops.absolute_deviation(x[start:stop], centre, fraction_bits, totals)
            return totals

        total, signs = added(self.workers.spread(x.shape[0], x.shape[1], work))
        return total, signs

    def range_norm_backward(
        self, g: Any, g_sum: Any, share: Any, extremes: Any, multiplier: FixedPointMultiplier, bits: int
    ) -> Any:
        g, centre = plain(g), self.divide_rounded(g_sum << bits, g.shape[0])
        numbers, nothing = mantissa_and_shift(multiplier, g.shape[1]), np.zeros(centre.size, dtype=np.int64)
        out = self._scaled(loops.centred_gradient, g, centre, numbers, nothing, bits)
        words, places = np.empty(extremes.size, dtype=np.int32), np.empty(extremes.size, dtype=np.int64)
        replaced_words(g, extremes, centre, share, *numbers, bits, words, places)
        plan = pending(out, ScaledRows)
        if plan is None:
            out.reshape(-1)[places] = words
        else:
            plan.patches = Patches(places, words)
        return out

    def batch_norm_backward(
        self,
        g: Any,
        x: Any,
        centres: Any,
        along: FixedPointMultiplier,
        multiplier: FixedPointMultiplier,
        bits: int,
    ) -> Any:
        g, x = plain(g), plain(x)
        first, second = (mantissa_and_shift(m, g.shape[1]) for m in (along, multiplier))
        out = np.empty(g.shape, dtype=np.int32)

        def work(start: int, stop: int) -> None:
            loops.batch_norm_backward(g[start:stop], x[start:stop], out[start:stop], centres, *first, *second, bits)

        self.workers.spread(g.shape[0], g.shape[1], work)
        return out

    def l1_norm_backward(
        self,
        g: Any,
        x: Any,
        centres: Any,
        share: Any,
        multiplier: FixedPointMultiplier,
        bits: int,
    ) -> Any:
        g, x, (mantissa, shift) = plain(g), plain(x), mantissa_and_shift(multiplier, g.shape[1])
        out = np.empty(g.shape, dtype=np.int32)

        def work(start: int, stop: int) -> None:
            loops.l1_norm_backward(g[start:stop], x[start:stop], out[start:stop], centres, share, mantissa, shift, bits)

        self.workers.spread(g.shape[0], g.shape[1], work)
        return out

    def _sums(self, free_bits: int, loops_of: Any, arrays: tuple[Any, ...]) -> Any:
        """Sums over rows; 2**``free_bits`` terms fit int32 lanes, which are emptied into int64 before they overflow."""
        rows, count = arrays[0].shape
        beside = channels.wide(rows, count)
        views = [np.ascontiguousarray(x).reshape(rows // beside, beside * count) for x in arrays]
        narrow = free_bits >= 6
        limit = (1 << free_bits) - 1 if narrow else rows

        def work(start: int, stop: int) -> Any:
            total = np.zeros(beside * count, dtype=np.int64)
            partial = np.zeros(beside * count, dtype=np.int32 if narrow else np.int64)
            loops_of(*[x[start:stop] for x in views], partial, limit, total)
            return total

        return folded(added(self.workers.spread(rows // beside, beside * count, work)), count)

    def _extremes(self, x: Any) -> tuple[Any, Any, Any]:
        """Largest and smallest code of each channel, and the first rows where they stand (2, channels)."""
        known = self._known_extremes(x)
        if known is not None and known[2] is not None:
            return known
        rows, count = x.shape
        beside = channels.wide(rows, count)
        view = np.ascontiguousarray(x).reshape(rows // beside, beside * count)

        def work(start: int, stop: int) -> tuple[Any, Any, Any]:
            return first_extremes(view[start:stop], count, start * beside)

        return joined(self.workers.spread(rows // beside, beside * count, work))

    def _scaled(self, general: Any, x: Any, centre: Any, multiplier: tuple[Any, Any], offset: Any, bits: int) -> Any:
        """((x << bits) - centre) times a multiplier (mantissas and shifts) a channel plus offset, int32; ``general``
        saturates on the way.

        Where nothing can saturate it is one multiplication, one addition and one shift, left to whoever reads it.
        """
        rows, count = x.shape
        mantissa, shift = multiplier
        beside = channels.wide(rows, count)
        numbers = np.empty(beside * count, np.int32), *np.empty((2, beside * count), np.int64)
        largest = 1 << (8 * x.dtype.itemsize - 1)
        if largest <= 1 << 15 and channels.lane_numbers(mantissa, shift, centre, offset, bits, largest, *numbers):
            codes = np.ascontiguousarray(x)
            plan = ScaledRows(self.workers, self.peaks, codes, numbers, bits, lambda: self._channel_extremes(codes))
            return Deferred(plan, x.shape)
        out = np.empty(x.shape, dtype=np.int32)

        def work(start: int, stop: int) -> None:
            general(x[start:stop], out[start:stop], centre, mantissa, shift, offset, bits)

        self.workers.spread(rows, count, work)
        return out

    def _channel_extremes(self, x: Any) -> tuple[Any, Any]:
        return (self._known_extremes(x) or self._extremes(x))[:2]

    def _known_extremes(self, x: Any) -> tuple[Any, Any, Any] | None:
        known = self.extremes.of(x)
        # The same array may have been seen with other channels.
        return known if known is not None and known[0].size == x.shape[1] else None
