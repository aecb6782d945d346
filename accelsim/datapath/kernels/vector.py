"""Kernels of the vector unit: pooling and the softmax."""

from __future__ import annotations

from typing import Any

from accelsim.datapath.kernels.pad import PadKernels

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
SOFTMAX_BITS = 40
"""Fraction bits of the exponentials before they are added up."""


class VectorKernels(PadKernels):
    """Channels-last arrays."""

    def relu(self, x: Any) -> Any:
        """max(x, 0)."""
        return self.xp.maximum(x, x.dtype.type(0))

    def relu_backward(self, g: Any, y: Any) -> Any:
        """g where y is positive, else 0."""
        return g * (y > 0)

    def taps(
        self, x: Any, kernel: tuple[int, int], stride: tuple[int, int], rows: int, columns: int
    ) -> list[tuple[slice, slice]]:
        """Slices of a padded input that each tap of the window sees, row by row."""
        return [
            (slice(i, i + rows * stride[0], stride[0]), slice(j, j + columns * stride[1], stride[1]))
            for i in range(kernel[0])
            for j in range(kernel[1])
        ]

    def max_pool2d(
        self,
        x: Any,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        size: tuple[int, int],
        lowest: Any,
    ) -> tuple[Any, Any]:
        """Maxima (batch, *size, channels) and the first tap where each stands."""
        padded = self.pad(x, padding, lowest)
        best, winner = None, None
        for tap, (down, right) in enumerate(self.taps(x, kernel, stride, *size)):
            seen = padded[:, down, right]
            if best is None or winner is None:
                best, winner = seen.copy(), self.xp.zeros(seen.shape, dtype=self.xp.uint8)
                continue
            better = seen > best
            self.xp.copyto(best, seen, where=better)
            self.xp.copyto(winner, self.xp.uint8(tap), where=better)
        return best, winner

    def max_pool2d_backward(
        self,
        g: Any,
        winner: Any,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        input_shape: tuple[int, ...],
    ) -> Any:
        """Each gradient goes to its winning tap; int64 or float sums."""
        return self._scatter(g, winner, kernel, stride, padding, input_shape)

    def average_pool2d(
        self, x: Any, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], size: tuple[int, int]
    ) -> Any:
        """Sums over windows, int64 for integer codes and float64 for floats."""
        padded = self.pad(x, padding)
        return sum(padded[:, down, right].astype(_wide(x)) for down, right in self.taps(x, kernel, stride, *size))

    def average_pool2d_backward(
        self,
        g: Any,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        input_shape: tuple[int, ...],
    ) -> Any:
        """Each gradient goes to every tap of its window."""
        return self._scatter(g, None, kernel, stride, padding, input_shape)

    def scatter_rows(self, rows: Any, places: Any, count: int) -> Any:
        """Sums (count, width) of the ``rows`` that go to each place, added in order; int64 or float64."""
        total = self.xp.zeros((count, rows.shape[1]), dtype=_wide(rows))
        self.xp.add.at(total, places, rows)
        return total

    def softmax(self, logits: Any) -> Any:
        """Probabilities (rows, classes) as float64, the same bits everywhere.

        Exponentials are rounded to ``SOFTMAX_BITS`` fraction bits, so their sum is exact in any order.
        """
        xp = self.xp
        shifted = logits.astype(xp.float64) - logits.max(axis=1, keepdims=True)
        weights = xp.rint(portable_exp(xp, shifted) * 2.0**SOFTMAX_BITS).astype(xp.int64)
        return weights / weights.sum(axis=1, keepdims=True)

    def _scatter(
        self,
        g: Any,
        winner: Any | None,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        input_shape: tuple[int, ...],
    ) -> Any:
        batch, height, width, channels = input_shape
        (top, left), rows, columns = padding, g.shape[1], g.shape[2]
        target = self.xp.zeros((batch, height + 2 * top, width + 2 * left, channels), dtype=_wide(g))
        for tap, (down, right) in enumerate(self.taps(g, kernel, stride, rows, columns)):
            target[:, down, right] += g if winner is None else self.xp.where(winner == tap, g, 0)
        return target[:, top : top + height, left : left + width]


def _wide(x: Any) -> str:
    return "float64" if x.dtype.kind == "f" else "int64"


def portable_exp(xp: Any, x: Any) -> Any:
    """exp of float64 x <= 0 from multiplications and additions alone, so that no library's exp decides a bit.

    Range reduction to |r| <= ln(2)/2 and a Taylor polynomial of degree 13 (relative error below 2e-16);
    anything below -700 becomes 0.
    """
    k = xp.rint(xp.maximum(x, -700.0) * LOG2_E)
    r = (xp.maximum(x, -700.0) - k * LN2_HIGH) - k * LN2_LOW
    polynomial = xp.ones_like(r)
    for n in range(13, 0, -1):
        polynomial = 1.0 + r * polynomial / n
    return xp.where(x < -700.0, 0.0, xp.ldexp(polynomial, k.astype(xp.int32)))
