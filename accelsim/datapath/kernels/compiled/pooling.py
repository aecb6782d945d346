"""Average pooling over all pixels, without a pass for each tap; other windows as in the portable kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.deferred import plain
from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.vector import VectorKernels


class CompiledPooling(VectorKernels):
    """Same integers as the NumPy kernels."""

    def average_pool2d(
        self, x: Any, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], size: tuple[int, int]
    ) -> Any:
        x = plain(x)
        if x.dtype.kind != "i" or not _is_global(x.shape, kernel, padding):
            return super().average_pool2d(x, kernel, stride, padding, size)
        batch, _, _, channels = x.shape
        total = np.zeros((batch, 1, 1, channels), dtype=np.int64)
        _pixel_sums(np.ascontiguousarray(x).reshape(batch, -1, channels), total[:, 0, 0])
        return total

    def average_pool2d_backward(
        self,
        g: Any,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        padding: tuple[int, int],
        input_shape: tuple[int, ...],
    ) -> Any:
        g = plain(g)
        if g.dtype != np.int32 or not _is_global(input_shape, kernel, padding):
            return super().average_pool2d_backward(g, kernel, stride, padding, input_shape)
        # A pixel lies in one window, so its gradient needs no more bits.
        out = np.empty(input_shape, dtype=np.int32)
        out[:] = g
        return out


def _is_global(shape: tuple[int, ...], kernel: tuple[int, int], padding: tuple[int, int]) -> bool:
    """True where one window covers the image and nothing else."""
    return tuple(kernel) == tuple(shape[1:3]) and tuple(padding) == (0, 0)


@compiled
def _pixel_sums(x: Any, total: Any) -> None:
    """Add x (batch, pixels, channels) up over pixels."""
    for n in range(x.shape[0]):
        sums = total[n]
        for pixel in range(x.shape[1]):
            codes = x[n, pixel]
            for c in range(sums.size):
                sums[c] += codes[c]
