"""Average pooling over whole images, compiled, against NumPy's taps."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels.compiled import CompiledKernels

NUMPY, COMPILED = NumpyKernels(), CompiledKernels(2, grain=64)
WINDOWS = [((4, 6), (0, 0)), ((4, 6), (1, 1)), ((2, 6), (0, 0))]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "float32"])
@pytest.mark.parametrize(("kernel", "padding"), WINDOWS)
def test_sums_of_a_window(kernel, padding, dtype, rng):
    x = rng.integers(-128, 128, (3, 4, 6, 5)).astype(dtype)
    size = tuple(s + 2 * p - k + 1 for s, p, k in zip((4, 6), padding, kernel, strict=True))
    expected = NUMPY.average_pool2d(x, kernel, (1, 1), padding, size)
    found = COMPILED.average_pool2d(x, kernel, (1, 1), padding, size)
    np.testing.assert_array_equal(expected, found)
    assert expected.dtype == found.dtype
    g = rng.integers(-(1 << 31), 1 << 31, (3, *size, 5)).astype("float32" if dtype == "float32" else "int32")
    expected = NUMPY.average_pool2d_backward(g, kernel, (1, 1), padding, x.shape)
    np.testing.assert_array_equal(expected, COMPILED.average_pool2d_backward(g, kernel, (1, 1), padding, x.shape))
