"""Normalisation unit: column sums and extremes by blocks that share the rows, the rest in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.arrays import is_per_channel
from accelsim.datapath.kernels.gpu.base import CudaBase, types
from accelsim.datapath.kernels.numbers import Numbers
from accelsim.formats import FixedPointMultiplier

COLUMNS, ROWS = 32, 8
"""Threads of a block along channels and rows."""
ROWS_EACH = 64
"""Rows that a thread adds up before its block joins the others."""
MOST_BLOCKS = 1024


class CudaNorm(CudaBase):
    """Arrays are (rows, channels); sums of integers are exact, so the order in which blocks add them is free."""

    def divide_rounded(self, numerator: Any, denominator: Any) -> Any:
        if not isinstance(denominator, int) or numerator.dtype != "int64":
            return super().divide_rounded(numerator, denominator)
        return self._quotients(numerator, 0, denominator)

    def mean(self, x: Any, fraction_bits: int) -> Any:
        return self._quotients(self.channel_sum(x), fraction_bits, x.shape[0])

    def channel_sum(self, x: Any) -> Any:
        if not self.knows("channel_sum", X=x.dtype):
            return super().channel_sum(x)
        sums = self.xp.zeros(x.shape[1], dtype="int64")
        self._over_rows("channel_sum", types(X=x.dtype, Y="int8"), x, self.packed(x), sums, *x.shape)
        return sums

    def channel_products(self, a: Any, b: Any) -> Any:
        if not self.knows("gradient_sums", X=a.dtype, Y=b.dtype):
            return super().channel_products(a, b)
        return self.gradient_sums(a, b)[1]

    def gradient_sums(self, g: Any, x: Any) -> tuple[Any, Any]:
        if not self.knows("gradient_sums", X=g.dtype, Y=x.dtype):
            return super().gradient_sums(g, x)
        sums = self.xp.zeros((2, g.shape[1]), dtype="int64")
        named = types(X=g.dtype, Y=x.dtype)
        self._over_rows("gradient_sums", named, g, self.packed(g), self.packed(x), sums, *g.shape)
        return sums[0], sums[1]

    def absolute_deviation(self, x: Any, centre: Any, fraction_bits: int) -> tuple[Any, Any]:
        if not self.knows("absolute_deviation", X=x.dtype):
            return super().absolute_deviation(x, centre, fraction_bits)
        sums, named = self.xp.zeros((2, x.shape[1]), dtype="int64"), types(X=x.dtype, Y="int8")
        arguments = self.packed(x), self._words(centre), sums, *x.shape, fraction_bits
        self._over_rows("absolute_deviation", named, x, *arguments)
        return sums[0], sums[1]

    def range_sum(self, x: Any, chunks: int) -> tuple[Any, Any]:
        if not self.knows("channel_range", X=x.dtype):
            return super().range_sum(x, chunks)
        xp, named, channels = self.xp, types(X=x.dtype), x.shape[1]
        shape, size = (2, chunks, channels), x.shape[0] // chunks
        keys = xp.zeros(shape, dtype="uint64")
        self._over_rows("channel_range", named, x[:size], self.packed(x), keys, size, channels, layers=chunks)
        total, rows = xp.empty(channels, dtype="int64"), xp.empty(shape, dtype="int64")
        self.elementwise("channel_ends", named, channels, keys, total, rows, chunks, channels)
        return total, rows

    def normalise(self, x: Any, centre: Any, multiplier: FixedPointMultiplier, offset: Any, bits: int) -> Any:
        if not self.knows("normalise", X=x.dtype):
            return super().normalise(x, centre, multiplier, offset, bits)
        numbers, centre = self.per_channel(multiplier, x.shape[1], offset), self._words(centre)
        return self._words_of("normalise", types(X=x.dtype), (x,), numbers, centre, bits=bits)

    def moved(self, running: Any, found: Numbers, momentum: float, *, inverse: bool) -> Any:
        if running.dtype != "float32" or not self.knows("moved", X=found.codes.dtype):
            return super().moved(running, found, momentum, inverse=inverse)
        out, one = self.xp.empty(running.shape, dtype="float32"), not is_per_channel(found.scale)
        scale = (None, float(found.scale)) if one else (self.xp.asarray(found.scale), 0.0)
        numbers = *scale, float(np.float32(momentum)), int(inverse)
        arrays = self.packed(found.codes), self.packed(running)
        self.elementwise("moved", types(X=found.codes.dtype), out.size, *arrays, out, out.size, *numbers)
        return out

    def spread_share(self, products: Any, spread: Any, damping: Any) -> Any:
        if products.dtype != "int64" or not self.knows("spread_share", X=spread.dtype):
            return super().spread_share(products, spread, damping)
        out, arrays = self.xp.empty(products.shape, dtype="int64"), (self.packed(products), self.packed(spread))
        factors = None if damping is None else self.xp.asarray(damping)
        self.elementwise("spread_share", types(X=spread.dtype), out.size, *arrays, factors, out, out.size)
        return out

    def range_norm_backward(
        self, g: Any, g_sum: Any, share: Any, extremes: Any, multiplier: FixedPointMultiplier, bits: int
    ) -> Any:
        if not self.knows("range_norm_backward", X=g.dtype):
            return super().range_norm_backward(g, g_sum, share, extremes, multiplier, bits)
        centre = self._quotients(g_sum, bits, g.shape[0])
        vectors = centre, self._words(share), self._words(extremes), extremes.shape[1]
        numbers = self.per_channel(multiplier, g.shape[1])
        return self._words_of("range_norm_backward", types(X=g.dtype, Y="int8"), (g,), numbers, *vectors, bits=bits)

    def batch_norm_backward(
        self,
        g: Any,
        x: Any,
        centres: Any,
        along: FixedPointMultiplier,
        multiplier: FixedPointMultiplier,
        bits: int,
    ) -> Any:
        if not self.knows("batch_norm_backward", X=g.dtype, Y=x.dtype):
            return super().batch_norm_backward(g, x, centres, along, multiplier, bits)
        numbers, named = self.per_channel(multiplier, g.shape[1]), types(X=g.dtype, Y=x.dtype)
        vectors = self.per_channel(along, g.shape[1]), self._words(centres)
        return self._words_of("batch_norm_backward", named, (g, x), numbers, *vectors, bits=bits)

    def l1_norm_backward(
        self, g: Any, x: Any, centres: Any, share: Any, multiplier: FixedPointMultiplier, bits: int
    ) -> Any:
        if not self.knows("l1_norm_backward", X=g.dtype, Y=x.dtype):
            return super().l1_norm_backward(g, x, centres, share, multiplier, bits)
        numbers, named = self.per_channel(multiplier, g.shape[1]), types(X=g.dtype, Y=x.dtype)
        vectors = self._words(centres), self._words(share)
        return self._words_of("l1_norm_backward", named, (g, x), numbers, *vectors, bits=bits)

    def _quotients(self, numerator: Any, bits: int, denominator: int) -> Any:
        """int64 (numerator << bits) / denominator, rounded half up."""
        out, named = self.xp.empty(numerator.shape, dtype="int64"), types(X="int64")
        self.elementwise("quotients", named, out.size, self.packed(numerator), out, out.size, bits, denominator)
        return out

    def _words_of(self, name: str, named: Any, arrays: tuple[Any, ...], numbers: Any, *vectors: Any, bits: int) -> Any:
        """int32 words of the shape of ``arrays``, which are (rows, channels), by multipliers a channel."""
        rows, channels = arrays[0].shape
        out = self.xp.empty((rows, channels), dtype="int32")
        arguments = *(self.packed(x) for x in arrays), out, out.size, numbers, *vectors, channels, bits
        self.elementwise(name, named, out.size, *arguments)
        return out

    def _over_rows(self, name: str, named: Any, x: Any, *arguments: Any, layers: int = 1) -> None:
        """Blocks over the columns of x, over its rows, and over ``layers`` of as many rows."""
        rows, channels = x.shape
        share = min(MOST_BLOCKS, max(1, -(-rows // (ROWS * ROWS_EACH))))
        self.launch(name, named, (-(-channels // COLUMNS), share, layers), (COLUMNS, ROWS), arguments)

    def _words(self, x: Any) -> Any:
        """64-bit integers in row-major order."""
        return self.packed(x.astype("int64", copy=False))
