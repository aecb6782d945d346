"""The CUDA sources of the vector unit, run on the CPU, give NumPy's bits."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels

NUMPY = NumpyKernels()
WINDOWS = [((2, 2), (2, 2), (0, 0)), ((3, 3), (2, 2), (1, 1)), ((3, 2), (1, 2), (1, 0)), ((1, 1), (2, 3), (0, 0))]
"""kernel, stride, padding."""


def _draw(rng, storage, *shape):
    """Few different values, so that windows have ties."""
    return rng.integers(-4, 5, shape).astype(storage) if storage != "float32" else rng.choice([-0.5, 0.0, 1.25], shape)


def _same(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("storage", ["int8", "int16", "int32", "float32"])
@pytest.mark.parametrize(("kernel", "stride", "padding"), WINDOWS)
def test_pooling(host_cuda, rng, storage, kernel, stride, padding):
    x = _draw(rng, storage, 3, 7, 8, 5).astype(storage)
    size = tuple((x.shape[i + 1] + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i in range(2))
    lowest = np.iinfo(storage).min if storage != "float32" else -np.inf
    arguments = x, kernel, stride, padding, size
    pairs = zip(host_cuda.max_pool2d(*arguments, lowest), NUMPY.max_pool2d(*arguments, lowest), strict=True)
    for found, expected in pairs:
        _same(found, expected)
    _same(host_cuda.average_pool2d(*arguments), NUMPY.average_pool2d(*arguments))
    g, winner = _draw(rng, storage, 3, *size, 5).astype(storage), NUMPY.max_pool2d(*arguments, lowest)[1]
    window = kernel, stride, padding, x.shape
    _same(host_cuda.max_pool2d_backward(g, winner, *window), NUMPY.max_pool2d_backward(g, winner, *window))
    _same(host_cuda.average_pool2d_backward(g, *window), NUMPY.average_pool2d_backward(g, *window))


@pytest.mark.parametrize(("kernel", "stride", "padding"), WINDOWS)
def test_maxima_of_windows_with_nan(host_cuda, rng, kernel, stride, padding):
    """NaNs of several payloads, infinities, and windows without a finite number: the same bits, the same taps."""
    nans = np.array([0x7FC00000, 0xFFC00001, 0x7FC12345], dtype="uint32").view("float32")
    x = rng.choice(np.concatenate([nans, np.float32([-np.inf, -np.inf, -0.0, 0.0, 1.5])]), (3, 7, 8, 5))
    size = tuple((x.shape[i + 1] + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i in range(2))
    arguments = x, kernel, stride, padding, size, -np.inf
    (found, taps), (expected, wanted) = host_cuda.max_pool2d(*arguments), NUMPY.max_pool2d(*arguments)
    _same(found.view("uint32"), expected.view("uint32"))
    _same(taps, wanted)
    assert np.isnan(expected).any()


@pytest.mark.parametrize("storage", ["int8", "int16", "int32", "float32"])
def test_relu(host_cuda, rng, storage):
    g = rng.integers(-128, 128, (50, 7)).astype(storage)
    y = rng.integers(-2, 3, (50, 7)).astype(np.int8)
    _same(host_cuda.relu(g), NUMPY.relu(g))
    _same(host_cuda.relu_backward(g, y), NUMPY.relu_backward(g, y))


@pytest.mark.parametrize("storage", ["int8", "float32"])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_relu_of_what_is_not_finite(host_cuda, storage, bad):
    """Dynamic loss scaling hangs on it: a mask makes NaN of an infinity."""
    g, y = np.array([bad, bad, bad, 1, -2], np.float32), np.array([-1, 0, 1, 1, -1], storage)
    with np.errstate(invalid="ignore"):
        _same(host_cuda.relu(g), NUMPY.relu(g))
        expected = NUMPY.relu_backward(g, y)
        _same(host_cuda.relu_backward(g, y), expected)
    assert np.isnan(expected[:2]).all()


@pytest.mark.parametrize("storage", ["int16", "int32", "float32"])
def test_rows_add_up_by_place_in_order(host_cuda, rng, storage):
    """Floats whose sum depends on the order; places that get no row."""
    rows = rng.integers(-30000, 30000, (200, 3)).astype(storage)
    if storage == "float32":
        rows *= 10.0 ** rng.integers(-8, 9, (200, 1)).astype("float32")
    places = rng.integers(0, 9, 200).astype(np.uint16)
    _same(host_cuda.scatter_rows(rows, places, 12), NUMPY.scatter_rows(rows, places, 12))
