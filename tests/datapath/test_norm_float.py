"""Float norms of the compiled backend have NumPy's bits: the same roundings, and sums in the order of the rows."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels.compiled import CompiledKernels

BACKENDS = [NumpyKernels(), CompiledKernels(1), CompiledKernels(3, grain=64)]
SHAPES = [(1000, 16), (300, 33), (64, 64), (7, 3), (1, 5), (777, 1), (5, 2000)]


def _draw(rng, shape, dtype):
    """Columns of very different size, so that every order of addition shows; one without spread."""
    x = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4, size=shape)
    x[:, -1] = 0.1
    return x.astype(dtype)


def _results(k, g, x, gamma, beta, outside):
    mean = k.float_mean(x)
    spread = (k.float_variance(x) ** 0.5 + outside).astype(x.dtype)
    safe = np.where(spread == 0, np.inf, spread).astype(x.dtype)
    sums = k.float_products(g, x, mean, spread)
    return {
        "mean": mean,
        "spread": spread,
        "mean square": k.float_mean_square(x),
        "products": np.stack(sums),
        "standardised": k.float_standardise(x, mean, spread),
        "normalised": k.float_normalise(x.reshape(-1, 1, x.shape[1]), mean, spread, gamma, beta),
        "gradient": k.float_norm_backward(g, x, mean, spread, gamma / safe, sums, outside),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outside", [0.0, 0.01])
@pytest.mark.parametrize("shape", SHAPES)
def test_same_bits(rng, shape, outside, dtype):
    g, x = (_draw(rng, shape, dtype) for _ in range(2))
    gamma, beta = (rng.normal(size=shape[1]).astype(dtype) for _ in range(2))
    expected, *others = (_results(k, g, x, gamma, beta, outside) for k in BACKENDS)
    for found in others:
        for name, value in found.items():
            assert value.dtype == expected[name].dtype
            np.testing.assert_array_equal(value.view("uint8"), expected[name].view("uint8"), err_msg=name)


def test_the_relu_and_its_mask(rng):
    """g times 0 keeps g's sign, and infinity times 0 is no number; the ReLU of -0 is 0."""
    y = np.array([1.0, 0.0, -0.0, np.inf, 0.0, 2.0**-149, np.nan, -1.0] * 40, dtype=np.float32)
    g = rng.choice(np.array([1.5, -2.5, np.inf, -np.inf, -0.0, np.nan], dtype=np.float32), size=y.size)
    with np.errstate(invalid="ignore"):
        expected, *others = (k.relu_backward(g, y) for k in BACKENDS)
    for k in BACKENDS:
        assert k.relu(g).tobytes() == np.maximum(g, np.float32(0)).tobytes()
    for found in others:
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found[~np.isnan(found)]), np.signbit(expected[~np.isnan(expected)]))
