"""Integers in blocks under an fp32 scale, against the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import format_by_name, reference
from accelsim.formats.rounding import RoundingMode

FORMATS = [format_by_name(name) for name in ("int8_b32", "int4_b16", "int2_b3", "int16_b7")]
VALUES = st.one_of(st.floats(-8, 8, width=32), st.floats(-(2.0**120), 2.0**120, width=32), st.just(0.0))


@settings(deadline=None, max_examples=300)
@given(
    f=st.sampled_from(FORMATS),
    x=st.lists(VALUES, min_size=1, max_size=40),
    mode=st.sampled_from(list(RoundingMode)),
    bits=st.integers(1, 16),
    seed=st.integers(0, 99),
)
def test_against_the_oracle(f, x, mode, bits, seed):
    random = np.random.default_rng(seed).integers(0, 2**bits, len(x))
    values = f.quantised(np, np.array(x), -1, mode, random, bits)
    assert values.dtype == f.storage
    for start in range(0, len(x), f.block):
        block = slice(start, start + f.block)
        expected = reference.integer_block(x[block], f, mode, random[block].tolist(), bits)
        assert values[block].tolist() == [float(v) for v in expected]
        assert [float(v) for v in expected] == expected, "doubles hold a code times its scale exactly"


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_blocks_lie_along_the_axis(axis, rng):
    x = rng.normal(size=(6, 40, 5))
    f = format_by_name("int8_b32")
    lines = np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    found = np.moveaxis(f.quantised(np, x, axis, "nearest_even"), axis, -1)
    expected = [f.quantised(np, line, -1, "nearest_even") for line in lines]
    np.testing.assert_array_equal(found.reshape(lines.shape), expected)


@pytest.mark.parametrize("mode", RoundingMode)
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("f", FORMATS, ids=str)
def test_a_block_with_a_value_that_is_not_finite_is_none(f, broken, mode):
    """A code of 0 in its place would hide that a training diverged."""
    x = np.ones(2 * f.block)
    x[1] = broken
    random = np.zeros(x.shape, np.uint16)
    values = f.quantised(np, x, -1, mode, random, 4)
    assert np.isnan(values[: f.block]).all()
    assert (values[f.block :] == f.quantised(np, x[f.block :], -1, mode, random[f.block :], 4)).all()


def test_sizes_count_one_fp32_scale_a_block():
    f = format_by_name("int4_b16")
    assert f.bits_per_element == 6
    assert f.bytes_for(17) == (17 * 4 + 2 * 32 + 7) // 8
    assert (f.family, f.is_integer, f.bytes_for(0)) == ("block", False, 0)


@pytest.mark.parametrize("name", ["int1_b8", "int17_b8", "int8_b0"])
def test_refusals(name):
    with pytest.raises(ValueError, match="2 to 16 bits"):
        format_by_name(name)
