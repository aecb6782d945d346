"""Passes that join several operations give the bits of the operations one by one, whoever reads what and when."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels import Carrier, RandomStream
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.kernels.compiled.deferred import Deferred, pending
from accelsim.datapath.kernels.compiled.scaled import Narrowed, ScaledRows
from accelsim.formats import FixedPointMultiplier, format_by_name

NUMPY = NumpyKernels()
COMPILED = {
    "1 thread": CompiledKernels(1),
    "2 threads": CompiledKernels(2, grain=64),
    "no VNNI": CompiledKernels(3, use_vnni=False, grain=64),
}
SHAPES = [(4096, 16), (35, 5), (1000, 3), (24, 300), (2, 1)]
BYTES = -127, 127, "int8"
NARROW = Carrier.of(format_by_name("int8"), format_by_name("int8"))


@pytest.fixture(params=COMPILED)
def compiled(request):
    return COMPILED[request.param]


def same(expected, found):
    np.testing.assert_array_equal(np.asarray(expected), np.asarray(found))
    assert expected.dtype == found.dtype


class Gradient(NamedTuple):
    """Operands of range norm's backward."""

    codes: np.ndarray
    total: np.ndarray
    share: np.ndarray
    extremes: np.ndarray
    multiplier: FixedPointMultiplier


def gradient(rng, shape, case, chunks=1):
    """A few channels of a gradient: one without range, and extremes of x that fall anywhere or on those of g."""
    limits = {"zeros": 0, "small": 3}.get(case, 32767)
    codes = rng.integers(-limits, limits, shape, endpoint=True).astype(np.int16)
    codes[:, -1] = 0
    x = codes if case == "on the peak" else rng.integers(-127, 128, shape)
    size = shape[0] // chunks
    parts = [x[k * size : (k + 1) * size] for k in range(chunks)]
    extremes = np.stack([[p.argmax(axis=0) + k * size for k, p in enumerate(parts)] for _ in range(2)])
    extremes[1] = [p.argmin(axis=0) + k * size for k, p in enumerate(parts)]
    share = rng.integers(-(2**20), 2**20, shape[1]) if case != "zeros" else np.zeros(shape[1], dtype=np.int64)
    gains = rng.normal(size=shape[1]) if case != "saturating" else rng.normal(size=shape[1]) * 2**12
    multiplier = FixedPointMultiplier.from_real(gains)
    return Gradient(codes, codes.sum(axis=0, dtype=np.int64), share, extremes.astype(np.int32), multiplier)


@pytest.mark.parametrize("case", ["any", "on the peak", "zeros", "small", "saturating"])
@pytest.mark.parametrize("shape", SHAPES)
def test_both_copies_of_a_range_norm_gradient(rng, compiled, shape, case):
    """The stochastic and the nearest copy, in one pass or after somebody has read the words, and their range."""
    operands = gradient(rng, shape, case, chunks=2 if shape[0] == 1000 else 1)
    words = NUMPY.range_norm_backward(*operands, 8)
    peak = NUMPY.largest_magnitude(words)
    stream, down = RandomStream(3, 2**33 + 5, 77, 16), FixedPointMultiplier.from_real(127 / (peak or 1.0))
    up = FixedPointMultiplier.from_real(32767 / (peak or 1.0))
    expected = (
        NUMPY.requantise_stochastic(words, down, stream, *BYTES),
        NUMPY.requantise(words, up, -32767, 32767, "int16"),
    )
    for read_before in (False, True):
        lazy = compiled.range_norm_backward(*operands, 8)
        assert compiled.largest_magnitude(lazy) == peak
        if read_before:
            same(words, lazy)
        first = compiled.requantise_stochastic(lazy, down, stream, *BYTES)
        second = compiled.requantise(lazy, up, -32767, 32767, "int16")
        same(expected[1], second)
        same(expected[0], first)
    same(words, lazy)


def test_a_pass_makes_what_is_awaited_and_no_more(rng, compiled):
    operands = gradient(rng, (64, 16), "any")
    words, stream = compiled.range_norm_backward(*operands, 8), RandomStream(3, 5, 77, 16)
    half = FixedPointMultiplier.from_real(2.0**-16)
    first = compiled.requantise_stochastic(words, half, stream, *BYTES)
    second, dropped = (compiled.requantise(words, half, *BYTES) for _ in range(2))
    del dropped
    first.array()
    assert first.plan.is_made
    assert second.plan.is_made
    assert not words.plan.is_made


@pytest.mark.parametrize("bits", [1, 8, 16])
@pytest.mark.parametrize("factor", [2.0**-20, 1.5])
def test_random_bits_go_by_element(rng, compiled, bits, factor):
    """Patched elements take the random bits of their own place, with fewer bits and shifts either way too."""
    operands = gradient(rng, (200, 3), "any")
    words, stream = NUMPY.range_norm_backward(*operands, 8), RandomStream(3, 5, 77, bits)
    multiplier = FixedPointMultiplier.from_real(factor)
    lazy = compiled.range_norm_backward(*operands, 8)
    same(
        NUMPY.requantise_stochastic(words, multiplier, stream, *BYTES),
        compiled.requantise_stochastic(lazy, multiplier, stream, *BYTES),
    )


def normalised(kernels, x, gains, offset):
    centre = np.array([300, -40, 5] * x.shape[1], dtype=np.int32)[: x.shape[1]]
    return kernels.normalise(x, centre, FixedPointMultiplier.from_real(gains), offset, 8)


@pytest.mark.parametrize("factor", [2.0**-9, 2.0**-13.3, 3.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_normalise_requantise_relu(rng, compiled, shape, factor):
    """Codes straight from codes, rectified or not; a channel without range, and offsets at both ends."""
    x = rng.integers(-128, 128, shape).astype(np.int8)
    gains = np.append(rng.normal(size=shape[1] - 1), 0.0) * 16
    offset = rng.choice([-(2**20), 0, 2**20], size=shape[1])
    words, lazy = (normalised(k, x, gains, offset) for k in (NUMPY, compiled))
    assert pending(lazy, ScaledRows)
    assert NUMPY.largest_magnitude(words) == compiled.largest_magnitude(lazy)
    multiplier = FixedPointMultiplier.from_real(factor)
    codes = NUMPY.requantise(words, multiplier, *BYTES)
    lazy_codes = compiled.requantise(lazy, multiplier, *BYTES)
    rectified = compiled.relu(lazy_codes)
    assert pending(rectified, Narrowed)
    same(NUMPY.relu(codes), rectified)
    same(codes, lazy_codes)
    same(NUMPY.relu(codes), compiled.relu(lazy_codes))


@pytest.mark.parametrize("with_mask", [False, True])
@pytest.mark.parametrize("case", ["any", "on the peak"])
def test_sums_of_a_range_norm_gradient(rng, compiled, case, with_mask):
    """The words at the extremes are in the sum, as in the backward of a branch that begins with a norm."""
    operands = gradient(rng, (512, 12), case)
    other = rng.integers(-(2**20), 2**20, (512, 12)).astype(np.int32)
    mask = rng.integers(-3, 3, other.shape).astype(np.int8)
    multipliers = [FixedPointMultiplier.from_real(real) for real in (0.4, 0.5)]
    for order in (1, -1):
        pairs = [(kernels.range_norm_backward(*operands, 8), other)[::order] for kernels in (NUMPY, compiled)]
        expected, found = (
            kernels.add(*pair, *multipliers) for kernels, pair in zip((NUMPY, compiled), pairs, strict=True)
        )
        if with_mask:
            expected, found = NUMPY.relu_backward(expected, mask), compiled.relu_backward(found, mask)
        same(expected, found)
        assert NUMPY.largest_magnitude(expected) == compiled.largest_magnitude(found)


@pytest.mark.parametrize("reals", [(0.4, 0.5), (900.0, 1.0), (2.0**-3, 2.0**9)])
@pytest.mark.parametrize("other", ["codes", "words"])
def test_sums_of_normalised_words(rng, compiled, reals, other):
    """Either operand may be words nobody has made; sums that saturate and sums that don't, masked and not."""
    x = rng.integers(-128, 128, (512, 12)).astype(np.int8)
    gains, offset = rng.normal(size=12) * 8, np.full(12, 2**17)
    y = x[::-1].copy()
    mask = rng.integers(-3, 3, x.shape).astype(np.int8)
    multipliers = [FixedPointMultiplier.from_real(real) for real in reals]

    def operands(kernels):
        return normalised(kernels, x, gains, offset), y if other == "codes" else normalised(kernels, y, gains, offset)

    for order in (1, -1):
        expected = NUMPY.add(*operands(NUMPY)[::order], *multipliers)
        for with_mask in (False, True):
            found = compiled.add(*operands(compiled)[::order], *multipliers)
            wanted = NUMPY.relu_backward(expected, mask) if with_mask else expected
            found = compiled.relu_backward(found, mask) if with_mask else found
            assert compiled.largest_magnitude(found) == NUMPY.largest_magnitude(wanted)
            same(wanted, found)


@pytest.mark.parametrize(("channels", "outputs"), [(16, 16), (32, 24), (64, 32), (3, 5)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_masked_data_gradient(rng, compiled, channels, outputs, stride):
    """The mask in the tiles, where channels fill them, and after them; the peak is that of what is kept."""
    w = rng.integers(-128, 128, (outputs, 3, 3, channels)).astype(np.int8)
    g = rng.integers(-128, 128, (5, 9 // stride[0], 9 // stride[0], outputs)).astype(np.int8)
    shape = (5, g.shape[1] * stride[0] + stride[0] - 1, g.shape[2] * stride[1] + stride[1] - 1, channels)
    mask = rng.integers(-128, 128, shape).astype(np.int8)
    expected = NUMPY.conv2d_backward_data(g, w, stride, (1, 1), shape, NARROW).astype(np.int32)
    masked = NUMPY.relu_backward(expected, mask)
    lazy = compiled.conv2d_backward_data(g, w, stride, (1, 1), shape, NARROW)
    found = compiled.relu_backward(lazy, mask)
    same(masked, found)
    assert compiled.largest_magnitude(found) == np.abs(masked.astype(np.int64)).max()
    same(expected, lazy)
    same(masked, compiled.relu_backward(lazy, mask))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("x_type", ["int8", "int16"])
def test_gradient_codes_and_their_sums(rng, compiled, shape, x_type):
    """Codes at the ends of 16 bits in enough rows to overflow 32 bits; 16-bit activations take two passes."""
    words = rng.choice([-(2**31) + 1, -5, 0, 2**31 - 1], size=shape).astype(np.int32)
    x = rng.choice([-128, 127], size=shape).astype(x_type)
    multiplier = FixedPointMultiplier.from_real(2.0**-16)
    codes, lazy = (k.requantise(words, multiplier, -32768, 32767, "int16") for k in (NUMPY, compiled))
    for expected, found in zip(NUMPY.gradient_sums(codes, x), compiled.gradient_sums(lazy, x), strict=True):
        np.testing.assert_array_equal(expected, found)
    same(codes, lazy)


@pytest.mark.parametrize("shape", SHAPES)
def test_statistics_beside_the_codes(rng, compiled, shape):
    """Sums, ranges and first rows, with ties within and across the slices of threads."""
    words = rng.integers(-3, 4, shape).astype(np.int32) << 20
    multiplier = FixedPointMultiplier.from_real(2.0**-20)
    codes, lazy = (k.requantise(words, multiplier, *BYTES) for k in (NUMPY, compiled))
    np.testing.assert_array_equal(NUMPY.mean(codes, 8), compiled.mean(lazy, 8))
    for expected, found in zip(NUMPY.range_sum(codes, 1), compiled.range_sum(lazy, 1), strict=True):
        np.testing.assert_array_equal(expected, found)
    same(codes, lazy)


def test_extremes_belong_to_their_channels(rng):
    """The same codes seen with other channels have other ranges."""
    kernels = CompiledKernels(1)
    x = rng.integers(-128, 128, (64, 12)).astype(np.int8)
    kernels.range_sum(x, 1)
    for expected, found in zip(
        NUMPY.range_sum(x.reshape(256, 3), 1), kernels.range_sum(x.reshape(256, 3), 1), strict=True
    ):
        np.testing.assert_array_equal(expected, found)


def test_weight_gradient_of_other_threads(rng, compiled):
    """Conversions and factors wait with it; anything else waits for it."""
    wide = Carrier.of(format_by_name("int8"), format_by_name("int16"))
    x = rng.integers(-128, 128, (130, 6, 6, 5)).astype(np.int8)
    g = rng.integers(-32768, 32768, (130, 6, 6, 7)).astype(np.int16)
    expected, lazy = (k.conv2d_backward_weights(x, g, (3, 3), (1, 1), (1, 1), wide) for k in (NUMPY, compiled))
    scaled = (compiled.wrap(lazy, 48, "int64").astype("float64") * 2.5e-5).astype("float32")
    assert isinstance(scaled, Deferred)
    assert not scaled.plan.is_made
    same((expected.astype("float64") * 2.5e-5).astype("float32"), scaled)
    same(NUMPY.wrap(expected, 20, "int32"), compiled.wrap(lazy, 20, "int32"))
    same(np.float32(0.5) * scaled.array(), np.float32(0.5) * scaled)


def test_a_deferred_array_reads_as_an_array(rng):
    lazy = CompiledKernels(1).requantise(
        np.arange(24, dtype=np.int32).reshape(4, 6) << 20, FixedPointMultiplier.from_real(2.0**-20), *BYTES
    )
    array = np.arange(24, dtype=np.int8).reshape(4, 6)
    assert (lazy.shape, lazy.ndim, lazy.size, len(lazy), lazy.dtype) == ((4, 6), 2, 24, 4, np.int8)
    assert lazy.reshape(-1, 3).shape == lazy.reshape((8, 3)).shape == (8, 3)
    with pytest.raises(ValueError, match="cannot reshape"):
        lazy.reshape(5, -1)
    same(array.reshape(2, 3, 4), lazy.reshape(2, -1, 4))
    same(array[1:, ::2], lazy[1:, ::2])
    same(array.T, lazy.T)
    same(array + 1, lazy + 1)
    same(array > 3, lazy > 3)
    same(np.abs(array - np.int8(9)), np.abs(lazy - np.int8(9)))
    assert lazy.max() == 23
    assert np.stack([lazy, lazy]).shape == (2, 4, 6)
    with pytest.raises(AttributeError):
        lazy.no_such_thing  # noqa: B018
