"""Products on tiles of int32, int64 or float32 sums where the operands fit; BLAS as before elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.convolve import Axes, convolve, forward_axes, forward_axis, transposed_axes
from accelsim.datapath.kernels.compiled.deferred import Deferred, Elsewhere, plain
from accelsim.datapath.kernels.compiled.gradient_blocks import MAX_STEPS
from accelsim.datapath.kernels.compiled.masked import Product
from accelsim.datapath.kernels.compiled.notes import Notes
from accelsim.datapath.kernels.compiled.weight_gradient import start_weight_gradient
from accelsim.datapath.kernels.compiled.wide.product import CompiledWideProducts
from accelsim.datapath.kernels.compiled.workers import Workers
from accelsim.datapath.kernels.product import Carrier

SAFE_TERMS = 1 << 16
"""128 x 255 x 2**16 < 2**31: reductions up to this length can't overflow int32, whatever the accumulator."""


class CompiledProducts(CompiledWideProducts):
    """Same integers as the BLAS route."""

    workers: Workers
    peaks: Notes[int]
    vnni: bool

    def matmul(self, a: Any, b: Any, carrier: Carrier) -> Any:
        a, b = plain(a), plain(b)
        if self._are_bytes(a, b) and a.shape[1] < SAFE_TERMS:
            axes = forward_axis(1, 1, 1, 0), forward_axis(a.shape[0], 1, 1, 0)
            return self._convolve(a[None, None], b.T[:, None, None], (1, a.shape[0]), axes)[0, 0]
        if (a.dtype, b.dtype) == (np.int16, np.int8):
            x, g = b[:, None, None], a.T[:, None, None]
            return start_weight_gradient(self.workers, self.vnni, x, g, (1, 1), (1, 1), (0, 0))()[:, 0, 0]
        return super().matmul(a, b, carrier)

    def conv2d(self, x: Any, w: Any, stride: tuple[int, int], padding: tuple[int, int], carrier: Carrier) -> Any:
        x, w = plain(x), plain(w)
        if self._are_bytes(x, w) and w[0].size < SAFE_TERMS:
            rows, columns = axes = forward_axes(x, w, stride, padding)
            return self._convolve(x, w, (rows[0].count, columns[0].count), axes)
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
        if self._are_bytes(g, w) and w[..., 0].size < SAFE_TERMS:
            size = input_shape[1], input_shape[2]
            axes, turned = transposed_axes(size, w, stride, padding), plain(w).transpose(3, 1, 2, 0)

            def compute(y: Any) -> tuple[Any, int]:
                return convolve(self.workers, self.vnni, plain(g), turned, size, axes, y)

            return Deferred(Product(self.peaks, compute), input_shape)
        return super().conv2d_backward_data(plain(g), plain(w), stride, padding, input_shape, carrier)

    def conv2d_backward_weights(
        self,
        x: Any,
        g: Any,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        carrier: Carrier,
    ) -> Any:
        x, g = plain(x), plain(g)
        if (x.dtype, g.dtype) == (np.int8, np.int16) and g.shape[2] <= MAX_STEPS:
            gradient = start_weight_gradient(self.workers, self.vnni, x, g, kernel, stride, padding)
            return Deferred(Elsewhere(np.int64, gradient), (g.shape[3], *kernel, x.shape[3]))
        return super().conv2d_backward_weights(x, g, kernel, stride, padding, carrier)

    def _are_bytes(self, a: Any, b: Any) -> bool:
        return bool(a.dtype == np.int8 and b.dtype == np.int8)

    def _convolve(self, x: Any, w: Any, size: tuple[int, int], axes: Axes) -> Any:
        out, peak = convolve(self.workers, self.vnni, x, w, size, axes)
        self.peaks.note(out, peak)
        return out
