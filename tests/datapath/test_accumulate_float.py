"""Floating-point accumulators against plain fractions: every exact sum is rounded once, in order, on every backend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import NumpyKernels, reference
from accelsim.datapath.kernels.accumulate_float import add_to_odd
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.formats import format_by_name, round_to_float
from accelsim.formats.reference import round_float

NAMES = ["fp32", "bf16", "fp16", "fp16_e6m9", "fp8_e5m2"]

# Mantissas around ties and magnitudes far apart: sums that a double can't hold and that tie but for a last bit.
VALUES = st.builds(
    lambda mantissa, exponent: np.float32(mantissa * 2.0**exponent),
    st.integers(-(2**12), 2**12),
    st.sampled_from([-8, -9, -16, -38]) | st.integers(-48, -8),
)


@settings(deadline=None, max_examples=300)
@given(
    values=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=12),
    chunk=st.sampled_from([1, 2, 3, 64]),
    name=st.sampled_from(NAMES),
)
def test_every_exact_sum_is_rounded_once(kernels, values, chunk, name):
    format_ = format_by_name(name)
    a, b = (np.array(part, dtype=np.float32) for part in zip(*values, strict=True))
    found = kernels.accumulate_float(a[None], b[:, None], chunk, format_)
    expected = reference.accumulate_float(
        (a * b).tolist(), chunk, lambda x: round_float(x, format_, "nearest_even", saturate=False)
    )
    assert found.dtype == np.float32
    assert found.tolist() == [[expected]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [2.0**-75, 2.0**-63, 2.0**-10, 1.0, 2.0**9, 2.0**66], ids=np.log2)
def test_backends_agree_to_the_sign_of_zero(rng, name, scale):
    """Subnormals, zeros, overflow and NaN; slices of threads don't change a bit."""
    spread = np.exp(2 * rng.normal(size=(37, 60)))
    a = (rng.normal(size=(37, 60)) * spread * scale).astype(np.float32)
    b = (rng.normal(size=(60, 19)) * scale).astype(np.float32)
    a[3, 5], a[4, 6:8], b[7] = np.nan, [np.inf, -np.inf], 0.0
    found = [
        backend.accumulate_float(a, b, 16, format_by_name(name))
        for backend in (NumpyKernels(), CompiledKernels(1), CompiledKernels(2, grain=64))
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)
        np.testing.assert_array_equal(np.signbit(found[0][5:]), np.signbit(other[5:]))


def test_a_sum_beyond_a_double_is_not_taken_for_a_tie(kernels):
    """1 + 2**-8 ties between two values of bf16; 2**-70 more, lost in a double, decides."""
    bf16 = format_by_name("bf16")
    tie, more = np.array([1 + 2.0**-8]), np.array([2.0**-70])
    assert round_to_float(np, tie + more, bf16)[0] == 1
    assert round_to_float(np, add_to_odd(kernels.xp, tie, more), bf16)[0] == 1 + 2.0**-7
    assert round_to_float(np, add_to_odd(kernels.xp, tie, -more), bf16)[0] == 1
    # The accumulator holds 2**-70 when the product 1 + 2**-8 comes.
    a, b = np.array([[2.0**-70, 1 + 2.0**-8]], dtype=np.float32), np.ones((2, 1), dtype=np.float32)
    assert kernels.accumulate_float(a, b, 2, bf16)[0, 0] == 1 + 2.0**-7


def test_chunks_save_what_a_long_sum_loses(kernels):
    """Adding ones in the 11 bits of fp16 stops at 2048; in chunks of 64 it doesn't."""
    ones = np.ones((1, 8192), dtype=np.float32)
    sums = [kernels.accumulate_float(ones, ones.T, chunk, format_by_name("fp16"))[0, 0] for chunk in (8192, 64)]
    assert sums == [2048, 8192]


@pytest.mark.parametrize("name", NAMES)
def test_overflow_becomes_infinity(kernels, name):
    """The largest number and half a unit more is the first sum that does not round back."""
    format_ = format_by_name(name)
    half = 2.0 ** (format_.emax - format_.mantissa_bits - 1)
    ones = np.ones((2, 1), dtype=np.float32)
    for more, expected in [(half / 2, format_.max_normal), (half, np.inf), (-half / 2, format_.max_normal)]:
        a = np.array([[format_.max_normal, more]], dtype=np.float32)
        assert kernels.accumulate_float(a, ones, 2, format_)[0, 0] == expected
        assert kernels.accumulate_float(-a, ones, 2, format_)[0, 0] == -expected
