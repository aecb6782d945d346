"""Products on VNNI tiles where the CPU has them and the operands fit; BLAS as before elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.convolve import convolve
from accelsim.datapath.kernels.compiled.jit import Workers
from accelsim.datapath.kernels.compiled.weight_gradient import fits, weight_gradient
from accelsim.datapath.kernels.product import Carrier, ProductKernels

SAFE_TERMS = 1 << 16
"""128 x 255 x 2**16 < 2**31: reductions up to this length can't overflow int32, whatever the accumulator."""


class CompiledProducts(ProductKernels):
    """Same integers as the BLAS route."""

    workers: Workers
    vnni: bool

    def matmul(self, a: Any, b: Any, carrier: Carrier) -> Any:
        if self._bytes(a, b) and a.shape[1] < SAFE_TERMS:
            return self._convolve(a[None, None], np.ascontiguousarray(b.T)[:, None, None], (1, 1), ((0, 0), (0, 0)))[
                0, 0
            ]
        if self.vnni and (a.dtype, b.dtype) == (np.int16, np.int8):
            gradient = np.ascontiguousarray(a.T)[None, None]
            return self._weight_gradient(b[None, None], gradient, (1, 1), (1, 1), (0, 0))[:, 0, 0]
        return super().matmul(a, b, carrier)

    def conv2d(self, x: Any, w: Any, stride: tuple[int, int], padding: tuple[int, int], carrier: Carrier) -> Any:
        if self._bytes(x, w) and w[0].size < SAFE_TERMS:
            return self._convolve(x, w, stride, ((padding[0], padding[0]), (padding[1], padding[1])))
        return super().conv2d(x, w, stride, padding, carrier)

    def conv2d_backward_data(
        self,
        g: Any,
        w: Any,
        stride: tuple[int, int],
        padding: tuple[int, int],
        input_shape: tuple[int, ...],
        carrier: Carrier,
    ) -> Any:
        borders = _transposed_padding(g.shape, w.shape, stride, padding, input_shape)
        if self._bytes(g, w) and borders is not None and w[..., 0].size < SAFE_TERMS:
            flipped = np.ascontiguousarray(w[:, ::-1, ::-1].transpose(3, 1, 2, 0))
            return self._convolve(g, flipped, (1, 1), borders, stride)
        return super().conv2d_backward_data(g, w, stride, padding, input_shape, carrier)

    def conv2d_backward_weights(
        self,
        x: Any,
        g: Any,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        carrier: Carrier,
    ) -> Any:
        if self.vnni and (x.dtype, g.dtype) == (np.int8, np.int16) and fits(g.shape[1], g.shape[2]):
            return self._weight_gradient(x, g, kernel, stride, padding)
        return super().conv2d_backward_weights(x, g, kernel, stride, padding, carrier)

    def _bytes(self, a: Any, b: Any) -> bool:
        return self.vnni and a.dtype == np.int8 and b.dtype == np.int8

    def _convolve(self, x: Any, w: Any, stride: Any, padding: Any, spacing: Any = (1, 1)) -> Any:
        return convolve(self.workers, x, w, stride, padding, spacing)

    def _weight_gradient(self, x: Any, g: Any, kernel: Any, stride: Any, padding: Any) -> Any:
        return weight_gradient(self.workers, x, g, kernel, stride, padding)


def _transposed_padding(
    g_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    stride: tuple[int, int],
    padding: tuple[int, int],
    input_shape: tuple[int, ...],
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Borders that make the data gradient a plain convolution of the spaced-out g; None where one would be negative."""
    borders = []
    for axis in range(2):
        kernel, spread = w_shape[axis + 1], (g_shape[axis + 1] - 1) * stride[axis] + 1
        before = kernel - 1 - padding[axis]
        after = input_shape[axis + 1] + kernel - 1 - before - spread
        borders.append((before, after))
    return (borders[0], borders[1]) if min(min(pair) for pair in borders) >= 0 else None
