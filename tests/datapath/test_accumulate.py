"""Narrow accumulators against plain integers and fractions: extremes, orders of addition, passes of bytes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from accelsim.datapath import reference
from accelsim.datapath.kernels.accumulate import (
    accumulate,
    accumulate_float,
    add_to_odd,
    byte_slices,
    product_in_passes,
)

EXTREMES = {"int8": (-128, 127), "int16": (-32768, 32767)}
ORDERS = st.sampled_from(["sequential", "tree", 1, 2, 3, 8])


@st.composite
def operands(draw, narrow="int8", wide="int8"):
    m, k, n = draw(st.integers(1, 3)), draw(st.integers(1, 20)), draw(st.integers(1, 3))

    def matrix(storage, shape):
        low, high = EXTREMES[storage]
        codes = st.sampled_from([low, high, 0]) | st.integers(low, high)
        return draw(hnp.arrays(storage, shape, elements=codes))

    return matrix(narrow, (m, k)), matrix(wide, (k, n))


def _each(a, b, scalar):
    return [[scalar(row, column) for column in b.T.tolist()] for row in a.tolist()]


@settings(deadline=None)
@given(pair=operands() | operands(wide="int16"), bits=st.integers(8, 48), start=st.integers(-(2**40), 2**40))
def test_wrapping(kernels, pair, bits, start):
    found = accumulate(kernels.xp, *pair, bits, start=start)
    assert found.tolist() == _each(*pair, lambda x, y: reference.accumulate_wrapping(x, y, bits, start))


@settings(deadline=None, max_examples=300)
@given(
    pair=operands() | operands(wide="int16") | operands("int16", "int16"),
    bits=st.integers(8, 40),
    order=ORDERS,
    start=st.sampled_from([0, 2**40, -(2**40)]) | st.integers(-1000, 1000),
)
def test_saturating(kernels, pair, bits, order, start):
    found = accumulate(kernels.xp, *pair, bits, "saturate", order, start=start)

    def scalar(x, y):
        if order == "tree":
            return reference.accumulate_tree(x, y, bits, start)
        if order == "sequential":
            return reference.accumulate_in_order(x, y, bits, start)
        return reference.accumulate_saturating(x, y, bits, order, start)

    assert found.tolist() == _each(*pair, scalar)


def test_the_order_of_addition_decides_what_saturates(kernels):
    """Three steps up, three down in 16 bits: sequentially the top is lost, in runs of two and in a tree it isn't."""
    a, b = np.full((1, 6), 127, dtype=np.int8), np.array([127, 127, 127, -127, -127, -127], dtype=np.int8)[:, None]
    found = {
        order: int(accumulate(kernels.xp, a, b, 16, "saturate", order)[0, 0])
        for order in ("sequential", "tree", 2, 3, 6)
    }
    top, lowest = 2**15 - 1, -(2**15)
    assert found["sequential"] == found[6] == top - 3 * 127**2
    assert found[3] == top + lowest
    assert found[2] == found["tree"] == 0


def test_rows_that_cannot_saturate_are_the_exact_product(kernels, rng):
    """One row at its extremes doesn't take the others off the fast path, nor change them."""
    a, b = rng.integers(-10, 11, size=(50, 64)).astype(np.int8), np.full((64, 3), 127, dtype=np.int8)
    a[7] = 127
    found = accumulate(kernels.xp, a, b, 20, "saturate")
    exact = a.astype(np.int64) @ b.astype(np.int64)
    assert found[7].tolist() == [2**19 - 1] * 3
    np.testing.assert_array_equal(np.delete(found, 7, 0), np.delete(exact, 7, 0))
    assert exact[7, 0] > 2**19


def test_a_faster_product_is_used(kernels):
    asked = []

    def product(a, b):
        asked.append(a.shape)
        return a.astype(np.float32) @ b.astype(np.float32)

    a = np.full((2, 3), 5, dtype=np.int8)
    assert accumulate(kernels.xp, a, a.T, 32, "saturate", product=product).tolist() == [[75, 75], [75, 75]]
    assert asked == [(2, 3)]


def test_long_sums_of_extremes_stay_exact(kernels):
    """2**23 products of 2**30 and one more exceed a double's mantissa: the blocks are added up in 64 bits."""
    k = (1 << 23) + 3
    a, b = np.full((1, k), -32768, dtype=np.int16), np.full((k, 1), -32768, dtype=np.int16)
    a[0, -1], b[-1, 0] = 1, 1
    assert int(accumulate(kernels.xp, a, b, 62)[0, 0]) == (k - 1) * 2**30 + 1


@settings(deadline=None)
@given(pair=operands(wide="int16") | operands("int16", "int8") | operands("int16", "int16"), bits=st.integers(8, 48))
def test_passes_of_bytes_are_one_wide_product(kernels, pair, bits):
    found = product_in_passes(kernels.xp, *pair, bits)
    np.testing.assert_array_equal(found, accumulate(kernels.xp, *pair, bits))
    if pair[0].dtype == np.int8:
        assert found.tolist() == _each(*pair, lambda x, y: reference.product_in_two_passes(x, y, bits))


def test_bytes_of_every_int16(kernels):
    x = np.arange(-32768, 32768).astype(np.int16)
    (low, none), (high, eight) = byte_slices(kernels.xp, x)
    assert (none, eight, low.dtype, high.dtype) == (0, 8, np.uint8, np.int8)
    np.testing.assert_array_equal(low.astype(int) + (high.astype(int) << 8), x)


def test_wider_operands_and_empty_runs_are_refused(kernels):
    with pytest.raises(ValueError, match="at most 16 bits"):
        accumulate(kernels.xp, np.array([[70000]]), np.array([[1]]), 32)
    with pytest.raises(ValueError, match="at least 1 product"):
        accumulate(kernels.xp, np.array([[1]]), np.array([[1]]), 32, "saturate", 0)


def _minifloat(significant):
    """Nearest even to ``significant`` bits, on doubles."""

    def rounding(x):
        _, exponent = np.frexp(x)
        unit = np.ldexp(1.0, np.maximum(exponent, -20) - significant)
        return np.rint(x / unit) * unit

    return rounding


def _exactly(significant):
    """The same, on fractions."""

    def rounding(x):
        exponent = -20
        while abs(x) >= Fraction(2) ** exponent:
            exponent += 1
        unit = Fraction(2) ** (exponent - significant)
        return float(round(x / unit) * unit)

    return rounding


# Mantissas around ties and magnitudes far apart: sums that a double can't hold and that tie but for a last bit.
VALUES = st.builds(
    lambda mantissa, exponent: np.float32(mantissa * 2.0**exponent),
    st.integers(-(2**12), 2**12),
    st.sampled_from([0, -1, -8, -30, 20, 30]) | st.integers(-30, 30),
)


@settings(deadline=None, max_examples=300)
@given(
    values=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=12),
    chunk=st.sampled_from([1, 2, 3, 64]),
    significant=st.sampled_from([3, 4, 10, 11, 24]),
)
def test_floats_round_every_exact_sum_once(kernels, values, chunk, significant):
    a, b = (np.array(part, dtype=np.float32) for part in zip(*values, strict=True))
    found = accumulate_float(kernels.xp, a[None], b[:, None], chunk, _minifloat(significant))
    expected = reference.accumulate_float((a * b).tolist(), chunk, _exactly(significant))
    assert found.tolist() == [[expected]]


def test_a_sum_beyond_a_double_is_not_taken_for_a_tie(kernels):
    """1 + 2**-11 ties between two values of 11 bits; 2**-70 more, lost in a double, decides."""
    tie, more = np.array([1 + 2.0**-11]), np.array([2.0**-70])
    rounded = _minifloat(11)
    assert rounded(tie + more)[0] == 1
    assert rounded(add_to_odd(kernels.xp, tie, more))[0] == 1 + 2.0**-10
    assert rounded(add_to_odd(kernels.xp, tie, -more))[0] == 1


def test_chunks_save_what_a_long_sum_loses(kernels):
    """Adding ones in 11 bits stops at 2048; in chunks of 64 it doesn't."""
    ones = np.ones((1, 8192), dtype=np.float32)
    sums = [accumulate_float(kernels.xp, ones, ones.T, chunk, _minifloat(11))[0, 0] for chunk in (8192, 64)]
    assert sums == [2048, 8192]


def test_floats_that_overflow_do_not_warn(kernels):
    a = np.array([[3e38, 3e38, 1.0]], dtype=np.float32)
    found = accumulate_float(kernels.xp, a, a.T, 3, lambda x: x.astype(np.float32))
    assert np.isinf(found[0, 0])
