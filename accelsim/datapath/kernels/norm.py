"""Kernels of the normalisation unit: statistics of each column and the three backward rules, in integers."""

from __future__ import annotations

import math
from typing import Any

from accelsim.datapath.kernels.rounding import INT32_MAX, INT32_MIN, RoundingKernels
from accelsim.formats import FixedPointMultiplier


class NormKernels(RoundingKernels):
    """All inputs are (rows, channels) code arrays; sums are int64.

    A column is whatever shares a mean and a spread: norms over rows or samples bring their tensors transposed.
    """

    def divide_rounded(self, numerator: Any, denominator: Any) -> Any:
        """Rounded half up; denominators are positive."""
        return (2 * numerator + denominator) // (2 * denominator)

    def channel_sum(self, x: Any) -> Any:
        """Exact sums over rows."""
        return x.sum(axis=0, dtype=self.xp.int64)

    def channel_products(self, a: Any, b: Any) -> Any:
        """Exact sums over rows of a * b.

        Codes of up to 16 bits: terms are below 2**30 and rows below 2**23, so float64 holds every partial sum. Wider
        ones are normalised words of at most 2**16 * (elements of a group) / 2 (an l1 spread is no smaller) times 16-bit
        gradients: below 2**63 up to 2**33 elements. About zero they are at most 2**16 * (elements of a group) *
        sqrt(2 / pi): up to 2**32.
        """
        xp = self.xp
        exact = xp.float64 if max(a.dtype.itemsize, b.dtype.itemsize) <= 2 else xp.int64
        return xp.einsum("rc,rc->c", a.astype(exact), b.astype(exact)).astype(xp.int64)

    def gradient_sums(self, g: Any, x: Any) -> tuple[Any, Any]:
        """Exact sums over rows of g and of g * x."""
        return self.channel_sum(g), self.channel_products(g, x)

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

    def range_about_zero(self, x: Any, chunks: int) -> tuple[Any, Any]:
        """Sum over chunks of 2 max |x|, and (2, chunks, channels): first rows of the maxima, or of the minima where
        those are farther from zero, and 1 or -1 for which it is."""
        xp, (tops, bottoms) = self.xp, self.range_sum(x, chunks)[1]
        highest, lowest = (xp.take_along_axis(x, rows, axis=0).astype(xp.int64) for rows in (tops, bottoms))
        is_top = highest >= -lowest
        places = xp.stack([xp.where(is_top, tops, bottoms), xp.where(is_top, 1, -1)])
        return 2 * xp.maximum(highest, -lowest).sum(axis=0), places

    def deviation(self, x: Any) -> Any:
        """rows times the standard deviation, as an exact integer square root."""
        return self._root(x, self.channel_sum(x))

    def root_square(self, x: Any) -> Any:
        """rows times the root mean square, likewise."""
        return self._root(x, self.xp.zeros(x.shape[1], dtype=self.xp.int64))

    def _root(self, x: Any, total: Any) -> Any:
        """Integer square root of rows * sum(x * x) - total * total."""
        xp, rows, squares = self.xp, x.shape[0], self.channel_products(x, x)
        largest = rows << 2 * (8 * x.dtype.itemsize - 1)
        if rows * largest >= 1 << 62 and rows * int(squares.max()) >= 1 << 62:
            # Wide codes of large batches: a number a channel, so Python's integers cost nothing.
            pairs = zip(squares.tolist(), total.tolist(), strict=True)
            return xp.asarray([math.isqrt(rows * q - t * t) for q, t in pairs], dtype=xp.int64)
        square = rows * squares - total * total
        root = xp.floor(xp.sqrt(square.astype(xp.float64))).astype(xp.int64)
        # The double square root may be off by one either way above 2**53.
        root -= root * root > square
        root += (root + 1) * (root + 1) <= square
        return root

    def absolute_deviation(self, x: Any, centre: Any, fraction_bits: int) -> tuple[Any, Any]:
        """Sums of |x - centre| with ``fraction_bits``, and of sign(x - centre), where sign(0) = 0."""
        d = self.centred(x, centre, fraction_bits)
        return self.xp.abs(d).sum(axis=0), self.xp.sign(d).sum(axis=0)

    def centred(self, x: Any, centre: Any, fraction_bits: int) -> Any:
        """(x << fraction_bits) - centre, int64."""
        y = x.astype(self.xp.int64)
        y <<= fraction_bits
        y -= centre
        return y

    def normalise(self, x: Any, centre: Any, multiplier: FixedPointMultiplier, offset: Any, bits: int) -> Any:
        """((x << bits) - centre) times the multiplier plus offset, per channel; int32, saturated.

        ``offset`` is in this computer's memory, as multipliers are.
        """
        y = self.rescale(self.centred(x, centre, bits), multiplier)
        y += self.xp.asarray(offset)
        return self.xp.clip(y, INT32_MIN, INT32_MAX, out=y).astype("int32")

    def spread_share(self, products: Any, spread: Any, damping: Any) -> Any:
        """What the spread's gradient puts on one element: products / spread rounded, times ``damping`` rounded.

        ``damping`` (doubles of at most 1) is None without epsilon: 1 but where the spread is 0. Results of 2**52 and
        more saturate later.
        """
        xp = self.xp
        factor = spread != 0 if damping is None else xp.asarray(damping)
        share = self.divide_rounded(products, xp.maximum(spread.astype(xp.int64), 1))
        return xp.floor(share.astype(xp.float64) * factor + 0.5).astype(xp.int64)

    def range_norm_backward(
        self, g: Any, g_sum: Any, share: Any, extremes: Any, multiplier: FixedPointMultiplier, bits: int
    ) -> Any:
        """Input gradient of range norm: ``share`` (``bits`` fraction bits) off each maximum and onto each minimum."""
        xp = self.xp
        e = self.centred(g, self.divide_rounded(g_sum << bits, g.shape[0]), bits)
        channels = xp.arange(g.shape[1])
        for chunk in range(extremes.shape[1]):
            e[extremes[0, chunk], channels] -= share
            e[extremes[1, chunk], channels] += share
        return self.rescale(xp.clip(e, INT32_MIN, INT32_MAX, out=e), multiplier, "int32")

    def l1_norm_backward(
        self,
        g: Any,
        x: Any,
        centres: Any,
        share: Any,
        multiplier: FixedPointMultiplier,
        bits: int,
    ) -> Any:
        """Input gradient of l1 norm: g less its centre, less ``share`` by the sign of x - mean.

        ``centres`` (2, channels) are the mean of g - share * sign(x - mean), and of x; all have ``bits``
        fraction bits. share <= max |g|, so 16-bit gradients make words of 26 bits.
        """
        e = self.centred(g, centres[0], bits)
        e -= self.xp.sign(self.centred(x, centres[1], bits)) * share
        return self.rescale(self.xp.clip(e, INT32_MIN, INT32_MAX, out=e), multiplier, "int32")

    def batch_norm_backward(
        self,
        g: Any,
        x: Any,
        centres: Any,
        along: FixedPointMultiplier,
        multiplier: FixedPointMultiplier,
        bits: int,
    ) -> Any:
        """Input gradient of norm by the standard deviation.

        ``centres`` are the means of g and of x with ``bits`` fraction bits, (2, channels); ``along`` is
        sum(g d) / sum(d^2) per channel, d = x - mean.
        """
        e = self.centred(g, centres[0], bits)
        e -= self.rescale(self.centred(x, centres[1], bits), along)
        return self.rescale(self.xp.clip(e, INT32_MIN, INT32_MAX, out=e), multiplier, "int32")
