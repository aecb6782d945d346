"""Compiled arithmetic of one number a channel, of the update, and of what looks at floats: the bits of NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import NumpyKernels, reference
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.kernels.numbers import ONE, Numbers

NUMPY, COMPILED = NumpyKernels(), CompiledKernels(2, grain=64)
INT64 = st.integers(-(2**60), 2**60)
compiling = settings(deadline=None)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**60), max_value=2.0**60)


def _same(expected, found):
    np.testing.assert_array_equal(expected, found)
    assert expected.dtype == found.dtype


@compiling
@given(st.lists(st.floats(-(2.0**30), 2.0**30) | st.sampled_from([1 - 2.0**-53, 2.0**-32, 5e-324, -0.0]), min_size=1))
def test_multipliers(real):
    for numbers in (np.array(real), real[0]):
        expected, found = (kernels.multiplier(numbers) for kernels in (NUMPY, COMPILED))
        _same(expected.mantissa, found.mantissa)
        _same(expected.exponent, found.exponent)


GAINS = st.lists(st.tuples(st.integers(-(2**15), 2**15 - 1), st.integers(0, 2**31 - 1), FLOATS), min_size=1, max_size=9)
SCALES = st.floats(2.0**-60, 2.0**20)


@compiling
@given(GAINS, SCALES, SCALES, SCALES, st.booleans())
def test_numbers_of_the_norm_unit(rows, first, second, unit, channelwise):
    """Gains with groups of no spread among them; one scale for all, or one for each group."""
    gamma, spread, running = (np.array(part) for part in zip(*rows, strict=True))
    scale = second * np.arange(1.0, spread.size + 1) if channelwise else second
    codes, spreads = Numbers(gamma.astype(np.int16), first), Numbers(spread.astype(np.int32), scale)
    kept = running.astype(np.float32)
    for gain in (codes, ONE):
        expected, found = (kernels.forward_gain(gain, spreads, unit) for kernels in (NUMPY, COMPILED))
        _same(expected.mantissa, found.mantissa)
        _same(expected.exponent, found.exponent)
        (expected, large), (found, largest) = (kernels.gradient_gain(gain, spreads) for kernels in (NUMPY, COMPILED))
        assert large == largest
        _same(expected.mantissa, found.mantissa)
        _same(expected.exponent, found.exponent)
    _same(NUMPY.reciprocals(spreads, unit), COMPILED.reciprocals(spreads, unit))
    _same(NUMPY.offsets(codes, 2.0**-16), COMPILED.offsets(codes, 2.0**-16))
    for inverse in (False, True):
        moves = [kernels.moved(kept, spreads, 0.9, inverse=inverse) for kernels in (NUMPY, COMPILED)]
        _same(*moves)


@compiling
@given(st.lists(INT64, min_size=1, max_size=40), SCALES)
def test_real_values_of_codes(codes, scale):
    """Rounded once from the double product, however wide the codes are."""
    for storage in ("int64", "int32", "int8"):
        x = (np.array(codes) >> {"int64": 0, "int32": 30, "int8": 54}[storage]).astype(storage)
        _same(NUMPY.floats(x, scale, "float32"), COMPILED.floats(x, scale, "float32"))


@compiling
@given(st.lists(INT64, min_size=1), st.integers(1, 2**23))
def test_rounded_quotients(numerators, denominator):
    found = COMPILED.divide_rounded(np.array(numerators), denominator)
    assert found.tolist() == [reference.divide_rounded(numerator, denominator) for numerator in numerators]


@compiling
@given(st.lists(st.tuples(st.integers(-(2**50), 2**50), st.integers(0, 2**31 - 1), st.floats(0, 1)), min_size=1))
def test_shares_of_a_spread(rows):
    products, spread, damping = (np.array(part) for part in zip(*rows, strict=True))
    found = COMPILED.spread_share(products, spread.astype(np.int32), damping)
    assert found.tolist() == [reference.spread_share(*row) for row in rows]


@compiling
@given(st.lists(INT64 | st.sampled_from([2**47, 2**47 - 1, -(2**47) - 1]), min_size=1), st.sampled_from([24, 48, 63]))
def test_wrapped_words(words, bits):
    found = COMPILED.wrap(np.array(words), bits, "int64")
    assert found.tolist() == [reference.wrap(word, bits) for word in words]


@compiling
@given(st.lists(st.floats(width=32), min_size=1).map(lambda x: np.array(x, dtype=np.float32)))
def test_largest_magnitude_of_floats(x):
    """What is not finite must be seen, wherever it stands."""
    found = COMPILED.largest_magnitude(x)
    if np.isnan(x).any():
        assert math.isnan(found)
    else:
        assert found == NUMPY.largest_magnitude(x)


@pytest.mark.parametrize("shape", [(3,), (7, 3, 3, 5)])
@pytest.mark.parametrize("decay", [0.0, 1e-4])
def test_update(rng, shape, decay):
    """Products and sums are rounded one by one: a fused one would differ in about every fourth number."""
    v, g, w = rng.normal(size=(3, *shape)).astype(np.float32)
    momentum, factor = np.float32(0.9), np.float32(decay)
    _same(NUMPY.momentum(v, momentum, g, w, factor), COMPILED.momentum(v, momentum, g, w, factor))
    _same(NUMPY.multiply_add(v, momentum, g), COMPILED.multiply_add(v, momentum, g))
    steps = [kernels.momentum_step(w, v, g, momentum, factor, np.float32(0.03)) for kernels in (NUMPY, COMPILED)]
    for expected, found in zip(*steps, strict=True):
        _same(expected, found)


@compiling
@given(st.tuples(FLOATS, FLOATS, FLOATS, st.floats(0, 1, width=32)))
def test_a_step_down_is_a_difference(numbers):
    """w - rate g, as the instruction states it, and w + (-rate) g, as the kernel takes it."""
    w, g, _, rate = (np.float32(x) for x in numbers)
    found = COMPILED.multiply_add(np.array([g]), -rate, np.array([w]))
    assert found.tobytes() == np.array([w - rate * g]).tobytes()
