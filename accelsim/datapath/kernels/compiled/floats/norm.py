"""Normalisation in floating point, compiled: one pass over memory each."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.deferred import plain
from accelsim.datapath.kernels.compiled.floats import loops
from accelsim.datapath.kernels.compiled.workers import Workers
from accelsim.datapath.kernels.norm_float import FloatNormKernels, divisor, outside_factor

LINE = 16
"""Columns of a cache line: threads share the columns of a sum, not its rows, so that its order stays."""


class CompiledFloatNorm(FloatNormKernels):
    """Same bits as NumPy, which adds the rows of a column in order; float64 is left to it."""

    workers: Workers

    def float_mean(self, x: Any) -> Any:
        x = plain(x)
        return (self._column_sums(x) / x.shape[0]).astype(x.dtype) if _fits(x) else super().float_mean(x)

    def float_variance(self, x: Any) -> Any:
        x = plain(x)
        if not _fits(x):
            return super().float_variance(x)
        return self._mean_square(x, self._column_sums(x) / x.shape[0])

    def float_mean_square(self, x: Any) -> Any:
        x = plain(x)
        return self._mean_square(x, np.zeros(x.shape[1])) if _fits(x) else super().float_mean_square(x)

    def float_normalise(self, x: Any, centre: Any, spread: Any, gamma: Any, beta: Any) -> Any:
        x = plain(x)
        if not _is_float32(x, centre, spread, gamma, beta):
            return super().float_normalise(x, centre, spread, gamma, beta)
        rows, gain = np.ascontiguousarray(x).reshape(-1, x.shape[-1]), gamma / divisor(spread)
        out = np.empty_like(rows)
        self._over_rows(rows, lambda i, j: loops.normalise(rows[i:j], centre, gain, beta, out[i:j]))
        return out.reshape(x.shape)

    def float_products(self, g: Any, x: Any, centre: Any, spread: Any) -> tuple[Any, Any]:
        g, x = plain(g), plain(x)
        if not (_fits(x) and _is_float32(g, centre, spread)):
            return super().float_products(g, x, centre, spread)
        g, x, safe = np.ascontiguousarray(g), np.ascontiguousarray(x), divisor(spread)
        total, weighted = np.zeros(x.shape[1]), np.zeros(x.shape[1])
        self._over_columns(x, lambda i, j: loops.products(g, x, centre, safe, total, weighted, i, j))
        return total.astype(g.dtype), weighted.astype(g.dtype)

    def float_norm_backward(
        self, g: Any, x: Any, centre: Any, spread: Any, gain: Any, sums: tuple[Any, Any], outside: float
    ) -> Any:
        g, x = plain(g), plain(x)
        if not _is_float32(g, x, centre, spread, gain, *sums):
            return super().float_norm_backward(g, x, centre, spread, gain, sums, outside)
        rows = np.float32(g.shape[0])
        each = sums[0] / rows, sums[1] / rows, gain, outside_factor(spread, outside) if outside else None
        g, x, safe = np.ascontiguousarray(g), np.ascontiguousarray(x), divisor(spread)
        out = np.empty_like(g)
        self._over_rows(g, lambda i, j: loops.norm_backward(g[i:j], x[i:j], centre, safe, *each, out[i:j]))
        return out

    def _column_sums(self, x: Any) -> Any:
        x, total = np.ascontiguousarray(x), np.zeros(x.shape[1])
        self._over_columns(x, lambda start, stop: loops.sums(x, total, start, stop))
        return total

    def _mean_square(self, x: Any, centre: Any) -> Any:
        """Mean of (x - centre)^2 of each column."""
        x, total = np.ascontiguousarray(x), np.zeros(x.shape[1])
        self._over_columns(x, lambda start, stop: loops.squares(x, centre, total, start, stop))
        return total / x.shape[0]

    def _over_columns(self, x: Any, work: Any) -> None:
        self.workers.spread(x.shape[1], x.shape[0], work, multiple=LINE)

    def _over_rows(self, x: Any, work: Any) -> None:
        self.workers.spread(x.shape[0], x.shape[1], work)


def _fits(x: Any) -> bool:
    """float32 and more than one column: NumPy adds up a single one in pairs."""
    return _is_float32(x) and x.shape[1] > 1


def _is_float32(*arrays: Any) -> bool:
    return all(array.dtype == np.float32 for array in arrays)
