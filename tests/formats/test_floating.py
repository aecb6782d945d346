"""Minifloats: every code against ml_dtypes, every tie and its neighbours, and the oracle in fractions."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import FP32, FloatFormat, format_by_name, reference
from accelsim.formats.float_codes import decode_float, encode_float, round_to_float
from accelsim.formats.floating import FP8_E4M3
from accelsim.formats.registry import NAMED
from accelsim.formats.rounding import RoundingMode

PEERS = {
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
    "fp8_e4m3": ml_dtypes.float8_e4m3fn,
    "fp8_e5m2": ml_dtypes.float8_e5m2,
    "fp6_e3m2": ml_dtypes.float6_e3m2fn,
    "fp6_e2m3": ml_dtypes.float6_e2m3fn,
    "fp4_e2m1": ml_dtypes.float4_e2m1fn,
}
small = pytest.mark.parametrize("name", PEERS)
FLOATS = [format_ for format_ in NAMED.values() if isinstance(format_, FloatFormat)]
"""All that the registry has, so that a new one is held to the oracle, too."""
FORMATS = st.sampled_from(FLOATS)
REAL = st.one_of(
    st.floats(allow_nan=False, width=32),
    st.floats(allow_nan=False),
    st.floats(-600, 600),
    st.integers(-200, 200).map(lambda n: n / 32),
)


def _codes(format_):
    return np.arange(2**format_.bits).astype(format_.code_storage)


def _peer(name, values):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values).astype(PEERS[name])


def _same(a, b):
    """Equal as values, the sign of zero included; all NaN are one."""
    a, b = np.asarray(a, dtype=np.float32), np.asarray(b, dtype=np.float32)
    nan = np.isnan(a)
    np.testing.assert_array_equal(nan, np.isnan(b))
    np.testing.assert_array_equal(a[~nan].view(np.uint32), b[~nan].view(np.uint32))


@pytest.mark.parametrize(
    ("name", "bias", "emax", "max_normal", "min_normal", "min_subnormal"),
    [
        ("fp32", 127, 127, float(np.finfo(np.float32).max), 2.0**-126, 2.0**-149),
        ("bf16", 127, 127, float(ml_dtypes.finfo(ml_dtypes.bfloat16).max), 2.0**-126, 2.0**-133),
        ("fp16", 15, 15, 65504.0, 2.0**-14, 2.0**-24),
        ("fp16_e6m9", 31, 31, (2 - 2.0**-9) * 2.0**31, 2.0**-30, 2.0**-39),
        ("fp8_e5m2", 15, 15, 57344.0, 2.0**-14, 2.0**-16),
        ("fp8_e4m3", 7, 8, 448.0, 2.0**-6, 2.0**-9),
        ("fp6_e3m2", 3, 4, 28.0, 2.0**-2, 2.0**-4),
        ("fp6_e2m3", 1, 2, 7.5, 1.0, 2.0**-3),
        ("fp4_e2m1", 1, 2, 6.0, 1.0, 0.5),
    ],
)
def test_table(name, bias, emax, max_normal, min_normal, min_subnormal):
    f = format_by_name(name)
    assert (f.bias, f.emax, f.emin) == (bias, emax, 1 - bias)
    assert (f.max_normal, f.min_normal, f.min_subnormal) == (max_normal, min_normal, min_subnormal)
    assert (f.storage, f.family, f.is_integer) == ("float32", "float", False)
    assert f.bits_per_element == f.bits


def test_other_widths():
    fp64 = FloatFormat("fp64", 64, exponent_bits=11, mantissa_bits=52)
    assert (fp64.storage, fp64.max_normal) == ("float64", float(np.finfo(np.float64).max))
    with pytest.raises(ValueError, match="up to 32 bits"):
        round_to_float(np, np.zeros(1), fp64)
    hfp8 = FloatFormat("fp8_e4m3_bias4", 8, exponent_bits=4, mantissa_bits=3, exponent_bias=4)
    assert (hfp8.bias, hfp8.max_normal) == (4, 1.875 * 2**10)
    with pytest.raises(ValueError, match="must be 1"):
        FloatFormat("odd", 8, exponent_bits=4, mantissa_bits=4)
    with pytest.raises(ValueError, match="has NaN too"):
        FloatFormat("odd", 8, exponent_bits=4, mantissa_bits=3, has_nan=False)


@small
def test_every_code(name):
    f = format_by_name(name)
    codes = _codes(f)
    values = decode_float(np, codes, f)
    assert values.dtype == np.float32
    _same(values, codes.view(PEERS[name]).astype(np.float32))
    _same(values, [reference.decode_float(int(code), f) for code in codes])
    nan = np.isnan(values)
    found = encode_float(np, values, f)
    assert found.dtype == f.code_storage
    assert (found[~nan] == codes[~nan]).all()
    if f.has_nan:
        assert set(found[nan] & f.nan_code) == {f.nan_code}
        assert int(_peer(name, np.nan).view(codes.dtype)) == f.nan_code
    assert (encode_float(np, values[~nan], f) == _peer(name, values[~nan]).view(codes.dtype)).all()


@small
@pytest.mark.parametrize("mode", RoundingMode)
@pytest.mark.parametrize("saturate", [True, False])
def test_grid_values_stay(name, mode, saturate):
    f = format_by_name(name)
    values = decode_float(np, _codes(f), f)
    values = values[np.isfinite(values) | np.isnan(values)]
    random = np.full(values.shape, 2**16 - 1, np.uint16)
    _same(round_to_float(np, values, f, mode, random, 16, saturate=saturate), values)


@small
def test_ties_and_their_neighbours(name):
    f = format_by_name(name)
    grid = decode_float(np, _codes(f), f).astype(np.float64)
    grid = np.unique(grid[np.isfinite(grid)]) + 0.0
    beyond = [f.max_normal + f.min_subnormal, f.max_normal + 2.0 ** (f.emax - f.mantissa_bits - 1)]
    ties = np.append((grid[1:] + grid[:-1]) / 2, beyond)
    ties32 = ties.astype(np.float32)
    x = np.concatenate([ties32, np.nextafter(ties32, np.float32(0)), np.nextafter(ties32, np.float32(np.inf)), -ties32])
    _same(round_to_float(np, x, f, saturate=False), _peer(name, x))
    limit = np.float32(f.max_normal)
    _same(round_to_float(np, x, f), _peer(name, x.clip(-limit, limit)))
    inner = ties[:-2]
    away = round_to_float(np, inner, f, "nearest_away")
    _same(away, np.where(inner < 0, grid[:-1], grid[1:]))
    toward_zero = np.where(inner < 0, grid[1:], grid[:-1]) * np.ones_like(inner)
    toward_zero[(toward_zero == 0) & (inner < 0)] = -0.0
    _same(round_to_float(np, inner, f, "truncate"), toward_zero)


def _random_floats(rng, count):
    """Float32 of every exponent, and as many around 1, infinities and quiet NaN among them."""
    anywhere = rng.integers(0, 2**32, count // 2, dtype=np.uint32).view(np.float32)
    anywhere[np.isnan(anywhere)] = np.nan
    near = rng.standard_normal(count // 2).astype(np.float32) * np.exp2(rng.integers(-20, 20, count // 2))
    return np.concatenate([anywhere, near.astype(np.float32)])


@small
@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_random_floats(name, count, rng):
    f = format_by_name(name)
    x = _random_floats(rng, count)
    if not f.has_nan:
        x = x[~np.isnan(x)]
    _same(round_to_float(np, x, f, saturate=False), _peer(name, x))
    rounded = round_to_float(np, x, f, saturate=False)
    finite = ~np.isnan(rounded)
    peer = _peer(name, x).view(f.code_storage)
    assert (encode_float(np, rounded, f)[finite] == peer[finite]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_every_float32_exponent_and_every_pattern_around_the_cut(name):
    """The upper 16 bits of the fraction, all of them, with and without a one far below."""
    f = format_by_name(name)
    upper = np.arange(2**16, dtype=np.uint32) << np.uint32(7)
    fraction = np.concatenate([upper, upper | np.uint32(1)])
    for exponent in range(255):
        x = (fraction | np.uint32(exponent << 23)).view(np.float32)
        _same(round_to_float(np, x, f, saturate=False), _peer(name, x))


def test_fp32_from_doubles(rng):
    x = rng.standard_normal(20_000) * np.exp2(rng.integers(-155, 130, 20_000))
    with np.errstate(over="ignore"):
        _same(round_to_float(np, x, FP32, saturate=False), x.astype(np.float32))
    x32 = _random_floats(rng, 10_000)
    _same(round_to_float(np, x32, FP32, saturate=False), x32)
    numbers = x32[~np.isnan(x32)]
    assert (encode_float(np, numbers, FP32) == numbers.view(np.uint32)).all()
    _same(decode_float(np, numbers.view(np.uint32), FP32), numbers)


@settings(deadline=None, max_examples=300)
@given(
    f=FORMATS,
    x=st.lists(REAL, min_size=1, max_size=20),
    mode=st.sampled_from(list(RoundingMode)),
    bits=st.integers(1, 16),
    saturate=st.booleans(),
    data=st.data(),
)
def test_against_the_oracle(f, x, mode, bits, saturate, data):
    random = [data.draw(st.integers(0, 2**bits - 1)) for _ in x]
    found = round_to_float(np, np.array(x), f, mode, np.array(random, dtype=np.uint16), bits, saturate=saturate)
    pairs = zip(x, random, strict=True)
    expected = [reference.round_float(v, f, mode, r, bits, saturate=saturate) for v, r in pairs]
    assert found.dtype == np.float32
    _same(found, expected)


@pytest.mark.parametrize("f", FLOATS, ids=str)
def test_overflow_and_specials(f):
    far = np.array([np.inf, -np.inf, f.max_normal * 4, -f.max_normal * 4])
    assert round_to_float(np, far, f).tolist() == [f.max_normal, -f.max_normal] * 2
    found = round_to_float(np, far, f, saturate=False)
    expected = math.inf if f.has_inf else math.nan if f.has_nan else f.max_normal
    _same(found, [expected, -expected, expected, -expected])
    stopped = round_to_float(np, far[2:], f, "truncate", saturate=False)
    assert stopped.tolist() == [f.max_normal, -f.max_normal]
    assert np.isnan(round_to_float(np, np.array([np.nan]), f)).all()
    assert np.signbit(round_to_float(np, np.array([-0.0, -1e-300]), f)).all()


@pytest.mark.parametrize("bits", [1, 4, 10])
def test_stochastic_chance(bits):
    """Over all random codes, exactly the fraction of the last bit, cut to the random bits, rounds up; both signs."""
    codes = np.arange(2**bits, dtype=np.uint16)
    for x in (1.0 + 0.3 / 8, 0.3 * 2.0**-9, 300.7):
        below = reference.round_float(x, FP8_E4M3, "truncate")
        unit = max(2.0 ** math.floor(math.log2(x)), FP8_E4M3.min_normal) / 8
        for sign in (1, -1):
            rounded = round_to_float(np, np.full(codes.shape, sign * x), FP8_E4M3, "stochastic", codes, bits)
            assert (np.abs(rounded) > below).sum() == math.floor((x - below) / unit * 2**bits)


def test_off_grid_values_have_no_code():
    with pytest.raises(ValueError, match="1 of 2 values are not fp8_e4m3 numbers"):
        encode_float(np, np.array([1.0, 1.01]), FP8_E4M3)
    with pytest.raises(ValueError, match="fp4_e2m1"):
        encode_float(np, np.array([np.nan]), format_by_name("fp4_e2m1"))
    with pytest.raises(ValueError, match="fp8_e4m3"):
        encode_float(np, np.array([np.inf]), FP8_E4M3)
    with pytest.raises(ValueError, match="fp8_e4m3"):
        encode_float(np, np.array([480.0]), FP8_E4M3)


def test_overflow_as_numerics_md_shows_it():
    x = np.array([0.3, 17.0, 460.0, -900.0])
    assert round_to_float(np, x, FP8_E4M3).tolist() == [0.3125, 16, 448, -448]
    converted = round_to_float(np, x, FP8_E4M3, saturate=False)
    assert converted[:3].tolist() == [0.3125, 16, 448]
    assert encode_float(np, converted, FP8_E4M3).tolist() == [42, 88, 126, 255]
    assert format_by_name("mxfp4").quantised(np, x, -1, "nearest_even").tolist() == [0, 0, 512, -768]
