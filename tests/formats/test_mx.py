"""Block formats against the oracle and the numbers of the OCP MX specification."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import format_by_name, reference
from accelsim.formats.blocks import join, split, spread
from accelsim.formats.mx import (
    MXFP4,
    MXFP8_E4M3,
    MXINT8,
    NAN_EXPONENT,
    BlockFormat,
    block_floating_point,
    quantise_blocks,
)
from accelsim.formats.registry import NAMED
from accelsim.formats.rounding import RoundingMode

REGISTERED = [format_ for format_ in NAMED.values() if type(format_) is BlockFormat]
FORMATS = (*REGISTERED, block_floating_point(4, 16), block_floating_point(24, 8), block_floating_point(2, 3))
FLOAT32 = st.one_of(
    st.floats(width=32), st.floats(-8, 8, width=32), st.sampled_from([0.0, -0.0, 2.0**-149, 1.75 * 2.0**127])
)


@settings(deadline=None, max_examples=300)
@given(
    f=st.sampled_from(FORMATS),
    x=st.lists(FLOAT32, min_size=1, max_size=40),
    mode=st.sampled_from(list(RoundingMode)),
    bits=st.integers(1, 16),
    seed=st.integers(0, 99),
)
def test_against_the_oracle(f, x, mode, bits, seed):
    random = np.random.default_rng(seed).integers(0, 2**bits, len(x))
    values, exponents = quantise_blocks(np, np.array(x, dtype=np.float32), f, -1, mode, random, bits)
    assert values.dtype == np.float32
    assert exponents.shape == (-(-len(x) // f.block),)
    for at, exponent in enumerate(exponents.tolist()):
        block = slice(at * f.block, (at + 1) * f.block)
        expected = reference.mx_block(x[block], f, mode, random[block].tolist(), bits)
        assert exponent == expected[0]
        # The oracle works in doubles, so equality says that the float32 values are exact.
        np.testing.assert_array_equal(values[block].astype(np.float64), expected[1])


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_axes(axis, rng):
    x = rng.standard_normal((5, 70, 33)).astype(np.float32)
    values, exponents = quantise_blocks(np, x, MXFP8_E4M3, axis)
    moved = np.moveaxis(x, axis, -1).copy()
    flat = [quantise_blocks(np, row, MXFP8_E4M3) for row in moved.reshape(-1, moved.shape[-1])]
    np.testing.assert_array_equal(np.moveaxis(values, axis, -1).reshape(len(flat), -1), [v for v, _ in flat])
    np.testing.assert_array_equal(np.moveaxis(exponents, axis, -1).reshape(len(flat), -1), [e for _, e in flat])


@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=3), block=st.integers(1, 7), data=st.data())
def test_split_and_join(shape, block, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = np.arange(math.prod(shape)).reshape(shape)
    blocks = split(np, x, axis, block)
    np.testing.assert_array_equal(join(np, blocks, axis, shape[axis]), x)
    largest = np.moveaxis(blocks.max(axis=-1), -1, axis)
    assert (spread(np, largest, axis, block, shape[axis]) >= x).all()


def test_on_paper():
    x = np.array([7.9, 5.1, -0.3, 0.25, 0.0, -3.5], dtype=np.float32)
    values, exponents = quantise_blocks(np, x, MXFP4)
    # Largest below 8, emax 2: scale 1. 7.9 saturates at 6, ties go to even.
    assert exponents.tolist() == [0]
    assert values.tolist() == [6.0, 6.0, -0.5, 0.0, 0.0, -4.0]
    values, exponents = quantise_blocks(np, x, MXINT8)
    assert exponents.tolist() == [2]
    assert values.tolist() == [126 / 16, 82 / 16, -5 / 16, 4 / 16, 0.0, -56 / 16]
    # 127.9 / 64 rounds to 128, which saturates.
    assert quantise_blocks(np, np.array([1.999]), MXINT8).values.tolist() == [1.984375]


def test_special_blocks():
    for f in FORMATS:
        values, exponents = quantise_blocks(np, np.zeros(3, np.float32), f)
        assert (values.tolist(), exponents.tolist()) == ([0.0] * 3, [-127])
        for broken, mode in product((np.inf, np.nan, -(2.0**128)), RoundingMode):
            x = np.ones(2 * f.block)
            x[1] = broken
            values, exponents = quantise_blocks(np, x, f, -1, mode, np.zeros(x.shape, np.uint16), 4)
            assert exponents[0] == NAN_EXPONENT
            assert np.isnan(values[: f.block]).all()
            assert (values[f.block :] == 1).all()


@pytest.mark.parametrize(
    ("name", "bits_per_element", "block_bits"),
    [
        ("mxint8", 8.25, 264),
        ("mxfp8_e4m3", 8.25, 264),
        ("mxfp8_e5m2", 8.25, 264),
        ("mxfp6_e3m2", 6.25, 200),
        ("mxfp6_e2m3", 6.25, 200),
        ("mxfp4", 4.25, 136),
        ("bfp4_b16", 4.5, 136 - 64 + 72),
    ],
)
def test_sizes(name, bits_per_element, block_bits):
    f = format_by_name(name)
    assert f.bits_per_element == bits_per_element
    assert f.bytes_for(32) == block_bits // 8
    assert f.bytes_for(f.block + 1) == math.ceil(((f.block + 1) * f.bits + 16) / 8)
    assert f.bytes_for(0) == 0
    assert (f.storage, f.is_integer, f.family) == ("float32", False, "block")


@given(run=st.integers(1, 70), runs=st.integers(0, 5), rest=st.integers(0, 70))
def test_short_blocks_at_the_ends_of_runs_take_whole_scales(run, runs, rest):
    f, rest = format_by_name("bfp4_b16"), rest % run
    scales = sum(math.ceil(length / 16) for length in [*[run] * runs, rest])
    elements = runs * run + rest
    assert f.bytes_for(elements, run) == math.ceil((4 * elements + 8 * scales) / 8)
    assert f.bytes_for(elements, 16) == f.bytes_for(elements)


def test_refusals():
    for name in ("bfp1_b16", "bfp25_b16", "bfp8_b0"):
        with pytest.raises(ValueError, match="2 to 24 bits"):
            format_by_name(name)
    with pytest.raises(ValueError, match="1 element or more"):
        split(np, np.zeros(3), 0, 0)
