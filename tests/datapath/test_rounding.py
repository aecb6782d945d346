"""Rounding kernels against the plain-integer reference, bit by bit."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference
from accelsim.datapath.kernels import RandomStream
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.formats import FixedPointMultiplier, Rounding
from accelsim.formats import reference as format_reference
from accelsim.formats.flexpoint import FLEX16_5
from accelsim.formats.rounding import RoundingMode

INT32 = st.one_of(st.integers(-(2**31), 2**31 - 1), st.sampled_from([-(2**31), -(2**30), -1, 0, 1, 2**30, 2**31 - 1]))
REAL = st.one_of(st.floats(2**-30, 2**12), st.floats(-(2**12), -(2**-30)), st.just(0.0))
MILLION_MORE = settings(deadline=None, max_examples=100)
"""Of units that ``test_million.py`` gives a million cases."""
FORMATS = [(-127, 127), (-7, 7), (-32767, 32767), (-1, 1)]
ONCE = [rounding for rounding in Rounding if rounding not in (Rounding.NEAREST, Rounding.STOCHASTIC)]
"""All that a hwconfig may name, so that a new one is held to its rule, too; the others have kernels of their own."""


def _pair(multiplier: FixedPointMultiplier) -> tuple[int, int]:
    return int(multiplier.mantissa), int(multiplier.exponent)


@MILLION_MORE
@given(x=st.lists(INT32, min_size=1, max_size=20), real=REAL, limits=st.sampled_from(FORMATS))
def test_requantise(kernels, x, real, limits):
    multiplier = FixedPointMultiplier.from_real(real)
    found = kernels.requantise(np.array([x], dtype=np.int32), multiplier, *limits, "int16")
    assert found[0].tolist() == [reference.requantise(v, *_pair(multiplier), *limits) for v in x]


@MILLION_MORE
@given(
    x=st.lists(INT32, min_size=1, max_size=20),
    real=st.floats(2**-30, 2**12),
    limits=st.sampled_from(FORMATS),
    bits=st.integers(1, 16),
    seed=st.integers(0, 1000),
)
def test_requantise_stochastic(kernels, x, real, limits, bits, seed):
    multiplier = FixedPointMultiplier.from_real(real)
    stream = RandomStream(seed, 0, 0, bits)
    found = kernels.requantise_stochastic(np.array([x], dtype=np.int32), multiplier, stream, *limits, "int16")
    expected = [
        reference.requantise_stochastic(v, *_pair(multiplier), int(r), bits, *limits)
        for v, r in zip(x, kernels.random_codes(stream, len(x)), strict=True)
    ]
    assert found[0].tolist() == expected


@MILLION_MORE
@given(x=st.lists(INT32, min_size=1, max_size=8), reals=st.data())
def test_rescale_per_channel(kernels, x, reals):
    factors = np.array([reals.draw(REAL) for _ in x])
    multiplier = FixedPointMultiplier.from_real(factors)
    found = kernels.rescale(np.array([x], dtype=np.int64), multiplier)
    pairs = zip(multiplier.mantissa.tolist(), multiplier.exponent.tolist(), strict=True)
    assert found[0].tolist() == [reference.rescale(v, *pair) for v, pair in zip(x, pairs, strict=True)]


@settings(deadline=None)
@given(x=st.lists(st.integers(-(2**60), 2**60), min_size=1), bits=st.sampled_from([8, 16, 20, 32, 48]))
def test_wrap(kernels, x, bits):
    storage = f"int{next(w for w in (8, 16, 32, 64) if bits <= w)}"
    found = kernels.wrap(np.array([x], dtype=np.int64), bits, storage)
    assert found[0].tolist() == [reference.wrap(v, bits) for v in x]


@settings(deadline=None)
@given(x=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1), scale=st.floats(1e-6, 1e4))
def test_quantise_is_nearest_even_in_double_precision(kernels, x, scale):
    found = kernels.quantise(np.array([x], dtype=np.float32), scale, -127, 127, "int8")
    assert found[0].tolist() == [min(max(round(v / scale), -127), 127) for v in np.array(x, dtype=np.float32).tolist()]


def test_blocks_do_not_change_a_bit(kernels, rng):
    """More elements than one block holds, against one row at a time."""
    x = rng.integers(-(2**31), 2**31, size=(5000, 7)).astype(np.int32)
    multiplier = FixedPointMultiplier.from_real(rng.uniform(1e-9, 1e-6, size=7))
    whole = kernels.requantise(x, multiplier, -127, 127, "int8")
    rows = np.concatenate([kernels.requantise(row[None], multiplier, -127, 127, "int8") for row in x])
    np.testing.assert_array_equal(whole, rows)


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_stochastic_rounding_is_unbiased_up_to_its_bits(kernels, bits):
    """The mean of floor(x + u) misses x by at most one unit of the random bits, and the sampling error."""
    n, value = 1 << 16, 0.3
    codes = kernels.quantise_stochastic(np.full((1, n), value), 1.0, RandomStream(3, 0, 0, bits), -127, 127, "int8")
    assert abs(codes.mean() - value) < 2.0**-bits + 5 * np.sqrt(value * (1 - value) / n)


@MILLION_MORE
@given(x=st.lists(INT32, min_size=1, max_size=20), real=REAL, limits=st.sampled_from(FORMATS))
@pytest.mark.parametrize("rounding", ONCE)
def test_requantise_with_one_rounding(kernels, rounding, x, real, limits):
    """Against exact fractions: the product with the fixed-point multiplier, rounded once."""
    multiplier = FixedPointMultiplier.from_real(real)
    found = kernels.requantise_once(np.array([x], dtype=np.int32), multiplier, rounding, *limits, "int16")
    mantissa, exponent = _pair(multiplier)
    exact = [Fraction(v * mantissa) / 2 ** (31 - exponent) for v in x]
    rounded = {
        Rounding.NEAREST_EVEN: round,
        Rounding.NEAREST_AWAY: lambda v: math.floor(abs(v) + Fraction(1, 2)) * (-1 if v < 0 else 1),
        Rounding.TRUNCATE: math.floor,
    }[rounding]
    assert found[0].tolist() == [reference.saturate(rounded(v), *limits) for v in exact]


def test_requantise_once_refuses_what_it_has_no_rule_for(kernels):
    for other in (Rounding.NEAREST, Rounding.STOCHASTIC):
        with pytest.raises(ValueError, match=f"no rounding {other}"):
            kernels.requantise_once(np.ones((1, 1), "int32"), FixedPointMultiplier.from_real(0.5), other, 0, 1, "int8")


def test_add_with_a_multiplier_per_channel(kernels, rng):
    """What a residual sum gets from a convolution whose weights are scaled per output channel."""
    a, b = (rng.integers(-(2**30), 2**30, (40, 3)).astype(np.int32) for _ in range(2))
    first, second = FixedPointMultiplier.from_real(np.array([0.5, 0.25, 0.125])), FixedPointMultiplier.from_real(0.3)
    found, other = kernels.add(a, b, first, second), _pair(second)
    for channel in range(3):
        pair = int(first.mantissa[channel]), int(first.exponent[channel])
        terms = zip(a[:, channel].tolist(), b[:, channel].tolist(), strict=True)
        expected = [reference.rescale(x, *pair) + reference.rescale(y, *other) for x, y in terms]
        assert found[:, channel].tolist() == expected


@settings(deadline=None)
@given(
    x=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**34), 2**34), min_size=1),
    shift=st.integers(0, 63),
    each=st.booleans(),
)
def test_dropped(kernels, x, shift, each):
    """Bits below the shift are cut, toward minus infinity; the peak is that of the words."""
    data = np.array([x], dtype=np.int64)
    found = kernels.dropped(data, np.full(len(x), shift) if each else np.int64(shift))
    expected = [min(max(v >> shift, -(2**31) + 1), 2**31 - 1) for v in x]
    assert found.dtype == np.int32
    assert found[0].tolist() == expected
    assert kernels.largest_magnitude(found) == max(map(abs, expected))


ACCUMULATED = st.one_of(
    st.integers(-(2**47), 2**47), st.sampled_from([0, 1, -1, 2**40, 2**52 + 1, 2**63 - 1, -(2**63)])
)


@settings(deadline=None, max_examples=200)
@given(
    x=st.lists(ACCUMULATED, min_size=1, max_size=20),
    down=st.integers(0, 60),
    exponent=st.integers(0, 31),
    mode=st.sampled_from(list(RoundingMode)),
)
def test_flexpoint_codes_of_accumulators(kernels, x, down, exponent, mode):
    """Accumulators under a power of two: rounded once, saturated; the peak is that of the codes."""
    data, random = np.array([x], dtype=np.int64), np.arange(len(x)).reshape(1, -1) % 256
    found = kernels.flexpoint_codes(data, 2.0**-down, exponent, FLEX16_5, mode, random, 8)
    expected = []
    for value, r in zip(x, random[0].tolist(), strict=True):
        real = Fraction(int(float(value))) * Fraction(2) ** (exponent - down)
        code = format_reference.round_to_integer(real, mode, r, 8)
        expected.append(min(max(code, FLEX16_5.min_code), FLEX16_5.max_code))
    assert found.dtype == np.int16
    assert found[0].tolist() == expected
    assert kernels.largest_magnitude(found) == max(map(abs, expected))


@settings(deadline=None)
@given(
    x=st.lists(st.floats(-(2.0**40), 2.0**40, width=32), min_size=1),
    scale=st.floats(2.0**-40, 2.0**20),
    exponent=st.integers(0, 31),
)
def test_flexpoint_codes_of_floats_are_scaled_in_double_precision(kernels, x, scale, exponent):
    data = np.array([x], dtype=np.float32)
    found = kernels.flexpoint_codes(data, scale, exponent, FLEX16_5, RoundingMode.NEAREST_EVEN, None, 16)
    expected = [round(value * scale * 2.0**exponent) for value in data[0].tolist()]
    assert found[0].tolist() == [min(max(code, -32768), 32767) for code in expected]


def test_flexpoint_codes_under_a_scale_for_each_channel(kernels):
    data = np.array([[3, 3, -3]], dtype=np.int32)
    found = kernels.flexpoint_codes(data, np.array([0.5, 2.0, 1e9]), 1, FLEX16_5, RoundingMode.NEAREST_EVEN, None, 16)
    assert found.tolist() == [[3, 12, -32768]]


@pytest.mark.parametrize("peak", [2**39 - 1, 2**39, 2**39 + 1])
def test_wrap_at_a_known_peak(peak):
    """Where the largest magnitude is known already, at the end of the accumulator and beyond."""
    for sign in (1, -1):
        x, kernels = np.array([[5, sign * peak]]), CompiledKernels(1)
        kernels.peaks.note(x, peak)
        assert kernels.wrap(x, 40, "int64")[0].tolist() == [5, reference.wrap(sign * peak, 40)]
