"""Exact products: integer matrices through BLAS, within the mantissa of the float that carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accelsim.datapath.kernels.pad import PadKernels
from accelsim.formats import Format

CHUNK_BYTES = 48 << 20
"""Unfolded convolution input held at once."""


@dataclass(frozen=True)
class Carrier:
    """The float type that carries a product, and the reduction length up to which every partial sum is exact.

    Codes of a and b bits multiply to at most 2**(a-1) * 2**(b-1); k of them stay below 2**24 (float32) or
    2**53 (float64), so every partial sum is an integer that the mantissa holds, in whatever order it is added.
    ``block`` None means floating-point operands: no exactness is claimed.
    """

    dtype: str
    block: int | None

    @classmethod
    def of(cls, a: Format, b: Format) -> Carrier:
        """float32 where at least 256 terms fit, else float64."""
        if not (a.is_integer and b.is_integer):
            return cls("float64" if "float64" in (a.storage, b.storage) else "float32", None)
        bits = a.bits + b.bits - 2
        if 24 - bits >= 8:
            return cls("float32", 1 << (24 - bits))
        return cls("float64", 1 << (53 - bits))


class ProductKernels(PadKernels):
    """Products of code arrays; results are floats that hold exact integers, or int64 where blocks were added up."""

    def matmul(self, a: Any, b: Any, carrier: Carrier) -> Any:
        """a (m, k) by b (k, n)."""
        a, b = a.astype(carrier.dtype, copy=False), b.astype(carrier.dtype, copy=False)
        block, k = carrier.block, a.shape[1]
        if block is None or k <= block:
            return a @ b
        total = self.xp.zeros((a.shape[0], b.shape[1]), dtype=self.xp.int64)
        for start in range(0, k, block):
            total += (a[:, start : start + block] @ b[start : start + block]).astype(self.xp.int64)
        return total

    def unfold(self, x: Any, kernel: tuple[int, int], stride: tuple[int, int], dtype: str) -> Any:
        """Windows of a padded x (batch, height, width, channels) as rows: (batch * rows * columns, taps * channels)."""
        windows = self.xp.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))
        windows = windows[:, :: stride[0], :: stride[1]].transpose(0, 1, 2, 4, 5, 3)
        unfolded = windows.astype(dtype, order="C")
        return unfolded.reshape(-1, kernel[0] * kernel[1] * x.shape[3])

    def conv2d(self, x: Any, w: Any, stride: tuple[int, int], padding: tuple[int, int], carrier: Carrier) -> Any:
        """x (batch, height, width, in) with w (out, rows, columns, in)."""
        kernel = w.shape[1:3]
        matrix = w.reshape(w.shape[0], -1).T.astype(carrier.dtype)
        rows, columns = self._output(x, kernel, stride, padding)
        parts = [
            self.matmul(self.unfold(self.pad(part, padding), kernel, stride, carrier.dtype), matrix, carrier)
            for part in self._chunks(x, rows * columns * matrix.shape[0], carrier)
        ]
        return self._joined(parts).reshape(x.shape[0], rows, columns, w.shape[0])

    def conv2d_backward_data(
        self,
        g: Any,
        w: Any,
        stride: tuple[int, int],
        padding: tuple[int, int],
        input_shape: tuple[int, ...],
        carrier: Carrier,
    ) -> Any:
        """Gradient of x: each output position's contribution is added back to its window."""
        _, height, width, channels = input_shape
        outputs, kernel_rows, kernel_columns, _ = w.shape
        matrix = w.reshape(outputs, -1).astype(carrier.dtype)
        rows, columns = g.shape[1:3]
        parts = []
        for part in self._chunks(g, rows * columns * matrix.shape[1], carrier):
            spread = self.matmul(part.reshape(-1, outputs), matrix, carrier)
            spread = spread.reshape(part.shape[0], rows, columns, kernel_rows, kernel_columns, channels)
            target = self.xp.zeros(
                (part.shape[0], height + 2 * padding[0], width + 2 * padding[1], channels),
                dtype=self._sum_dtype(outputs * kernel_rows * kernel_columns, carrier),
            )
            for i in range(kernel_rows):
                for j in range(kernel_columns):
                    down, right = (
                        slice(i, i + rows * stride[0], stride[0]),
                        slice(j, j + columns * stride[1], stride[1]),
                    )
                    target[:, down, right] += spread[:, :, :, i, j].astype(target.dtype, copy=False)
            parts.append(target[:, padding[0] : padding[0] + height, padding[1] : padding[1] + width])
        return self._joined(parts)

    def conv2d_backward_weights(
        self,
        x: Any,
        g: Any,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        carrier: Carrier,
    ) -> Any:
        """Gradient of w (out, rows, columns, in)."""
        outputs, channels = g.shape[3], x.shape[3]
        per_image = g.shape[1] * g.shape[2] * kernel[0] * kernel[1] * channels
        total, start = None, 0
        for part in self._chunks(x, per_image, carrier):
            unfolded = self.unfold(self.pad(part, padding), kernel, stride, carrier.dtype)
            gradient = g[start : start + part.shape[0]].reshape(-1, outputs).T
            product = self.matmul(gradient, unfolded, carrier)
            if carrier.block is not None:
                product = product.astype(self.xp.int64, copy=False)
            total = product if total is None else total + product
            start += part.shape[0]
        return total.reshape(outputs, *kernel, channels)  # type: ignore[union-attr]

    def _chunks(self, x: Any, per_image: int, carrier: Carrier) -> list[Any]:
        """Cut a batch so that what is unfolded of one part stays near ``CHUNK_BYTES``."""
        images = max(1, CHUNK_BYTES // (per_image * (4 if carrier.dtype == "float32" else 8)))
        return [x[start : start + images] for start in range(0, x.shape[0], images)]

    def _joined(self, parts: list[Any]) -> Any:
        return parts[0] if len(parts) == 1 else self.xp.concatenate(parts)

    def _sum_dtype(self, terms: int, carrier: Carrier) -> str:
        exact = carrier.block is None or terms <= carrier.block
        return carrier.dtype if exact else "int64"

    @staticmethod
    def _output(x: Any, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> tuple[int, int]:
        sizes = [(x.shape[axis + 1] + 2 * padding[axis] - kernel[axis]) // stride[axis] + 1 for axis in range(2)]
        return sizes[0], sizes[1]
