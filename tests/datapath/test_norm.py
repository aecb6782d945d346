"""Normalisation kernels against the plain-integer reference, and the identities that range batch norm obeys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference
from accelsim.datapath.context import NORM_FRACTION_BITS as BITS
from accelsim.formats import FixedPointMultiplier

INT8 = st.integers(-127, 127)
INT16 = st.integers(-32767, 32767)


def _columns(rows: list[int]) -> np.ndarray:
    return np.array(rows)[:, None]


def _pair(multiplier: FixedPointMultiplier) -> tuple[int, int]:
    return int(np.ravel(multiplier.mantissa)[0]), int(np.ravel(multiplier.exponent)[0])


@settings(deadline=None)
@given(codes=st.lists(INT8, min_size=2, max_size=40))
def test_mean_and_deviation(kernels, codes):
    x = _columns(codes).astype(np.int8)
    assert kernels.mean(x, BITS).tolist() == [reference.mean(codes, BITS)]
    assert kernels.deviation(x).tolist() == [reference.deviation(codes)]


@settings(deadline=None)
@given(codes=st.lists(st.integers(-3, 3), min_size=4, max_size=48), chunks=st.sampled_from([1, 2, 4]))
def test_range_with_ties_takes_the_first_row(kernels, codes, chunks):
    codes = codes[: len(codes) // chunks * chunks]
    total, extremes = kernels.range_sum(_columns(codes).astype(np.int8), chunks)
    expected, tops, bottoms = reference.range_sum(codes, chunks)
    assert total.tolist() == [expected]
    assert extremes[:, :, 0].tolist() == [tops, bottoms]


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(st.tuples(INT8, INT16), min_size=4, max_size=40),
    chunks=st.sampled_from([1, 2]),
    gain=st.floats(0.01, 1.0),
    damping=st.sampled_from([1.0, 0.0]) | st.floats(0.0, 1.0),
)
def test_range_norm_backward(kernels, rows, chunks, gain, damping):
    rows = rows[: len(rows) // chunks * chunks]
    q, g = [a for a, _ in rows], [b for _, b in rows]
    x, gradient = _columns(q).astype(np.int8), _columns(g).astype(np.int16)
    spread, extremes = kernels.range_sum(x, chunks)
    g_sum = kernels.channel_sum(gradient)
    gd_sum = (kernels.channel_products(gradient, x) << BITS) - kernels.mean(x, BITS) * g_sum
    multiplier = FixedPointMultiplier.from_real(np.array([gain]))
    share = kernels.spread_share(gd_sum, spread, np.array([damping]))
    found = kernels.range_norm_backward(gradient, g_sum, share, extremes, multiplier, BITS)
    centre = reference.mean(q, BITS)
    expected_gd = sum(gi * ((qi << BITS) - centre) for gi, qi in zip(g, q, strict=True))
    assert gd_sum.tolist() == [expected_gd]
    total, tops, bottoms = reference.range_sum(q, chunks)
    expected_share = reference.spread_share(expected_gd, total, damping)
    expected = reference.range_norm_backward(g, expected_share, tops, bottoms, *_pair(multiplier), BITS)
    assert found[:, 0].tolist() == expected


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(st.tuples(INT8, INT16), min_size=2, max_size=40), along=st.floats(-4, 4), gain=st.floats(0.01, 1.0)
)
def test_batch_norm_backward(kernels, rows, along, gain):
    q, g = [a for a, _ in rows], [b for _, b in rows]
    x, gradient = _columns(q).astype(np.int8), _columns(g).astype(np.int16)
    centres = np.stack([kernels.mean(gradient, BITS), kernels.mean(x, BITS)])
    d = kernels.centred(x, centres[1], BITS)
    first, second = (FixedPointMultiplier.from_real(np.array([v])) for v in (along, gain))
    found = kernels.batch_norm_backward(gradient, x, centres, first, second, BITS)
    expected = reference.batch_norm_backward(g, d[:, 0].tolist(), _pair(first), *_pair(second), BITS)
    assert found[:, 0].tolist() == expected


@settings(deadline=None)
@given(codes=st.lists(INT8, min_size=2, max_size=40), real=st.floats(0.001, 1e5), offset=st.integers(-(2**20), 2**20))
def test_normalise(kernels, codes, real, offset):
    x = _columns(codes).astype(np.int8)
    multiplier = FixedPointMultiplier.from_real(np.array([real]))
    centre = kernels.mean(x, BITS)
    found = kernels.normalise(x, centre, multiplier, np.array([offset]), BITS)[:, 0].tolist()
    assert found == reference.normalise(codes, int(centre[0]), *_pair(multiplier), offset, BITS)


@pytest.mark.parametrize("damping", [1.0, 0.25])
@pytest.mark.parametrize("chunks", [1, 4, 16])
def test_identities_of_the_range_norm_gradient(kernels, rng, chunks, damping):
    """sum dx = 0, and sum dx (x - mean) = 0 (the output does not change with the scale of x).

    With epsilon the scale matters: what the damping takes off the spread's gradient remains of the second sum.
    """
    x = rng.integers(-127, 128, size=(4096, 8)).astype(np.int8)
    g = rng.integers(-32767, 32768, size=x.shape).astype(np.int16)
    spread, extremes = kernels.range_sum(x, chunks)
    centre, g_sum = kernels.mean(x, BITS), kernels.channel_sum(g)
    gd_sum = (kernels.channel_products(g, x) << BITS) - centre * g_sum
    one = FixedPointMultiplier.from_real(np.full(8, 0.5))
    share = kernels.spread_share(gd_sum, spread, np.full(8, damping))
    dx = kernels.range_norm_backward(g, g_sum, share, extremes, one, BITS).astype(np.float64)
    d = kernels.centred(x, centre, BITS) * 2.0**-BITS
    # Each word is rounded to half a unit; the mean and the share of the extremes add half a unit each.
    assert np.all(np.abs(dx.sum(axis=0)) <= x.shape[0])
    # The rounded mean leaves a small sum of d, which the mean gradient multiplies.
    rest = np.abs(d.sum(axis=0) * (g_sum / x.shape[0]) * 2.0**BITS)
    left = 0.5 * gd_sum * (1 - damping)
    assert np.all(np.abs((dx * d).sum(axis=0) - left) <= 0.5 * np.abs(d).sum(axis=0) + rest + 255 * chunks)


@settings(deadline=None)
@given(codes=st.lists(INT8, min_size=1, max_size=40), centre=st.integers(-(2**15), 2**15))
def test_absolute_deviation(kernels, codes, centre):
    found = kernels.absolute_deviation(_columns(codes).astype(np.int8), np.array([centre], dtype=np.int32), BITS)
    assert tuple(int(part[0]) for part in found) == reference.absolute_deviation(codes, centre, BITS)


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(st.tuples(st.integers(-2, 2) | INT8, INT16), min_size=2, max_size=40),
    gain=st.floats(0.01, 1.0),
    damping=st.sampled_from([1.0, 0.0]) | st.floats(0.0, 1.0),
)
def test_l1_norm_backward(kernels, rows, gain, damping):
    q, g = [a for a, _ in rows], [b for _, b in rows]
    x, gradient = _columns(q).astype(np.int8), _columns(g).astype(np.int16)
    centre = kernels.mean(x, BITS)
    total, signs = kernels.absolute_deviation(x, centre, BITS)
    d = [(qi << BITS) - int(centre[0]) for qi in q]
    products = sum(gi * di for gi, di in zip(g, d, strict=True)) << BITS
    expected_share = reference.spread_share(products, reference.absolute_deviation(q, int(centre[0]), BITS)[0], damping)
    share = kernels.spread_share(np.array([products]), total, np.array([damping]))
    assert share.tolist() == [expected_share]
    assert abs(expected_share) <= max(map(abs, g)) << BITS
    g_centre = kernels.divide_rounded((kernels.channel_sum(gradient) << BITS) - share * signs, len(g))
    multiplier = FixedPointMultiplier.from_real(np.array([gain]))
    centres = np.stack([g_centre, centre])
    found = kernels.l1_norm_backward(gradient, x, centres, share, multiplier, BITS)
    assert found[:, 0].tolist() == reference.l1_norm_backward(g, d, expected_share, *_pair(multiplier), BITS)


def test_identities_of_the_l1_norm_gradient(kernels, rng):
    """The same two as of the range: sum dx = 0, and sum dx (x - mean) = 0."""
    x = rng.integers(-127, 128, size=(4096, 8)).astype(np.int8)
    g = rng.integers(-32767, 32768, size=x.shape).astype(np.int16)
    centre, g_sum = kernels.mean(x, BITS), kernels.channel_sum(g)
    total, signs = kernels.absolute_deviation(x, centre, BITS)
    products = (kernels.channel_products(g, x) << BITS) - centre * g_sum
    share = kernels.spread_share(products << BITS, total, np.ones(8))
    centres = np.stack([kernels.divide_rounded((g_sum << BITS) - share * signs, x.shape[0]), centre])
    half = FixedPointMultiplier.from_real(np.full(8, 0.5))
    dx = kernels.l1_norm_backward(g, x, centres, share, half, BITS).astype(np.float64)
    d = kernels.centred(x, centre, BITS) * 2.0**-BITS
    assert np.all(np.abs(dx.sum(axis=0)) <= x.shape[0])
    rest = np.abs(d.sum(axis=0) * (centres[0] + np.abs(share)))
    # A word is half a unit off at most; the share, rounded too, multiplies every |d|.
    assert np.all(np.abs((dx * d).sum(axis=0)) <= np.abs(d).sum(axis=0) + rest)


def test_wide_products_are_exact(kernels, rng):
    """Normalised words times gradients exceed the mantissa of a double."""
    words = rng.choice([2**31 - 1, -(2**31), 12345], size=(300, 4)).astype(np.int32)
    g = rng.choice([32767, -32767, 1], size=words.shape).astype(np.int16)
    expected = [sum(int(a) * int(b) for a, b in zip(*pair, strict=True)) for pair in zip(g.T, words.T, strict=True)]
    assert kernels.channel_products(g, words).tolist() == expected


def test_a_channel_without_range_has_defined_extremes(kernels):
    x = np.full((6, 2), 5, dtype=np.int8)
    spread, extremes = kernels.range_sum(x, 1)
    assert spread.tolist() == [0, 0]
    assert extremes.tolist() == [[[0, 0]], [[0, 0]]]


def test_deviation_of_wide_codes_in_large_batches(kernels):
    """rows x sum of squares beyond 64 bits: full-scale 16-bit codes of a large batch."""
    x = np.full((1 << 17, 2), 32767, dtype=np.int16)
    x[: 1 << 16, 0] = -32767
    x[0, 1] = 0
    expected = [reference.deviation(x[:, channel].tolist()) for channel in range(2)]
    assert kernels.deviation(x).tolist() == expected
