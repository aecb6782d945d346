"""The CUDA sources of the normalisation unit, run on the CPU, give NumPy's bits."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels.numbers import Numbers
from accelsim.formats import FixedPointMultiplier

NUMPY = NumpyKernels()
BITS = 8


def _same(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def _codes(rng, storage, rows, channels):
    limits = np.iinfo(storage)
    x = rng.integers(limits.min, limits.max, (rows, channels), endpoint=True)
    return np.where(rng.random(x.shape) < 0.1, limits.min, x).astype(storage)


@pytest.mark.parametrize(("rows", "channels", "chunks"), [(700, 16, 1), (33, 5, 1), (200, 70, 4), (7, 1, 3)])
@pytest.mark.parametrize("storage", ["int8", "int16", "int32"])
def test_statistics(cuda, rng, storage, rows, channels, chunks):
    """Ties within and across threads and blocks: the first row counts; the ends of the codes add up exactly."""
    for x in (rng.integers(-3, 3, (rows, channels)).astype(storage), _codes(rng, storage, rows, channels)):
        for found, expected in zip(cuda.range_sum(x, chunks), NUMPY.range_sum(x, chunks), strict=True):
            _same(found, expected)
        _same(cuda.channel_sum(x), NUMPY.channel_sum(x))
        other = _codes(rng, "int16", rows, channels)
        for found, expected in zip(cuda.gradient_sums(other, x), NUMPY.gradient_sums(other, x), strict=True):
            _same(found, expected)
        _same(cuda.channel_products(other, x), NUMPY.channel_products(other, x))
        _same(cuda.mean(x, BITS), NUMPY.mean(x, BITS))
        centre = NUMPY.mean(x, BITS)
        pairs = zip(cuda.absolute_deviation(x, centre, BITS), NUMPY.absolute_deviation(x, centre, BITS), strict=True)
        for found, expected in pairs:
            _same(found, expected)


@pytest.mark.parametrize("gain", [0.3, -0.99, 5.0, 3e4, 1e-6])
@pytest.mark.parametrize("storage", ["int8", "int16", "int32"])
def test_normalise_and_backward(host_cuda, rng, storage, gain):
    """Words that saturate and words that don't; centres and shares at the ends of 32 bits."""
    rows, channels = 500, 3
    g, x = _codes(rng, storage, rows, channels), _codes(rng, "int8", rows, channels)
    by = FixedPointMultiplier.from_real(gain * np.array([1.0, 0.5, 0.01]))
    centre, offset = np.array([2**31 - 1, -12345, 7]), np.array([2**31 - 1, -5, 100])
    _same(host_cuda.normalise(g, centre, by, offset, BITS), NUMPY.normalise(g, centre, by, offset, BITS))
    total, extremes = NUMPY.range_sum(g, 4)
    share, sums = np.array([2**30, 99, 0]), NUMPY.channel_sum(g)
    arguments = g, sums, share, extremes, by, BITS
    _same(host_cuda.range_norm_backward(*arguments), NUMPY.range_norm_backward(*arguments))
    centres, along = np.stack([total, centre]), FixedPointMultiplier.from_real(np.array([0.2, -3.0, 0.0]))
    arguments = g, x, centres, along, by, BITS
    _same(host_cuda.batch_norm_backward(*arguments), NUMPY.batch_norm_backward(*arguments))
    arguments = g, x, centres, share, by, BITS
    _same(host_cuda.l1_norm_backward(*arguments), NUMPY.l1_norm_backward(*arguments))


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32"])
def test_running_averages(host_cuda, rng, dtype, inverse):
    """Zeros, which have no inverse, among them; one scale, or one a column."""
    codes = np.append(rng.integers(-(2**31), 2**31 - 1, 997), [0, 0, 1]).astype(dtype)
    running = rng.normal(size=1000).astype(np.float32)
    for scale in (0.3, np.float64(1e-30), rng.random(1000)):
        for momentum in (0.0, 0.1, 0.9):
            arguments = running, Numbers(codes, scale), momentum
            _same(host_cuda.moved(*arguments, inverse=inverse), NUMPY.moved(*arguments, inverse=inverse))


@pytest.mark.parametrize("denominator", [1, 2, 3, 4096, 2**23 - 1])
def test_quotients(host_cuda, rng, denominator):
    """Halves of either sign round up."""
    x = np.append(
        rng.integers(-(2**52), 2**52, 500), np.arange(-2 * denominator, 2 * denominator, max(1, denominator // 50))
    )
    _same(host_cuda.divide_rounded(x, denominator), NUMPY.divide_rounded(x, denominator))
    _same(host_cuda.divide_rounded(x, np.full(x.size, denominator)), NUMPY.divide_rounded(x, denominator))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("damped", [False, True])
def test_spread_share(host_cuda, rng, dtype, damped):
    spread = np.append(rng.integers(0, 2**31 - 1, 500), rng.integers(0, 4, 500)).astype(dtype)
    products = rng.integers(-(2**51), 2**51, 1000)
    damping = rng.random(1000) if damped else None
    _same(host_cuda.spread_share(products, spread, damping), NUMPY.spread_share(products, spread, damping))
    if not damped:
        ones = (spread != 0).astype("float64")
        _same(host_cuda.spread_share(products, spread, None), NUMPY.spread_share(products, spread, ones))


@pytest.mark.parametrize("storage", ["int8", "int16"])
def test_deviation(host_cuda, rng, storage):
    for x in (np.full((40, 3), -128, dtype=storage), _codes(rng, storage, 700, 16)):
        _same(host_cuda.deviation(x), NUMPY.deviation(x))


def test_a_column_whose_extremes_coincide(host_cuda):
    """A constant column has its maximum and its minimum in the same row: both shares meet there."""
    g, by = np.full((9, 2), 7, dtype=np.int16), FixedPointMultiplier.from_real(np.array([0.5, 0.25]))
    extremes = np.zeros((2, 1, 2), dtype=np.int64)
    arguments = g, NUMPY.channel_sum(g), np.array([40, -3]), extremes, by, BITS
    _same(host_cuda.range_norm_backward(*arguments), NUMPY.range_norm_backward(*arguments))
