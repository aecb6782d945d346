"""Normalisation kernels, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled import loops
from accelsim.datapath.kernels.compiled.rounding import CompiledRounding, per_channel
from accelsim.datapath.kernels.norm import NormKernels
from accelsim.formats import FixedPointMultiplier


class CompiledNorm(CompiledRounding, NormKernels):
    """Same bits as the NumPy kernels; partial sums of threads are exact integers."""

    def channel_sum(self, x: Any) -> Any:
        def work(start: int, stop: int) -> Any:
            total = np.zeros(x.shape[1], dtype=np.int64)
            loops.channel_sums(x[start:stop], total)
            return total

        return sum(self.workers.spread(x.shape[0], x.shape[1], work))

    def channel_products(self, a: Any, b: Any) -> Any:
        def work(start: int, stop: int) -> Any:
            total = np.zeros(a.shape[1], dtype=np.int64)
            loops.channel_products(a[start:stop], b[start:stop], total)
            return total

        return sum(self.workers.spread(a.shape[0], a.shape[1], work))

    def range_sum(self, x: Any, chunks: int) -> tuple[Any, Any]:
        size, channels = x.shape[0] // chunks, x.shape[1]
        high, low = (np.empty((chunks, channels), dtype=x.dtype) for _ in range(2))
        rows = np.empty((2, chunks, channels), dtype=np.int64)

        def work(start: int, stop: int) -> None:
            for k in range(start, stop):
                part = x[k * size : (k + 1) * size]
                loops.extremes(part, high[k], low[k], rows[0, k], rows[1, k])

        self.workers.spread(chunks, size * channels, work)
        rows += size * np.arange(chunks)[:, None]
        return (high.astype(np.int64) - low).sum(axis=0), rows

    def normalise(self, x: Any, centre: Any, multiplier: FixedPointMultiplier, offset: Any, bits: int) -> Any:
        mantissa, shift = per_channel(multiplier, x.shape[1])
        out = np.empty(x.shape, dtype=np.int32)

        def work(start: int, stop: int) -> None:
            loops.normalise(x[start:stop], out[start:stop], centre, mantissa, shift, offset, bits)

        self.workers.spread(x.shape[0], x.shape[1], work)
        return out

    def range_norm_backward(
        self, g: Any, sums: tuple[Any, Any], spread: Any, extremes: Any, multiplier: FixedPointMultiplier, bits: int
    ) -> Any:
        centre = self.divide_rounded(sums[0] << bits, g.shape[0])
        out = self._centred_gradient(g, centre, multiplier, bits)
        toward = self.divide_rounded(sums[1], np.maximum(spread.astype(np.int64), 1))
        columns = np.arange(g.shape[1])
        # A row that is both extremes of a chunk gets both shares, which cancel.
        for tops, bottoms in zip(extremes[0], extremes[1], strict=True):
            for rows, other, sign in ((tops, bottoms, -1), (bottoms, tops, 1)):
                share = np.where(rows == other, 0, sign * toward)
                e = (g[rows, columns].astype(np.int64) << bits) - centre + share
                out[rows, columns] = self.rescale(np.clip(e, loops.INT32_MIN, loops.INT32_MAX)[None], multiplier)[0]
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

    def _centred_gradient(self, g: Any, centre: Any, multiplier: FixedPointMultiplier, bits: int) -> Any:
        mantissa, shift = per_channel(multiplier, g.shape[1])
        out = np.empty(g.shape, dtype=np.int32)

        def work(start: int, stop: int) -> None:
            loops.centred_gradient(g[start:stop], out[start:stop], centre, mantissa, shift, bits)

        self.workers.spread(g.shape[0], g.shape[1], work)
        return out
