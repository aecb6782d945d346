"""Rounding onto the grid of a float format: the compiled pass has the bits of ``formats.round_to_float``."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.formats import FP32, FloatFormat, format_by_name, round_to_float
from accelsim.formats.registry import NAMED

FORMATS = [name for name, format_ in NAMED.items() if isinstance(format_, FloatFormat) and format_ != FP32]
"""All that the registry has below fp32, so that a new one is held to its grid on the compiled pass, too."""
SETS = [NumpyKernels(), CompiledKernels(1), CompiledKernels(3, grain=64)]


def _numbers(rng, format_):
    """Grid points, ties and their neighbours at both ends of the range and beyond, subnormals, zeros, infinity, NaN."""
    exponents = rng.integers(format_.emin - format_.mantissa_bits - 3, format_.emax + 3, 3000)
    grid = np.ldexp(rng.integers(0, 4 << format_.mantissa_bits, 3000) * 0.5**format_.mantissa_bits, exponents)
    near = np.concatenate([grid, np.nextafter(grid, np.inf), np.nextafter(grid, 0), rng.normal(size=500)])
    edges = [0.0, np.inf, np.nan, format_.max_normal, format_.min_subnormal, format_.min_subnormal / 2, 1e-310, 1e308]
    numbers = np.concatenate([near, edges])
    return np.concatenate([numbers, -numbers])


@pytest.mark.parametrize("saturate", [True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_same_bits_as_the_format_says(rng, name, saturate):
    format_ = format_by_name(name)
    x = _numbers(rng, format_)
    with np.errstate(over="ignore"):
        narrow = x.astype(np.float32)
    for numbers, scale, unit in [(x, 1.0, 1.0), (narrow, 1.0, 1.0), (narrow, 0.3, 0.7), (narrow, 2.0**-5, 1.0)]:
        real = numbers.astype(np.float64) * scale / unit
        expected = round_to_float(np, real, format_, "nearest_even", saturate=saturate)
        for kernels in SETS:
            found = kernels.to_float_format(numbers, scale, unit, format_, "nearest_even", None, 16, saturate=saturate)
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_codes_and_other_roundings(rng):
    """Integers under scales of their channels, and modes that the compiled pass leaves to the format's function."""
    format_, codes = format_by_name("fp8_e4m3"), rng.integers(-128, 128, (50, 4)).astype(np.int8)
    random = rng.integers(0, 256, codes.shape)
    for scale in (0.125, np.array([0.1, 0.2, 3.0, 40.0])):
        for mode in ("nearest_even", "nearest_away", "truncate", "stochastic"):
            first, *others = (
                k.to_float_format(codes, scale, 0.5, format_, mode, random, 8, saturate=True) for k in SETS
            )
            for found in others:
                np.testing.assert_array_equal(found, first)
