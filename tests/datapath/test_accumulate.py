"""Narrow integer accumulators against plain integers: extremes, orders of addition, passes of slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from accelsim.datapath import reference
from accelsim.datapath.kernels.accumulate import accumulate, accumulate_in_passes, sliced

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


def _in_passes(kernels, pair, bits, overflow, order, width, start=0):
    slices = tuple(-(-8 * x.dtype.itemsize // width) for x in pair)
    found = accumulate_in_passes(kernels.xp, *pair, bits, overflow, order, slices, width, start=start)

    def add(terms, total):
        ones = [1] * len(terms)
        if overflow == "wrap":
            return reference.accumulate_wrapping(terms, ones, bits, total)
        if order == "sequential":
            return reference.accumulate_in_order(terms, ones, bits, total)
        return reference.accumulate_saturating(terms, ones, bits, order, total)

    return found, _each(*pair, lambda x, y: reference.accumulate_in_passes(x, y, slices, width, add, start))


WIDE = operands(wide="int16") | operands("int16", "int8") | operands("int16", "int16")
WIDTHS = st.sampled_from([3, 4, 8, 12, 16])


@settings(deadline=None)
@given(pair=WIDE | operands(), bits=st.integers(8, 48), width=WIDTHS)
def test_passes_that_wrap_are_one_wide_product(kernels, pair, bits, width):
    found, expected = _in_passes(kernels, pair, bits, "wrap", "sequential", width)
    assert found.tolist() == expected
    np.testing.assert_array_equal(found, accumulate(kernels.xp, *pair, bits))


@settings(deadline=None, max_examples=200)
@given(
    pair=WIDE,
    bits=st.integers(8, 40),
    order=st.sampled_from(["sequential", 1, 2, 8]),
    width=WIDTHS,
    start=st.sampled_from([0, 2**40]) | st.integers(-1000, 1000),
)
def test_passes_that_saturate(kernels, pair, bits, order, width, start):
    found, expected = _in_passes(kernels, pair, bits, "saturate", order, width, start)
    assert found.tolist() == expected


def test_every_pass_saturates_on_its_own(kernels):
    """The whole products take turns and stay in range; their low bytes alone do not."""
    a, b = np.full((1, 4), 100, dtype=np.int8), np.array([[255], [-256], [255], [-256]], dtype=np.int16)
    whole = accumulate(kernels.xp, a, b, 16, "saturate")
    passes = accumulate_in_passes(kernels.xp, a, b, 16, "saturate", "sequential", (1, 2), 8)
    assert int(whole[0, 0]) == -200
    assert int(passes[0, 0]) == 32767 - 2 * 25600


@pytest.mark.parametrize("width", [3, 4, 8, 15])
def test_slices_of_every_int16(kernels, width):
    x, count = np.arange(-32768, 32768).astype(np.int16), -(-16 // width)
    parts = sliced(kernels.xp.asarray(x), count, width)
    assert len(parts) == count
    np.testing.assert_array_equal(sum(part.astype(int) for part in parts), x)
    for position, part in enumerate(parts):
        expected = [reference.bit_slice(v, position, count, width) << width * position for v in x[::97].tolist()]
        assert part[::97].tolist() == expected


def test_wider_operands_and_empty_runs_are_refused(kernels):
    with pytest.raises(ValueError, match="at most 17 bits"):
        accumulate(kernels.xp, np.array([[70000]]), np.array([[1]]), 32)
    with pytest.raises(ValueError, match="at least 1 product"):
        accumulate(kernels.xp, np.array([[1]]), np.array([[1]]), 32, "saturate", 0)
