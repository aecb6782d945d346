"""What the backend asks of cuBLAS, held to a reading of its arguments on raw memory: column-major, as BLAS says."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from accelsim.datapath.kernels.gpu.cublas import ALIGNED, COMPUTE_INT32, INT8, INT32, BytesOnCublas


def _matrix(pointer, rows, columns, leading, dtype):
    """Column-major matrix at an address."""
    count = leading * columns
    flat = np.ctypeslib.as_array((np.ctypeslib.as_ctypes_type(dtype) * count).from_address(pointer))
    return flat.reshape(columns, leading).T[:rows]


def _gemm(transa, transb, m, n, k, alpha, a, a_type, lda, b, b_type, ldb, beta, c, c_type, ldc, compute, algorithm):
    """``cublasGemmEx``: C = alpha op(A) op(B) + beta C; with cuBLAS' demands on int8."""
    assert (a_type, b_type, c_type, compute) == (INT8, INT8, INT32, COMPUTE_INT32)
    assert (transa, transb) == (1, 0)
    assert not any(size % ALIGNED for size in (m, n, k, lda, ldb, ldc))
    assert not any(pointer % ALIGNED for pointer in (a, b, c))
    factors = [ctypes.c_int32.from_address(pointer).value for pointer in (alpha, beta)]
    left, right = _matrix(a, k, m, lda, np.int8).T, _matrix(b, k, n, ldb, np.int8)
    out = _matrix(c, m, n, ldc, np.int32)
    out[:] = factors[0] * (left.astype(np.int32) @ right.astype(np.int32)) + (factors[1] and factors[1] * out)


@pytest.fixture
def products():
    return BytesOnCublas(np, _gemm, lambda array: array.ctypes.data)


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (16, 16, 16), (17, 10, 33), (5, 70, 16), (0, 3, 4), (3, 0, 4)])
def test_bytes(products, rng, m, k, n):
    a, b = (rng.integers(-128, 128, shape).astype(np.int8) for shape in ((m, k), (n, k)))
    found = products.product(a, b)
    assert found.dtype == np.int32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, a.astype(int) @ b.T.astype(int))


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (9, 33, 20), (2, 70_000, 3)])
def test_words_by_bytes(products, rng, m, k, n):
    """Two products of bytes; a reduction longer than 32-bit sums hold."""
    a = rng.choice([-32768, 32767, -1, 0, 127, 128, 255, -256], size=(m, k)).astype(np.int16)
    b = rng.choice([-128, 127, 3], size=(k, n)).astype(np.int8)
    found = products.wide_product(a, b)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, a.astype(int) @ b.astype(int))


def test_operands_that_do_not_lie_row_by_row(products, rng):
    a, b = rng.integers(-128, 128, (32, 16)).astype(np.int8), rng.integers(-128, 128, (32, 48)).astype(np.int8)
    np.testing.assert_array_equal(products.product(a.T, b.T), a.T.astype(int) @ b.astype(int))


def test_a_part_of_an_array_is_copied_to_where_loads_may_begin(products, rng):
    """A row of codes is in row-major order wherever it starts."""
    flat = rng.integers(-128, 128, 1 + 16 * 32).astype(np.int8)
    a, b = flat[1:].reshape(16, 32), rng.integers(-128, 128, (16, 32)).astype(np.int8)
    np.testing.assert_array_equal(products.product(a, b), a.astype(int) @ b.T.astype(int))
