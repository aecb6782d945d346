"""Products of bytes on int32 sums, and of bytes with 16-bit gradients on int64 sums; BLAS as before elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.gpu.base import name_of, types
from accelsim.datapath.kernels.gpu.tensor_cores import BLOCKS_WANTED, WORD, CudaTensorCores
from accelsim.datapath.kernels.product import Carrier

Size = tuple[int, int]
THREADS = 16
"""Threads of a block along each side of a tile."""
PIXELS_EACH, GRADIENT_TILE, GRADIENT_PIXELS = 4, 32, 32
SAFE_TERMS = 1 << 16
"""128 x 128 x 2**16 < 2**31: reductions below this length can't overflow int32, whatever the accumulator."""
MOST_PIXELS = 1 << 31
PLAIN = (1, 1, 1, 0, 0)
"""How a matrix product reads: no stride, no padding."""


class CudaProducts(CudaTensorCores):
    """Same integers as the BLAS route, in integer types; on tensor cores where they fit."""

    def matmul(self, a: Any, b: Any, carrier: Carrier) -> Any:
        if _bytes(a, b) and a.shape[1] < SAFE_TERMS:
            return self.byte_product(a, b.T)
        if _dtypes(a, b) == ("int16", "int8") and a.shape[1] < MOST_PIXELS:
            return self.wide_product(a, b)
        return super().matmul(a, b, carrier)

    def byte_product(self, a: Any, b: Any) -> Any:
        """int8 a (m, k) by int8 b (n, k), both along their rows; int32."""
        return self._convolve(a[None, None], b[:, None, None], (1, a.shape[0]), (1, 1), PLAIN)[0, 0]

    def wide_product(self, a: Any, b: Any) -> Any:
        """int16 a (m, k) by int8 b (k, n); int64."""
        return self._gradient(b[:, None, None], a.T[:, None, None], (1, 1), (1, 1), (0, 0))[:, 0, 0]

    def conv2d(self, x: Any, w: Any, stride: Size, padding: Size, carrier: Carrier) -> Any:
        if not _bytes(x, w) or w[0].size >= SAFE_TERMS:
            return super().conv2d(x, w, stride, padding, carrier)
        size = self._output(x, w.shape[1:3], stride, padding)
        if _is_pointwise(w.shape[1:3], stride, padding):
            return self.byte_product(x.reshape(-1, x.shape[3]), w.reshape(w.shape[0], -1)).reshape(*x.shape[:3], -1)
        return self._convolve(x, w, size, w.shape[1:3], (*stride, 1, -padding[0], -padding[1]))

    def conv2d_backward_data(
        self, g: Any, w: Any, stride: Size, padding: Size, input_shape: tuple[int, ...], carrier: Carrier
    ) -> Any:
        if not _bytes(g, w) or w[..., 0].size >= SAFE_TERMS:
            return super().conv2d_backward_data(g, w, stride, padding, input_shape, carrier)
        size = input_shape[1], input_shape[2]
        if _is_pointwise(w.shape[1:3], stride, padding):
            return self.byte_product(g.reshape(-1, g.shape[3]), w.reshape(w.shape[0], -1).T).reshape(input_shape)
        if tuple(stride) == (1, 1):
            return self._convolve(g, w.transpose(3, 1, 2, 0), size, w.shape[1:3], (1, 1, -1, *padding))
        return self._strided_gradient(g, w.transpose(3, 1, 2, 0), size, stride, padding)

    def conv2d_backward_weights(
        self, x: Any, g: Any, kernel: Size, stride: Size, padding: Size, carrier: Carrier
    ) -> Any:
        pixels = g.shape[0] * g.shape[1] * g.shape[2]
        if _dtypes(x, g) != ("int8", "int16") or pixels >= MOST_PIXELS:
            return super().conv2d_backward_weights(x, g, kernel, stride, padding, carrier)
        return self._gradient(x, g, kernel, stride, padding)

    def _strided_gradient(self, g: Any, w: Any, size: Size, stride: Size, padding: Size) -> Any:
        """Data gradient (batch, *size, in) for w (in, *kernel, out).

        Places that are alike modulo the stride see every so many taps of g without gaps: a convolution for each such
        phase, without the products by zero that one for all would make.
        """
        out = self.xp.zeros((g.shape[0], *size, w.shape[0]), dtype="int32")
        for row, column in np.ndindex(min(stride[0], size[0]), min(stride[1], size[1])):
            first_row, first_column = (row + padding[0]) % stride[0], (column + padding[1]) % stride[1]
            taps = w[:, first_row :: stride[0], first_column :: stride[1]]
            if taps.size:
                shift = (row + padding[0]) // stride[0], (column + padding[1]) // stride[1]
                phase = slice(None), slice(row, None, stride[0]), slice(column, None, stride[1])
                out[phase] = self._convolve(g, taps, out[phase].shape[1:3], taps.shape[1:3], (1, 1, -1, *shift))
        return out

    def _convolve(self, x: Any, w: Any, size: Size, kernel: Size, way: tuple[int, ...]) -> Any:
        """int8 x (batch, height, width, in) with w (out, *kernel, in); ``way``: see ``cuda/convolve.cu``."""
        if self.convolve_fits(x, w, size, kernel):
            return self.convolve_on_tensor_cores(x, w, size, kernel, way)
        xp, words, outputs = self.xp, -(-x.shape[3] // WORD), w.shape[0]
        x, w = self.in_units(x, WORD), self.in_units(w, WORD)
        out = xp.empty((x.shape[0], *size, outputs), dtype="int32")
        pixels = x.shape[0] * size[0] * size[1]
        each = 1 if outputs <= THREADS else 2 if outputs <= 2 * THREADS else 4
        grid = -(-pixels // (THREADS * PIXELS_EACH)), -(-outputs // (THREADS * each))
        sizes = (*x.shape[:3], words, *size, outputs, *kernel, *way)
        named = types(M_EACH=PIXELS_EACH, N_EACH=each)
        if out.size:
            self.launch("convolve", named, grid, (THREADS, THREADS), (x, w, out, *sizes))
        return out

    def _gradient(self, x: Any, g: Any, kernel: Size, stride: Size, padding: Size) -> Any:
        """int8 x and int16 g (batch, rows, columns, out) to int64 (out, *kernel, in)."""
        if self.gradient_fits(x, g, kernel):
            return self.gradient_on_tensor_cores(x, g, kernel, stride, padding)
        outputs, channels = g.shape[3], x.shape[3]
        out = self.xp.zeros((outputs, *kernel, channels), dtype="int64")
        pixels = g.shape[0] * g.shape[1] * g.shape[2]
        tiles = -(-outputs // GRADIENT_TILE), -(-out[0].size // GRADIENT_TILE)
        share = max(1, min(-(-pixels // GRADIENT_PIXELS), BLOCKS_WANTED // (tiles[0] * tiles[1])))
        sizes = pixels, *x.shape[1:], *g.shape[1:3], outputs, *kernel, *stride, *padding
        arguments = self.packed(x), self.packed(g), out, *sizes
        self.launch("weight_gradient", (), (*tiles, share), (THREADS, THREADS), arguments)
        return out


def _is_pointwise(kernel: Size, stride: Size, padding: Size) -> bool:
    """A plain matrix product over the pixels."""
    return (tuple(kernel), tuple(stride), tuple(padding)) == ((1, 1), (1, 1), (0, 0))


def _dtypes(a: Any, b: Any) -> tuple[str, str]:
    return name_of(a.dtype), name_of(b.dtype)


def _bytes(a: Any, b: Any) -> bool:
    return _dtypes(a, b) == ("int8", "int8")
