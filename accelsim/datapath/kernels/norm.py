"""Kernels of the normalisation unit: per-channel statistics and the two backward rules, in integers."""

from __future__ import annotations

from typing import Any

from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN, RoundingKernels
from accelsim.formats import FixedPointMultiplier


class NormKernels(RoundingKernels):
    """All inputs are (rows, channels) code arrays; sums are int64."""

    def divide_rounded(self, numerator: Any, denominator: Any) -> Any:
        """Rounded half up; denominators are positive."""
        return (2 * numerator + denominator) // (2 * denominator)

    def channel_sum(self, x: Any) -> Any:
        """Exact sums over rows."""
        return x.sum(axis=0, dtype=self.xp.int64)

    def channel_products(self, a: Any, b: Any) -> Any:
        """Exact sums over rows of a * b.

        Terms are below 2**30 and rows below 2**23, so float64 holds every partial sum.
        """
        xp = self.xp
        return xp.einsum("rc,rc->c", a.astype(xp.float64), b.astype(xp.float64)).astype(xp.int64)

    def mean(self, x: Any, fraction_bits: int) -> Any:
        """Means with ``fraction_bits`` below the code's unit, int64."""
        return self.divide_rounded(self.channel_sum(x) << fraction_bits, x.shape[0])

    def range_sum(self, x: Any, chunks: int) -> tuple[Any, Any]:
        """Sum over chunks of (max - min), and first rows of the extremes: (2, chunks, channels)."""
        xp = self.xp
        size = x.shape[0] // chunks
        lanes = xp.ascontiguousarray(x[: size * chunks].reshape(chunks, size, -1).transpose(0, 2, 1))
        tops, bottoms = lanes.argmax(axis=2), lanes.argmin(axis=2)
        highest = xp.take_along_axis(lanes, tops[:, :, None], axis=2)[:, :, 0].astype(xp.int64)
        lowest = xp.take_along_axis(lanes, bottoms[:, :, None], axis=2)[:, :, 0].astype(xp.int64)
        starts = size * xp.arange(chunks)[:, None]
        return (highest - lowest).sum(axis=0), xp.stack([tops + starts, bottoms + starts])

    def deviation(self, x: Any) -> Any:
        """rows times the standard deviation, as an exact integer square root."""
        xp = self.xp
        total = self.channel_sum(x)
        square = x.shape[0] * self.channel_products(x, x) - total * total
        root = xp.floor(xp.sqrt(square.astype(xp.float64))).astype(xp.int64)
        # The double square root may be off by one either way above 2**53.
        root -= root * root > square
        root += (root + 1) * (root + 1) <= square
        return root

    def centred(self, x: Any, centre: Any, fraction_bits: int) -> Any:
        """(x << fraction_bits) - centre, int64."""
        y = x.astype(self.xp.int64)
        y <<= fraction_bits
        y -= centre
        return y

    def normalise(self, x: Any, centre: Any, multiplier: FixedPointMultiplier, offset: Any, bits: int) -> Any:
        """((x << bits) - centre) times the multiplier plus offset, per channel; int32, saturated."""
        y = self.rescale(self.centred(x, centre, bits), multiplier)
        y += offset
        return self.xp.clip(y, INT32_MIN, INT32_MAX, out=y).astype("int32")

    def range_norm_backward(
        self, g: Any, sums: tuple[Any, Any], spread: Any, extremes: Any, multiplier: FixedPointMultiplier, bits: int
    ) -> Any:
        """Input gradient of range batch norm; ``sums`` are sum g and sum g (x - mean) with ``bits`` fraction bits."""
        xp = self.xp
        e = self.centred(g, self.divide_rounded(sums[0] << bits, g.shape[0]), bits)
        toward_extremes = self.divide_rounded(sums[1], xp.maximum(spread.astype(xp.int64), 1))
        channels = xp.arange(g.shape[1])
        for chunk in range(extremes.shape[1]):
            e[extremes[0, chunk], channels] -= toward_extremes
            e[extremes[1, chunk], channels] += toward_extremes
        return self.rescale(xp.clip(e, INT32_MIN, INT32_MAX, out=e), multiplier, "int32")

    def batch_norm_backward(
        self,
        g: Any,
        x: Any,
        centres: Any,
        along: FixedPointMultiplier,
        multiplier: FixedPointMultiplier,
        bits: int,
    ) -> Any:
        """Input gradient of ordinary batch norm.

        ``centres`` are the means of g and of x with ``bits`` fraction bits, (2, channels); ``along`` is
        sum(g d) / sum(d^2) per channel, d = x - mean.
        """
        e = self.centred(g, centres[0], bits)
        e -= self.rescale(self.centred(x, centres[1], bits), along)
        return self.rescale(self.xp.clip(e, INT32_MIN, INT32_MAX, out=e), multiplier, "int32")
