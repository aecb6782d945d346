"""Products of bytes on tensor cores: cuBLAS' int8 GEMM with int32 sums, which CuPy's own ``matmul`` does not use.

cuBLAS wants pointers and leading dimensions that are multiples of four bytes, and some versions gave wrong sums for
odd leading dimensions (pytorch/pytorch#107671): all three sizes are padded with zeros to ``ALIGNED``, which is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

ALIGNED = 16
BLOCK = 1 << 16
"""128 x 128 x 2**16 < 2**31: terms that int32 sums hold."""
TRANSPOSED, PLAIN = 1, 0
INT8, INT32, COMPUTE_INT32, DEFAULT_ALGORITHM = 3, 10, 72, -1
"""CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I and CUBLAS_GEMM_DEFAULT of cuBLAS' headers."""
LOW_OFFSET = 128
Gemm = Callable[..., Any]
"""``cublasGemmEx`` but for its handle: operations, sizes, alpha, A, B, beta, C, compute type, algorithm."""


class BytesOnCublas:
    """``gemm`` on arrays of ``xp``, whose addresses ``pointer`` tells."""

    def __init__(self, xp: Any, gemm: Gemm, pointer: Callable[[Any], int]) -> None:
        self.xp, self.gemm, self.pointer = xp, gemm, pointer
        self._one, self._zero = np.ones(1, dtype=np.int32), np.zeros(1, dtype=np.int32)

    def product(self, a: Any, b: Any) -> Any:
        """int8 a (m, k) by int8 b (n, k), both along their rows; int32 (m, n), k below ``BLOCK``."""
        (m, k), n = a.shape, b.shape[0]
        if not m * n * k:
            return self.xp.zeros((m, n), dtype="int32")
        a, b = self._padded(a), self._padded(b)
        out = self.xp.empty((a.shape[0], b.shape[0]), dtype="int32")
        # cuBLAS has columns where we have rows: it sees b and a transposed and makes the transposed product.
        self.gemm(
            *(TRANSPOSED, PLAIN, b.shape[0], a.shape[0], a.shape[1], self._one.ctypes.data),
            *(self.pointer(b), INT8, b.shape[1], self.pointer(a), INT8, a.shape[1], self._zero.ctypes.data),
            *(self.pointer(out), INT32, b.shape[0], COMPUTE_INT32, DEFAULT_ALGORITHM),
        )
        return self.xp.ascontiguousarray(out[:m, :n])

    def wide_product(self, a: Any, b: Any) -> Any:
        """int16 a (m, k) by int8 b (k, n), int64, as two products of bytes.

        a = 256 h + l + 128 with h = a >> 8 and l the low byte less 128, so that both are signed bytes:
        a b = 256 h b + l b + 128 sum b.
        """
        total, turned = self.xp.zeros((a.shape[0], b.shape[1]), dtype="int64"), b.T
        for at in range(0, a.shape[1], BLOCK - ALIGNED):
            left, right = a[:, at : at + BLOCK - ALIGNED], turned[:, at : at + BLOCK - ALIGNED]
            high, low = (left >> 8).astype("int8"), ((left & 255) - LOW_OFFSET).astype("int8")
            total += self.product(high, right).astype("int64") << 8
            total += self.product(low, right)
            total += LOW_OFFSET * right.sum(axis=1, dtype="int64")
        return total

    def _padded(self, x: Any) -> Any:
        """``x`` with zeros up to multiples of ``ALIGNED``, in row-major order, from such a multiple on."""
        shape = tuple(-(-size // ALIGNED) * ALIGNED for size in x.shape)
        if shape == x.shape:
            x = self.xp.ascontiguousarray(x)
            return x.copy() if self.pointer(x) % ALIGNED else x
        padded = self.xp.zeros(shape, dtype="int8")
        padded[: x.shape[0], : x.shape[1]] = x
        return padded


@cache
def on_cupy() -> BytesOnCublas:
    """cuBLAS through CuPy's binding, which raises where cuBLAS reports a failure."""
    import cupy
    from cupy_backends.cuda.libs import cublas

    def gemm(*arguments: Any) -> None:
        handle = cupy.cuda.device.get_cublas_handle()
        mode = cublas.getPointerMode(handle)
        cublas.setPointerMode(handle, cublas.CUBLAS_POINTER_MODE_HOST)
        try:
            cublas.gemmEx(handle, *arguments)
        finally:
            cublas.setPointerMode(handle, mode)

    return BytesOnCublas(cupy, gemm, lambda array: int(array.data.ptr))
