"""Float32 products of the compiled backend: the bits of the order that the docs state, and what that order may err."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.units.matrices import as_matrices

FLOATS = Carrier("float32", None)
RUN, GROUPS = 512, 16
UNIT = 2.0**-24
ONE_THREAD, THREE_THREADS = CompiledKernels(1), CompiledKernels(3, grain=64)
CASES = {
    "first layer": (3, (7, 9), 1, 5, (3, 3), (1, 1), (1, 1)),
    "a vector of channels": (9, (8, 8), 16, 16, (3, 3), (1, 1), (1, 1)),
    "stride": (3, (9, 9), 24, 40, (3, 3), (2, 2), (1, 1)),
    "projection": (3, (6, 5), 16, 33, (1, 1), (2, 2), (0, 0)),
    "uneven": (2, (5, 6), 4, 16, (2, 3), (1, 2), (0, 2)),
    "no taps": (2, (6, 6), 5, 18, (2, 2), (3, 3), (0, 0)),
    "long sums": (3, (3, 3), 70, 50, (3, 3), (1, 1), (1, 1)),
    "long lines": (2, (3, 300), 2, 3, (1, 3), (1, 1), (0, 1)),
    "many groups": (32, (2, 300), 1, 2, (1, 1), (1, 1), (0, 0)),
    "many images": (40, (6, 6), 2, 3, (3, 3), (1, 1), (1, 1)),
}


def _fused(a, b, total):
    """a b + total rounded once: a product of 24-bit numbers is exact in a double, and a sum of doubles that is
    rounded to odd keeps what a second rounding, to fewer bits by two and more, has to know."""
    product, before = np.float64(a) * np.float64(b), total.astype(np.float64)
    found = before + product
    back = found - before
    error = (before - (found - back)) + (product - back)
    even = found.view(np.int64) & 1 == 0
    outwards = np.where((error > 0) == (found > 0), 1, -1)
    odd = found.view(np.int64) + np.where((error != 0) & even, outwards, 0)
    return odd.view(np.float64).astype(np.float32)


def _in_order(left, right, groups):
    """Sums over groups of sums over runs of terms, each a chain from 0; groups are lists of the runs' lengths."""
    total, at = np.zeros((left.shape[0], right.shape[1]), dtype=np.float32), 0
    for runs in groups:
        part = np.zeros_like(total)
        for length in runs:
            chain = np.zeros_like(total)
            for k in range(at, at + length):
                chain = _fused(left[:, k, None], right[k], chain)
            part, at = part + chain, at + length
        total = total + part
    assert at == left.shape[1]
    return total


def _parts(total, size):
    return [min(size, total - at) for at in range(0, total, size)]


def _gradient_groups(batch, rows, columns):
    """Runs of whole images, or of whole lines of one, and at most 16 groups of images with equally many."""
    together = max(1, min(batch, RUN // (rows * columns)))
    images = -(-len(_parts(batch, together)) // GROUPS) * together
    lines = _parts(rows, max(1, min(rows, RUN // columns)))
    return [
        [line * columns * some for some in _parts(group, together) for line in lines] for group in _parts(batch, images)
    ]


def _operands(rng, case):
    batch, size, channels, outputs, kernel, stride, padding = CASES[case]
    x, w = (rng.normal(size=s).astype(np.float32) for s in ((batch, *size, channels), (outputs, *kernel, channels)))
    out = [(size[i] + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i in range(2)]
    g = rng.normal(size=(batch, *out, outputs)).astype(np.float32)
    return x, w, g, {"kernel": kernel, "stride": stride, "padding": padding}


def _products(kernels, x, w, g, window):
    at = window["stride"], window["padding"]
    return {
        "conv2d": kernels.conv2d(x, w, *at, FLOATS),
        "conv2d_backward_data": kernels.conv2d_backward_data(g, w, *at, x.shape, FLOATS),
        "conv2d_backward_weights": kernels.conv2d_backward_weights(x, g, window["kernel"], *at, FLOATS),
    }


def _reference(opcode, x, w, g, window, shape):
    first, second = {"conv2d": (x, w), "conv2d_backward_data": (g, w), "conv2d_backward_weights": (x, g)}[opcode]
    operation = SimpleNamespace(opcode=opcode, attributes=window)
    inputs = SimpleNamespace(data=first), SimpleNamespace(data=second)
    expected = np.zeros(shape, dtype=np.float32)
    for part in as_matrices(NumpyKernels(), operation, inputs, SimpleNamespace(shape=shape)):
        terms = part.left.shape[1]
        runs = _gradient_groups(*g.shape[:3]) if "weights" in opcode else [[n] for n in _parts(terms, RUN)]
        expected[part.place] = _in_order(part.left, part.right, runs).reshape(expected[part.place].shape)
    return expected


@pytest.mark.parametrize("case", CASES)
def test_convolutions_have_the_bits_of_their_order(rng, case):
    x, w, g, window = _operands(rng, case)
    for kernels in (ONE_THREAD, THREE_THREADS):
        for opcode, found in _products(kernels, x, w, g, window).items():
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, _reference(opcode, x, w, g, window, found.shape), err_msg=opcode)


@pytest.mark.parametrize(("rows", "terms", "columns"), [(1, 1, 1), (20, 1100, 9), (130, 7, 50), (1100, 12, 5)])
def test_matrices_have_the_bits_of_their_order(rng, rows, terms, columns):
    """A transposed left operand is a gradient: the product is that of a weight gradient."""
    a, b = (rng.normal(size=s).astype(np.float32) for s in ((rows, terms), (terms, columns)))
    runs = [[n] for n in _parts(terms, RUN)]
    np.testing.assert_array_equal(THREE_THREADS.matmul(a, b, FLOATS), _in_order(a, b, runs))
    g, x = rng.normal(size=(rows, 6)).astype(np.float32), rng.normal(size=(rows, columns)).astype(np.float32)
    groups = [[n] for n in _parts(rows, RUN)] if rows > 1 else [[1]]
    np.testing.assert_array_equal(THREE_THREADS.matmul(g.T, x, FLOATS), _in_order(g.T, x, groups))


def test_the_reference_rounds_once():
    """(1 + 2^-12)^2 - (1 + 2^-11) is 2^-24, which a rounded product would lose; and a tie that a double makes."""
    near = np.float32(1 + 2.0**-12)
    assert _fused(near, near, np.array(-(1 + 2.0**-11), dtype=np.float32)) == np.float32(2.0**-24)
    tie = np.array(1 + 2.0**-23, dtype=np.float32)
    assert _fused(np.float32(2.0**-24), np.float32(1 - 2.0**-24), tie) == tie
    assert _fused(np.float32(2.0**-24), np.float32(1 + 2.0**-23), tie) == np.float32(1 + 2.0**-22)


@pytest.mark.parametrize("case", CASES)
def test_errors_stay_below_the_bound_of_a_chain(rng, case):
    """n roundings in a row err by at most n u / (1 - n u) of the sum of magnitudes, u = 2^-24."""
    x, w, g, window = _operands(rng, case)
    found = _products(ONE_THREAD, x, w, g, window)
    double, at = Carrier("float64", None), (window["stride"], window["padding"])
    exact, magnitudes = (
        {
            "conv2d": numpy.conv2d(a, b, *at, double),
            "conv2d_backward_data": numpy.conv2d_backward_data(c, b, *at, x.shape, double),
            "conv2d_backward_weights": numpy.conv2d_backward_weights(a, c, window["kernel"], *at, double),
        }
        for numpy, a, b, c in ((NumpyKernels(), x, w, g), (NumpyKernels(), abs(x), abs(w), abs(g)))
    )
    terms = {"conv2d": w[0].size, "conv2d_backward_data": w[..., 0].size, "conv2d_backward_weights": g[..., 0].size}
    for opcode, y in found.items():
        roundings = min(terms[opcode], RUN) + -(-terms[opcode] // RUN) + GROUPS
        bound = roundings * UNIT / (1 - roundings * UNIT) * magnitudes[opcode]
        assert (abs(y - exact[opcode]) <= bound).all(), opcode


def test_a_batch_may_be_cut_anywhere(rng):
    """Forward and data gradient: each image has its own bits, whatever stands beside it."""
    x, w, g, window = _operands(rng, "many images")
    whole, part = (_products(THREE_THREADS, x[:n], w, g[:n], window) for n in (40, 7))
    for opcode in ("conv2d", "conv2d_backward_data"):
        np.testing.assert_array_equal(whole[opcode][:7], part[opcode])


@settings(deadline=None, max_examples=40)
@given(
    batch=st.integers(1, 5),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    channels=st.sampled_from([1, 3, 16, 17, 48]),
    outputs=st.sampled_from([1, 8, 16, 21, 48]),
    seed=st.integers(0, 10_000),
)
def test_sums_of_small_integers_are_exact(batch, size, kernel, stride, padding, channels, outputs, seed):
    """No order of addition rounds them, so NumPy's products have the same bits; views and integers are taken, too."""
    kernel = tuple(min(k, s + 2 * p) for k, s, p in zip(kernel, size, padding, strict=True))
    rng = np.random.default_rng(seed)
    x = rng.integers(-9, 10, (batch, *size, 2 * channels)).astype(np.float32)[..., ::2]
    w = rng.integers(-9, 10, (outputs, *kernel, channels)).astype(np.int8)
    window = {"kernel": kernel, "stride": stride, "padding": padding}
    y = NumpyKernels().conv2d(x, w, stride, padding, FLOATS)
    g = rng.integers(-9, 10, y.shape).astype(np.float32)
    expected = _products(NumpyKernels(), x, w, g, window)
    for opcode, found in _products(THREE_THREADS, x, w, g, window).items():
        np.testing.assert_array_equal(found, expected[opcode], err_msg=opcode)


def test_what_is_not_float32_goes_through_blas(rng):
    """Operands in double precision, and sums without a term."""
    x, w = rng.normal(size=(2, 5, 5, 3)), rng.normal(size=(4, 3, 3, 3))
    double = Carrier("float64", None)
    found, expected = (k.conv2d(x, w, (1, 1), (1, 1), double) for k in (ONE_THREAD, NumpyKernels()))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)
    empty = ONE_THREAD.matmul(np.zeros((3, 0), dtype=np.float32), np.zeros((0, 2), dtype=np.float32), FLOATS)
    np.testing.assert_array_equal(empty, np.zeros((3, 2)))
