"""Exact products: every accumulator equals a sum of Python integers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath.kernels import Carrier
from accelsim.formats import format_by_name

PAIRS = [("int8", "int8"), ("int8", "int16"), ("int16", "int16"), ("int4", "int8"), ("int2", "int2")]


def _codes(rng, name, shape):
    format_ = format_by_name(name)
    extremes = rng.choice([format_.min_code, format_.max_code], size=shape)
    anything = rng.integers(format_.min_code, format_.max_code + 1, size=shape)
    return np.where(rng.random(shape) < 0.5, extremes, anything).astype(format_.storage)


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_carrier_never_lets_a_partial_sum_leave_the_mantissa(left, right):
    a, b = format_by_name(left), format_by_name(right)
    carrier = Carrier.of(a, b)
    assert carrier.block is not None
    largest = abs(a.min_code) * abs(b.min_code) * carrier.block
    assert largest <= 2 ** (24 if carrier.dtype == "float32" else 53)


@pytest.mark.parametrize(("left", "right"), PAIRS)
def test_matmul_beyond_one_block(left, right, rng, kernels):
    a, b = _codes(rng, left, (3, 5000)), _codes(rng, right, (5000, 4))
    found = kernels.matmul(a, b, Carrier.of(format_by_name(left), format_by_name(right)))
    expected = a.astype(object) @ b.astype(object)
    assert found.astype(np.int64).tolist() == expected.tolist()


def test_worst_case_sums_stay_exact(kernels):
    """All codes at their extreme: the largest accumulators that int8 x int16 over 2**16 terms can reach."""
    a = np.full((1, 1 << 16), -128, dtype=np.int8)
    b = np.full((1 << 16, 1), -32768, dtype=np.int16)
    found = kernels.matmul(a, b, Carrier.of(format_by_name("int8"), format_by_name("int16")))
    assert int(found[0, 0]) == 128 * 32768 << 16


geometry = st.fixed_dictionaries(
    {
        "size": st.tuples(st.integers(1, 6), st.integers(1, 6)),
        "kernel": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "padding": st.tuples(st.integers(0, 2), st.integers(0, 2)),
        "seed": st.integers(0, 10_000),
    }
).filter(lambda g: all(k <= s + 2 * p for k, s, p in zip(g["kernel"], g["size"], g["padding"], strict=True)))


def _naive(x, w, stride, padding):
    """Yield (output index, weight index, input index) of every product that is not padding."""
    (batch, height, width, channels), (outputs, kernel_rows, kernel_columns, _) = x.shape, w.shape
    rows = (height + 2 * padding[0] - kernel_rows) // stride[0] + 1
    columns = (width + 2 * padding[1] - kernel_columns) // stride[1] + 1
    for n, r, c, o, i, j, k in itertools.product(
        range(batch),
        range(rows),
        range(columns),
        range(outputs),
        range(kernel_rows),
        range(kernel_columns),
        range(channels),
    ):
        y, z = r * stride[0] + i - padding[0], c * stride[1] + j - padding[1]
        if 0 <= y < height and 0 <= z < width:
            yield (n, r, c, o), (o, i, j, k), (n, y, z, k)


@pytest.mark.parametrize(("left", "right"), [("int8", "int8"), ("int16", "int16"), ("int16", "int8")])
@settings(deadline=None, max_examples=40)
@given(g=geometry)
def test_convolution_and_its_gradients(kernels, left, right, g):
    rng = np.random.Generator(np.random.PCG64(g["seed"]))
    stride, padding = g["stride"], g["padding"]
    x = _codes(rng, left, (2, *g["size"], 2))
    w = _codes(rng, right, (3, *g["kernel"], 2))
    narrow = Carrier.of(format_by_name(left), format_by_name(right))
    wide = Carrier.of(format_by_name(left), format_by_name("int16"))
    found = kernels.conv2d(x, w, stride, padding, narrow)
    grad, grad16 = _codes(rng, left, found.shape), _codes(rng, "int16", found.shape)
    dx = kernels.conv2d_backward_data(grad, w, stride, padding, x.shape, narrow)
    dw = kernels.conv2d_backward_weights(x, grad16, g["kernel"], stride, padding, wide)
    y_expected, dx_expected, dw_expected = (np.zeros(a.shape, dtype=np.int64) for a in (found, x, w))
    for out, weight, source in _naive(x, w, stride, padding):
        y_expected[out] += int(x[source]) * int(w[weight])
        dx_expected[source] += int(grad[out]) * int(w[weight])
        dw_expected[weight] += int(x[source]) * int(grad16[out])
    np.testing.assert_array_equal(found.astype(np.int64), y_expected)
    np.testing.assert_array_equal(dx.astype(np.int64), dx_expected)
    np.testing.assert_array_equal(dw.astype(np.int64), dw_expected)


def test_a_data_gradient_whose_whole_sum_is_longer_than_a_block(kernels, rng):
    """A tap's sum is not: 130 outputs fit float32, nine times as many don't."""
    g, w = _codes(rng, "int8", (1, 2, 2, 130)), _codes(rng, "int8", (130, 3, 3, 2))
    narrow = Carrier.of(format_by_name("int8"), format_by_name("int8"))
    assert 130 <= narrow.block < 130 * 9
    expected = np.zeros((1, 2, 2, 2), dtype=np.int64)
    for out, weight, source in _naive(expected, w, (1, 1), (1, 1)):
        expected[source] += int(g[out]) * int(w[weight])
    found = kernels.conv2d_backward_data(g, w, (1, 1), (1, 1), expected.shape, narrow)
    np.testing.assert_array_equal(found.astype(np.int64), expected)


def test_batch_chunks_do_not_change_a_bit(kernels, rng, monkeypatch):
    x, w = _codes(rng, "int8", (7, 6, 6, 3)), _codes(rng, "int8", (4, 3, 3, 3))
    g = _codes(rng, "int16", (7, 6, 6, 4))
    narrow, wide = (Carrier.of(format_by_name("int8"), format_by_name(name)) for name in ("int8", "int16"))

    def products():
        return (
            kernels.conv2d(x, w, (1, 1), (1, 1), narrow),
            kernels.conv2d_backward_weights(x, g, (3, 3), (1, 1), (1, 1), wide),
            kernels.conv2d_backward_data(g.astype(np.int8), w, (1, 1), (1, 1), x.shape, narrow),
        )

    whole = products()
    monkeypatch.setattr("accelsim.datapath.kernels.product.CHUNK_BYTES", 1)
    for one, other in zip(whole, products(), strict=True):
        np.testing.assert_array_equal(one, other)
