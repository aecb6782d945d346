"""The CUDA sources of the quantise unit, run on the CPU, give NumPy's bits."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels import RandomStream
from accelsim.formats import FixedPointMultiplier, RandomSource, Rounding, integer

EDGES = np.array([-(2**31), -(2**31) + 1, -(2**30), -257, -2, -1, 0, 1, 2, 3, 2**30, 2**31 - 1])
REALS = [0.5, 0.25, -0.3, 1.0, 1.7, 40.0, 2.0**-17.3, 2.0**-31.5, 2.0**-40, np.array([0.3, -1.5, 2.0**-20, 60.0])]
NUMPY = NumpyKernels()
LIMITS = {"int8": (-127, 127), "int16": (-32767, 32767), "int32": (-(2**31), 2**31 - 1)}


def _codes(rng, storage):
    limits = np.iinfo(storage)
    drawn = rng.integers(max(limits.min, -(2**31)), min(limits.max, 2**31 - 1), 1001 * 4, endpoint=True)
    drawn[: EDGES.size] = EDGES.clip(limits.min, limits.max)
    return drawn.astype(storage).reshape(-1, 4)


def _same(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("storage", ["int32", "int64"])
@pytest.mark.parametrize("real", REALS, ids=str)
def test_requantise(host_cuda, rng, storage, real):
    x, by = _codes(rng, storage), FixedPointMultiplier.from_real(real)
    stream = RandomStream(3, 2**33 + 5, 77, 16)
    for to, (low, high) in LIMITS.items():
        for kernel, middle in (
            ("requantise", ()),
            ("requantise_stochastic", (stream,)),
            ("requantise_once", (Rounding.NEAREST_EVEN,)),
            ("requantise_once", (Rounding.NEAREST_AWAY,)),
            ("requantise_once", (Rounding.TRUNCATE,)),
        ):
            arguments = x, by, *middle, low, high, to
            _same(getattr(host_cuda, kernel)(*arguments), getattr(NUMPY, kernel)(*arguments))


@pytest.mark.parametrize("storage", ["int8", "int16", "int32"])
@pytest.mark.parametrize("real", REALS, ids=str)
def test_rescale_and_add(host_cuda, rng, storage, real):
    x, by = _codes(rng, storage), FixedPointMultiplier.from_real(real)
    for to in ("int32", "int64"):
        _same(host_cuda.rescale(x, by, to), NUMPY.rescale(x, by, to))
    other = _codes(rng, "int8")
    _same(host_cuda.add(x, other, by, by), NUMPY.add(x, other, by, by))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 0.3, 1e-30])
def test_quantise(host_cuda, rng, dtype, scale):
    """Halves (ties), values beyond both ends, zeros of either sign."""
    x = np.concatenate([np.arange(-300, 300) * 0.5 * scale, rng.normal(size=2001) * 100 * scale, [0.0, -0.0, 1e30]])
    x = x.astype(dtype).reshape(-1, 4)
    stream = RandomStream(5, 9, 2**32 - 1, 7)
    for to, (low, high) in LIMITS.items():
        _same(host_cuda.quantise(x, scale, low, high, to), NUMPY.quantise(x, scale, low, high, to))
        arguments = x, scale, stream, low, high, to
        _same(host_cuda.quantise_stochastic(*arguments), NUMPY.quantise_stochastic(*arguments))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "float32", "float64"])
def test_floats(host_cuda, rng, dtype):
    """Codes of more bits than float32 holds; a scale a channel, or one for all."""
    x = (rng.normal(size=(301, 4)) * 1e30).astype(dtype) if dtype.startswith("f") else _codes(rng, dtype)
    for scale in (1.0, 0.3, np.float64(1e-30), 1e20, rng.random(4)):
        with np.errstate(over="ignore"):
            _same(host_cuda.floats(x, scale, "float32"), NUMPY.floats(x, scale, "float32"))
    _same(host_cuda.floats(x, 0.3, "float64"), NUMPY.floats(x, 0.3, "float64"))


@pytest.mark.parametrize("decay", [0.0, 1e-4])
def test_momentum_step(host_cuda, rng, decay):
    """A product and its sum are rounded one after the other."""
    arrays = rng.normal(size=(3, 70, 36)).astype(np.float32)
    arrays[:, 0, :3] = [[np.inf, 0.0, 1e-42], [-np.inf, -0.0, 1e-44], [np.nan, -0.0, 1.0]]
    for dtype in ("float32", "float64"):
        for numbers in ((0.9, decay, 0.05), (0.0, decay, 3.0)):
            arguments = *arrays.astype(dtype), *np.float32(numbers)
            with np.errstate(invalid="ignore"):
                pairs = zip(host_cuda.momentum_step(*arguments), NUMPY.momentum_step(*arguments), strict=True)
            for found, expected in pairs:
                _same(found, expected)


@pytest.mark.parametrize("bits", [1, 7, 16])
@pytest.mark.parametrize("source", RandomSource)
@pytest.mark.parametrize("elements", [0, 1, 8, 1003])
def test_random_codes(host_cuda, bits, source, elements):
    stream = RandomStream(2**32 - 1, 2**40 + 3, 123, bits, source)
    _same(host_cuda.random_codes(stream, elements), NUMPY.random_codes(stream, elements))


@pytest.mark.parametrize("bits", [2, 8, 12, 16, 24, 32, 40])
@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
def test_wrap(host_cuda, rng, bits, dtype):
    """Floats hold exact integers: those of the products' carriers."""
    top = {"float32": 24, "float64": 53}.get(dtype, 31)
    x = rng.integers(-(2**top), 2**top, (300, 5)).astype(dtype)
    storage = integer(bits).storage
    _same(host_cuda.wrap(x, bits, storage), NUMPY.wrap(x, bits, storage))


@pytest.mark.parametrize("storage", ["int8", "int16", "int32", "int64"])
def test_largest_magnitude(cuda, rng, storage):
    """In both orders of a block's threads, since they share what they found."""
    x = _codes(rng, storage)
    assert cuda.largest_magnitude(x) == NUMPY.largest_magnitude(x)
    assert cuda.largest_magnitude(-abs(x[:5] // 2)) == NUMPY.largest_magnitude(abs(x[:5] // 2))
    assert cuda.largest_magnitude(x[:0]) == 0.0
    assert cuda.largest_magnitude(x.astype("float64")) == NUMPY.largest_magnitude(x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_largest_magnitude_of_floats(cuda, rng, dtype):
    """The portable set's answer, of what is not finite too: the order of the bits is that of the magnitudes."""
    x, tiny = rng.normal(size=1003).astype(dtype), np.finfo(dtype).smallest_subnormal
    for end in (-40.0, 3e38, np.inf, -np.inf, np.nan):
        x[517] = end
        np.testing.assert_equal(cuda.largest_magnitude(x.copy()), NUMPY.largest_magnitude(x))
    x[3] = -np.inf  # NaN hides behind no infinity
    assert np.isnan(cuda.largest_magnitude(x))
    for value in (0.0, -0.0, tiny, -tiny):
        assert cuda.largest_magnitude(np.full(300, value, dtype=dtype)) == abs(value)


def test_largest_magnitudes_of_many(cuda, rng):
    arrays = [_codes(rng, "int32"), _codes(rng, "int8")[:0], rng.normal(size=5), np.float32([[-2.5]]), np.uint8([7])]
    assert cuda.largest_magnitudes(*arrays) == NUMPY.largest_magnitudes(*arrays)
    assert cuda.largest_magnitudes() == []


def test_limits_for_each_channel_take_the_portable_way(host_cuda, rng):
    x, by = _codes(rng, "int32"), FixedPointMultiplier.from_real(2.0**-25)
    low, high = np.array([-5, -6, -7, -8]), np.array([50, 60, 70, 80])
    _same(host_cuda.requantise(x, by, low, high, "int16"), NUMPY.requantise(x, by, low, high, "int16"))
