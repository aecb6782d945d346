"""Float32 products on tiles of fused multiply-adds; BLAS as before for what isn't float32."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.convolve import Axis, forward_axes, forward_axis, transposed_axes
from accelsim.datapath.kernels.compiled.floats.convolve import float_convolve
from accelsim.datapath.kernels.compiled.floats.weight_gradient import float_weight_gradient
from accelsim.datapath.kernels.compiled.workers import Workers
from accelsim.datapath.kernels.product import Carrier, ProductKernels


class CompiledFloatProducts(ProductKernels):
    """Sums whose order the operands' shapes decide, whatever the number of threads."""

    workers: Workers

    def matmul(self, a: Any, b: Any, carrier: Carrier) -> Any:
        if not _is_float32(carrier, a, b):
            return super().matmul(a, b, carrier)
        a, b = _float32(a), _float32(b)
        if a.flags.f_contiguous and not a.flags.c_contiguous:
            # A transposed left operand is a gradient, one row a sample: the product is a weight gradient.
            x, g = b[:, None, None], a.T[:, None, None]
            return float_weight_gradient(self.workers, x, g, (1, 1), (1, 1), (0, 0))[:, 0, 0]
        axes = forward_axis(1, 1, 1, 0), forward_axis(1, 1, 1, 0)
        return float_convolve(self.workers, a[:, None, None], b.T[:, None, None], (1, 1), axes)[:, 0, 0]

    def conv2d(self, x: Any, w: Any, stride: tuple[int, int], padding: tuple[int, int], carrier: Carrier) -> Any:
        if not _is_float32(carrier, x, w):
            return super().conv2d(x, w, stride, padding, carrier)
        rows, columns = axes = forward_axes(x, w, stride, padding)
        return float_convolve(self.workers, _float32(x), _float32(w), (rows[0].count, columns[0].count), axes)

    def conv2d_backward_data(
        self,
        g: Any,
        w: Any,
        stride: tuple[int, int],
        padding: tuple[int, int],
        input_shape: tuple[int, ...],
        carrier: Carrier,
    ) -> Any:
        if not _is_float32(carrier, g, w):
            return super().conv2d_backward_data(g, w, stride, padding, input_shape, carrier)
        size = input_shape[1], input_shape[2]
        rows, columns = (tuple(map(_turned, axes)) for axes in transposed_axes(size, w, stride, padding))
        return float_convolve(self.workers, _float32(g), _float32(w).transpose(3, 1, 2, 0), size, (rows, columns))

    def conv2d_backward_weights(
        self,
        x: Any,
        g: Any,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        carrier: Carrier,
    ) -> Any:
        if not _is_float32(carrier, x, g):
            return super().conv2d_backward_weights(x, g, kernel, stride, padding, carrier)
        return float_weight_gradient(self.workers, _float32(x), _float32(g), kernel, stride, padding)


def _is_float32(carrier: Carrier, *operands: Any) -> bool:
    """True for floating-point operands in single precision that have elements."""
    return carrier.block is None and carrier.dtype == "float32" and all(x.size for x in operands)


def _turned(axis: Axis) -> Axis:
    """The same taps in the order of the positions that they read."""
    return replace(axis, shifts=axis.shifts[::-1], taps=axis.taps[::-1])


def _float32(x: Any) -> Any:
    return x.astype(np.float32, copy=False)
