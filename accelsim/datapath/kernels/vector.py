"""Kernels of the vector unit: ReLU, pooling, rows added up by place."""

from __future__ import annotations

from typing import Any

from accelsim.datapath.kernels.pad import PadKernels


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
        """Maxima (batch, *size, channels) and the first tap where each stands, which is never one of the border.

        NaN is above every number, as in ``maximum`` of IEEE 754-2019; zeros of both signs are equal. ``lowest``: what
        no value is below.
        """
        padded, shape = self.pad(x, padding, lowest), (x.shape[0], *size, x.shape[3])
        best, winner = self.xp.full(shape, lowest, dtype=x.dtype), self.xp.empty(shape, dtype=self.xp.uint8)
        winner[:] = self._first_inside(kernel, stride, padding, size)
        for tap, (down, right) in enumerate(self.taps(x, kernel, stride, *size)):
            seen = padded[:, down, right]
            better = seen > best
            if x.dtype.kind == "f":
                better |= (seen != seen) & (best == best)
            self.xp.copyto(best, seen, where=better)
            self.xp.copyto(winner, self.xp.uint8(tap), where=better)
        return best, winner

    def _first_inside(
        self, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], size: tuple[int, int]
    ) -> Any:
        """The first tap (rows, columns, 1) of each window that is no border: the maximum where nothing is above."""
        rows, columns = (
            self.xp.maximum(padding[axis] - self.xp.arange(size[axis]) * stride[axis], 0) for axis in (0, 1)
        )
        return (rows[:, None] * kernel[1] + columns[None, :]).astype(self.xp.uint8)[..., None]

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
