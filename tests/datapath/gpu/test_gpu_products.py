"""The CUDA sources of the products, run on the CPU, give the integers of the BLAS route."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.gpu import products
from accelsim.formats import integer

NUMPY = NumpyKernels()
BYTES, WIDE = Carrier.of(integer(8), integer(8)), Carrier.of(integer(8), integer(16))
SHAPES = [
    (5, (7, 9), 3, 5, (3, 3), (1, 1), (1, 1)),
    (17, (4, 4), 16, 16, (3, 3), (1, 1), (1, 1)),
    (2, (9, 9), 40, 70, (3, 3), (2, 2), (1, 1)),
    (3, (6, 5), 17, 33, (1, 1), (2, 2), (0, 0)),
    (3, (6, 5), 6, 8, (1, 1), (1, 1), (0, 0)),
    (2, (5, 6), 4, 16, (2, 3), (1, 2), (0, 2)),
    (2, (8, 8), 3, 4, (3, 3), (1, 1), (3, 3)),
    (3, (6, 6), 7, 18, (2, 2), (3, 3), (0, 0)),
    (1, (9, 10), 2, 3, (5, 5), (3, 2), (1, 4)),
]
"""batch, size, channels, outputs, kernel, stride, padding."""


def _codes(rng, storage, *shape):
    limits = np.iinfo(storage)
    x = rng.integers(limits.min, limits.max, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.3, limits.min, x).astype(storage)


def _same(found, expected, storage):
    assert found.dtype == storage
    np.testing.assert_array_equal(found.astype(np.int64), expected.astype(np.int64))


@pytest.mark.parametrize(("batch", "size", "channels", "outputs", "kernel", "stride", "padding"), SHAPES)
def test_convolutions(cuda, rng, batch, size, channels, outputs, kernel, stride, padding):
    """Extreme and random codes, counts that fill a word, a tile or a warp and that don't."""
    x, w = _codes(rng, "int8", batch, *size, channels), _codes(rng, "int8", outputs, *kernel, channels)
    y = NUMPY.conv2d(x, w, stride, padding, BYTES)
    _same(cuda.conv2d(x, w, stride, padding, BYTES), y, "int32")
    g8, g16 = _codes(rng, "int8", *y.shape), _codes(rng, "int16", *y.shape)
    arguments = g8, w, stride, padding, x.shape, BYTES
    _same(cuda.conv2d_backward_data(*arguments), NUMPY.conv2d_backward_data(*arguments), "int32")
    arguments = x, g16, kernel, stride, padding, WIDE
    _same(cuda.conv2d_backward_weights(*arguments), NUMPY.conv2d_backward_weights(*arguments), "int64")


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (65, 33, 17), (3, 600, 70)])
def test_matrix_products(cuda, rng, m, k, n):
    a, b = _codes(rng, "int8", m, k), _codes(rng, "int8", k, n)
    _same(cuda.matmul(a, b, BYTES), NUMPY.matmul(a, b, BYTES), "int32")
    g = _codes(rng, "int16", m, k)
    _same(cuda.matmul(g, b, WIDE), NUMPY.matmul(g, b, WIDE), "int64")


@pytest.mark.parametrize("blocks", [1, 3, products.BLOCKS_WANTED])
def test_weight_gradients_of_any_number_of_blocks(cuda, rng, monkeypatch, blocks):
    """One block that takes many steps, or many that take one."""
    monkeypatch.setattr(products, "BLOCKS_WANTED", blocks)
    x, g = _codes(rng, "int8", 3, 11, 13, 5), _codes(rng, "int16", 3, 11, 13, 6)
    arguments = x, g, (3, 3), (1, 1), (1, 1), WIDE
    _same(cuda.conv2d_backward_weights(*arguments), NUMPY.conv2d_backward_weights(*arguments), "int64")


@pytest.mark.parametrize("blocks", [1, products.BLOCKS_WANTED])
def test_sums_at_the_ends_of_their_accumulators(cuda, monkeypatch, blocks):
    """Products of the lowest codes alone: 2**22 each, 2**8 of them in 32 bits, thousands in 64."""
    monkeypatch.setattr(products, "BLOCKS_WANTED", blocks)
    g, x = np.full((1, 1, 9000, 1), -32768, dtype=np.int16), np.full((1, 1, 9000, 1), -128, dtype=np.int8)
    found = cuda.conv2d_backward_weights(x, g, (1, 1), (1, 1), (0, 0), WIDE)
    assert found.tolist() == [[[[9000 * 2**22]]]]


def test_the_longest_sum_of_32_bits(host_cuda):
    a = np.full((2, 65000), -128, dtype=np.int8)
    assert host_cuda.matmul(a, a.T, BYTES).tolist() == [[65000 * 2**14] * 2] * 2


def test_other_operands_take_the_portable_way(host_cuda, rng):
    x, w = rng.normal(size=(2, 5, 5, 3)).astype(np.float32), rng.normal(size=(4, 3, 3, 3)).astype(np.float32)
    plain = Carrier("float32", None)
    np.testing.assert_array_equal(
        host_cuda.conv2d(x, w, (1, 1), (1, 1), plain), NUMPY.conv2d(x, w, (1, 1), (1, 1), plain)
    )
    g = rng.integers(-300, 300, (6, 9)).astype(np.int16)
    np.testing.assert_array_equal(host_cuda.matmul(g, g.T, Carrier.of(integer(16), integer(16))), g.astype(int) @ g.T)
