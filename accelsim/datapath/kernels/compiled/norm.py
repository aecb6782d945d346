"""Normalisation kernels, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled import channels, loops
from accelsim.datapath.kernels.compiled.rounding import CompiledRounding, per_channel
from accelsim.datapath.kernels.norm import NormKernels
from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN
from accelsim.formats import FixedPointMultiplier


class CompiledNorm(CompiledRounding, NormKernels):
    """Same bits as the NumPy kernels; partial sums of threads are exact integers."""

    def channel_sum(self, x: Any) -> Any:
        return self._sums(31 - (8 * x.dtype.itemsize - 1), loops_of=channels.channel_sums, arrays=(x,))

    def channel_products(self, a: Any, b: Any) -> Any:
        free = 31 - (8 * a.dtype.itemsize - 1) - (8 * b.dtype.itemsize - 1)
        return self._sums(free, loops_of=channels.channel_products, arrays=(a, b))

    def range_sum(self, x: Any, chunks: int) -> tuple[Any, Any]:
        size, count = x.shape[0] // chunks, x.shape[1]
        high, low = (np.empty((chunks, count), dtype=x.dtype) for _ in range(2))
        rows = np.empty((2, chunks, count), dtype=np.int64)
        for k in range(chunks):
            high[k], low[k], rows[:, k] = self._extremes(x[k * size : (k + 1) * size])
        rows += size * np.arange(chunks)[:, None]
        return (high.astype(np.int64) - low).sum(axis=0), rows

    def normalise(self, x: Any, centre: Any, multiplier: FixedPointMultiplier, offset: Any, bits: int) -> Any:
        return self._scaled(loops.normalise, x, centre, multiplier, offset, bits)

    def absolute_deviation(self, x: Any, centre: Any, fraction_bits: int) -> tuple[Any, Any]:
        def work(start: int, stop: int) -> Any:
            totals = np.zeros((2, x.shape[1]), dtype=np.int64)
            loops.absolute_deviation(x[start:stop], centre, fraction_bits, totals)
            return totals

        total, signs = sum(self.workers.spread(x.shape[0], x.shape[1], work))
        return total, signs

    def range_norm_backward(
        self, g: Any, g_sum: Any, share: Any, extremes: Any, multiplier: FixedPointMultiplier, bits: int
    ) -> Any:
        centre = self.divide_rounded(g_sum << bits, g.shape[0])
        out = self._scaled(loops.centred_gradient, g, centre, multiplier, np.zeros_like(centre), bits)
        columns = np.arange(g.shape[1])
        passed, replaced, new = self.peaks.of(out) or 0, 0, 0
        # A row that is both extremes of a chunk gets both shares, which cancel.
        for tops, bottoms in zip(extremes[0], extremes[1], strict=True):
            for rows, other, sign in ((tops, bottoms, -1), (bottoms, tops, 1)):
                moved = np.where(rows == other, 0, sign * share)
                e = (g[rows, columns].astype(np.int64) << bits) - centre + moved
                words = self.rescale(np.clip(e, INT32_MIN, INT32_MAX)[None], multiplier)[0]
                replaced = max(replaced, int(np.abs(out[rows, columns].astype(np.int64)).max()))
                new = max(new, int(np.abs(words).max()))
                out[rows, columns] = words
        # Where the largest word itself was replaced, the largest of the others is unknown.
        self.peaks.note(out, max(passed, new) if replaced < passed else self._look(out))
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
        first, second = (per_channel(m, g.shape[1]) for m in (along, multiplier))
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
        mantissa, shift = per_channel(multiplier, g.shape[1])
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

        total = sum(self.workers.spread(rows // beside, beside * count, work))
        return total.reshape(beside, count).sum(axis=0)

    def _extremes(self, x: Any) -> tuple[Any, Any, Any]:
        """Largest and smallest code of each channel, and the first rows where they stand (2, channels)."""
        rows, count = x.shape
        beside = channels.wide(rows, count)
        view = np.ascontiguousarray(x).reshape(rows // beside, beside * count)

        def work(start: int, stop: int) -> tuple[Any, Any, Any]:
            high, low = (np.empty(count, dtype=x.dtype) for _ in range(2))
            places = np.empty((2, count), dtype=np.int64)
            channels.extremes(view[start:stop], high, low, places)
            return high, low, places + start * beside

        found = self.workers.spread(rows // beside, beside * count, work)
        highs, lows, places = (np.stack(part) for part in zip(*found, strict=True))
        # argmax and argmin take the first slice of equal ones.
        best, columns = np.stack([highs.argmax(axis=0), lows.argmin(axis=0)]), np.arange(count)
        return highs[best[0], columns], lows[best[1], columns], places[best, [[0], [1]], columns]

    def _scaled(
        self, general: Any, x: Any, centre: Any, multiplier: FixedPointMultiplier, offset: Any, bits: int
    ) -> Any:
        """((x << bits) - centre) times a multiplier a channel plus offset, int32; ``general`` saturates on the way.

        Where nothing can saturate it is one multiplication, one addition and one shift, and the peak is noted.
        """
        rows, count = x.shape
        mantissa, shift = per_channel(multiplier, count)
        out = np.empty(x.shape, dtype=np.int32)
        if not _stays_small(x, centre, shift, offset, bits):

            def saturating(start: int, stop: int) -> None:
                general(x[start:stop], out[start:stop], centre, mantissa, shift, offset, bits)

            self.workers.spread(rows, count, saturating)
            return out
        # floor(v / 2**shift) + offset = floor((v + offset 2**shift) / 2**shift).
        constant = (np.int64(1) << (shift - 1)) - centre.astype(np.int64) * mantissa + (offset << shift)
        beside = channels.wide(rows, count)
        lanes = [np.tile(part, beside) for part in (mantissa.astype(np.int32), constant, shift)]
        source, target = (part.reshape(rows // beside, beside * count) for part in (np.ascontiguousarray(x), out))

        def work(start: int, stop: int) -> int:
            return int(channels.scale_lanes(source[start:stop], target[start:stop], lanes[0], lanes[1], lanes[2], bits))

        self.peaks.note(out, max(self.workers.spread(rows // beside, beside * count, work)))
        return out


def _stays_small(x: Any, centre: Any, shift: Any, offset: Any, bits: int) -> bool:
    """True where no step of a rescaling leaves int32, and none of its sums before the shift 63 bits.

    Mantissas are below 2**31, so |d| 2**31 >> shift bounds the product of d, for each channel.
    """
    if x.dtype.itemsize > 2 or bits > 8:
        return False
    largest = (1 << (8 * int(x.dtype.itemsize) - 1 + bits)) + int(np.abs(centre).max(initial=0))
    most, least = int(shift.max(initial=31)), int(shift.min(initial=31))
    bound = (largest << max(0, 31 - least)) + 1 + int(np.abs(offset).max(initial=0))
    return largest < 1 << 31 and bound < 1 << 31 and bound << most < 1 << 62
