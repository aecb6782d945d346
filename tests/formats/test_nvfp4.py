"""NVFP4 against its oracle, the roundings of ml_dtypes, and numbers worked out on paper."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import format_by_name, reference
from accelsim.formats.nvfp4 import NVFP4, NVFP4_2D
from accelsim.formats.rounding import RoundingMode

UNITS = st.one_of(
    st.floats(-2688, 2688),
    st.floats(-8, 8, width=32),
    st.floats(-(2.0**-8), 2.0**-8),
    st.sampled_from([0.0, -0.0, 2688.0, 1e9, 6 * 2.0**-10, 6 * 2.0**-9, 2.0**-300, np.inf, np.nan]),
)
"""Values in units of a tensor's scale: beyond 2688 where the scale was foretold."""
DRAWN = st.tuples(st.sampled_from(list(RoundingMode)), st.integers(1, 16), st.integers(0, 99))


def _randoms(drawn, shape):
    mode, bits, seed = drawn
    return mode, np.random.default_rng(seed).integers(0, 2**bits, shape), bits


@settings(deadline=None, max_examples=200)
@given(x=st.lists(UNITS, min_size=1, max_size=40), drawn=DRAWN)
def test_rows_against_the_oracle(x, drawn):
    mode, random, bits = _randoms(drawn, len(x))
    values, scales = NVFP4.quantised(np, np.array(x), -1, mode, random, bits), NVFP4.units(np, np.array(x), -1)
    assert values.dtype == NVFP4.storage
    for start in range(0, len(x), 16):
        block = slice(start, start + 16)
        scale, expected = reference.nvfp4_block(x[block], mode, random[block].tolist(), bits)
        np.testing.assert_array_equal(scales[block], scale)
        # The oracle works in doubles, so equality says that the float32 values are exact.
        np.testing.assert_array_equal(values[block].astype(np.float64), expected)


@settings(deadline=None, max_examples=30)
@given(
    shape=st.tuples(st.integers(1, 35), st.integers(1, 2), st.integers(1, 35)),
    drawn=DRAWN,
    extra=st.lists(UNITS, max_size=4),
)
def test_squares_against_the_oracle(shape, drawn, extra):
    mode, random, bits = _randoms(drawn, shape)
    x = np.random.default_rng(drawn[2]).normal(size=shape) ** 5
    x.reshape(-1)[: len(extra)] = extra[: x.size]
    found = [NVFP4_2D.quantised(np, x, axis, mode, random, bits) for axis in (0, -1)]
    np.testing.assert_array_equal(*found)
    for tap in range(shape[1]):
        for row in range(0, shape[0], 16):
            for column in range(0, shape[2], 16):
                square = slice(row, row + 16), tap, slice(column, column + 16)
                flat, codes = x[square].reshape(-1).tolist(), random[square].reshape(-1).tolist()
                expected = reference.nvfp4_block(flat, mode, codes, bits)[1]
                np.testing.assert_array_equal(found[0][square].reshape(-1), expected)


@settings(deadline=None)
@given(x=st.lists(st.floats(-2688, 2688, width=32), min_size=16, max_size=16).filter(any))
def test_roundings_are_those_of_ml_dtypes(x):
    x = np.array(x)
    scale = (np.abs(x).max() / 6).astype(ml_dtypes.float8_e4m3fn).astype(np.float64)
    expected = np.zeros(16) if scale == 0 else (x / scale).astype(ml_dtypes.float4_e2m1fn).astype(np.float64) * scale
    np.testing.assert_array_equal(NVFP4.quantised(np, x, -1, "nearest_even"), expected)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_blocks_lie_along_the_axis(axis, rng):
    x = rng.normal(size=(18, 40, 5))
    lines = np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    found = np.moveaxis(NVFP4.quantised(np, x, axis, "nearest_even"), axis, -1)
    expected = [NVFP4.quantised(np, line, -1, "nearest_even") for line in lines]
    np.testing.assert_array_equal(found.reshape(lines.shape), expected)


def test_on_paper():
    # 2688 / 6 is the largest scale; 2500 lies between 4 x 448 and 6 x 448.
    assert NVFP4.quantised(np, np.array([2688.0, -2500, 100]), -1, "nearest_even").tolist() == [2688, -2688, 0]
    # 7 / 6 rounds to 1.125, under which 7 is 6.2 and saturates; 1 is 0.89 and rounds to 1; 0.25 is a tie's neighbour.
    assert NVFP4.quantised(np, np.array([7.0, 1, 0.25]), -1, "nearest_even").tolist() == [6.75, 1.125, 0]
    # Half of the smallest scale rounds to even, zero: all zeros.
    assert NVFP4.quantised(np, np.array([6 * 2.0**-10]), -1, "nearest_even").tolist() == [0]
    assert NVFP4.quantised(np, np.array([6.001 * 2.0**-10]), -1, "nearest_even").tolist() == [2.0**-9 * 3]
    # A bad value takes its block alone, and its square.
    x = np.ones((17, 32))
    x[0, 0] = np.inf
    assert np.isnan(NVFP4.quantised(np, x, -1, "nearest_even")).sum() == 16
    assert np.isnan(NVFP4_2D.quantised(np, x, -1, "nearest_even")).sum() == 256


@pytest.mark.parametrize("name", ["nvfp4", "nvfp4_2d"])
def test_sizes_count_an_e4m3_scale_for_sixteen(name):
    f = format_by_name(name)
    assert (f.bits_per_element, f.bytes_for(0), f.bytes_for(16), f.bytes_for(17)) == (4.5, 0, 9, (17 * 4 + 16 + 4) // 8)
    assert (f.family, f.is_integer, f.tensor_scaled, f.storage) == ("block", False, True, "float32")
