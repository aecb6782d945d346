"""Products of 16-bit codes on tiles of 64-bit sums, on CPUs with AVX512-VNNI; others keep the double-precision BLAS."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.convolve import Axes, forward_axes, forward_axis, transposed_axes
from accelsim.datapath.kernels.compiled.deferred import Deferred, Elsewhere
from accelsim.datapath.kernels.compiled.floats.product import CompiledFloatProducts
from accelsim.datapath.kernels.compiled.gradient_blocks import MAX_STEPS
from accelsim.datapath.kernels.compiled.rounding import CompiledRounding
from accelsim.datapath.kernels.compiled.wide.convolve import convolve_words
from accelsim.datapath.kernels.compiled.wide.gradient import start_wide_gradient
from accelsim.datapath.kernels.product import Carrier

CODES = (np.int8, np.int16)


class CompiledWideProducts(CompiledRounding, CompiledFloatProducts):
    """Same integers as the BLAS route, in int64."""

    vnni: bool

    def matmul(self, a: Any, b: Any, carrier: Carrier) -> Any:
        if not self._are_words(a, b, carrier):
            return super().matmul(a, b, carrier)
        axes = forward_axis(1, 1, 1, 0), forward_axis(a.shape[0], 1, 1, 0)
        return self._convolve_words(a[None, None], b.T[:, None, None], (1, a.shape[0]), axes)[0, 0]

    def conv2d(self, x: Any, w: Any, stride: tuple[int, int], padding: tuple[int, int], carrier: Carrier) -> Any:
        if not self._are_words(x, w, carrier):
            return super().conv2d(x, w, stride, padding, carrier)
        rows, columns = axes = forward_axes(x, w, stride, padding)
        return self._convolve_words(x, w, (rows[0].count, columns[0].count), axes)

    def conv2d_backward_data(
        self,
        g: Any,
        w: Any,
        stride: tuple[int, int],
        padding: tuple[int, int],
        input_shape: tuple[int, ...],
        carrier: Carrier,
    ) -> Any:
        if not self._are_words(g, w, carrier):
            return super().conv2d_backward_data(g, w, stride, padding, input_shape, carrier)
        size = input_shape[1], input_shape[2]
        axes = transposed_axes(size, w, stride, padding)
        return self._convolve_words(g, w.transpose(3, 1, 2, 0), size, axes)

    def conv2d_backward_weights(
        self,
        x: Any,
        g: Any,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        carrier: Carrier,
    ) -> Any:
        if not self._are_words(x, g, carrier) or x.dtype != np.int16 or g.shape[2] > MAX_STEPS:
            return super().conv2d_backward_weights(x, g, kernel, stride, padding, carrier)
        gradient = start_wide_gradient(self.workers, x, g, kernel, stride, padding)
        return Deferred(Elsewhere(np.int64, gradient), (g.shape[3], *kernel, x.shape[3]))

    def _are_words(self, a: Any, b: Any, carrier: Carrier) -> bool:
        """True for codes of at most 16 bits, one of them wider than a byte, that have elements."""
        narrow = a.dtype in CODES and b.dtype in CODES and np.int16 in (a.dtype, b.dtype)
        # What float32 carries comes back as float32, and whoever multiplies it by a scale stays in single precision.
        return self.vnni and narrow and carrier.dtype == "float64" and bool(a.size and b.size)

    def _convolve_words(self, x: Any, w: Any, size: tuple[int, int], axes: Axes) -> Any:
        out, peak = convolve_words(self.workers, x, w, size, axes, int(self.largest_magnitude(x)))
        self.peaks.note(out, peak)
        return out
