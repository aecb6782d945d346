"""A million random cases and all edges of every unit against the plain-integer reference, on every backend."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import reference
from accelsim.datapath.context import NORM_FRACTION_BITS as BITS
from accelsim.datapath.kernels import Carrier, RandomStream
from accelsim.formats import FixedPointMultiplier, Rounding, format_by_name

pytestmark = pytest.mark.slow

CASES = 1_000_000
EDGES = np.array(
    [-(2**31), 2**31 - 1, -(2**31) + 1, -1, 0, 1, 2**30, -(2**30), 2**30 - 1, 127, -127, 128], dtype=np.int32
)
MULTIPLIERS = 200


@pytest.fixture(scope="module")
def batches():
    """(codes with all edges, multiplier) so that a million codes meet two hundred multipliers of every size."""
    rng = np.random.Generator(np.random.PCG64(11))
    reals = np.exp2(rng.uniform(-31, 12, MULTIPLIERS)) * rng.choice([-1, 1], MULTIPLIERS)
    reals[:4] = [1.0, 0.5, 2.0**-31, 2.0**12]
    made = []
    for real in reals:
        codes = rng.integers(-(2**31), 2**31, CASES // MULTIPLIERS).astype(np.int32)
        codes[: EDGES.size] = EDGES
        made.append((codes, FixedPointMultiplier.from_real(real)))
    return made


def _pair(multiplier):
    return int(multiplier.mantissa), int(multiplier.exponent)


def test_requantise(kernels, batches):
    for codes, multiplier in batches:
        pair = _pair(multiplier)
        expected = [reference.requantise(x, *pair, -127, 127) for x in codes.tolist()]
        assert kernels.requantise(codes[None], multiplier, -127, 127, "int8")[0].tolist() == expected


def test_requantise_stochastic(kernels, batches):
    for index, (codes, multiplier) in enumerate(batches):
        stream = RandomStream(5, index, 77, 1 + index % 16)
        random = kernels.random_codes(stream, codes.size).tolist()
        found = kernels.requantise_stochastic(codes[None], multiplier, stream, -32767, 32767, "int16")[0].tolist()
        limits, pair = (stream.bits, -32767, 32767), _pair(multiplier)
        expected = [
            reference.requantise_stochastic(x, *pair, r, *limits) for x, r in zip(codes.tolist(), random, strict=True)
        ]
        assert found == expected


def test_rescale_per_channel(kernels, batches):
    codes = np.stack([codes for codes, _ in batches], axis=1)
    pairs = [_pair(multiplier) for _, multiplier in batches]
    multiplier = FixedPointMultiplier(*(np.array(part) for part in zip(*pairs, strict=True)))
    found = kernels.rescale(codes, multiplier)
    for channel, pair in enumerate(pairs):
        assert found[:, channel].tolist() == [reference.rescale(x, *pair) for x in codes[:, channel].tolist()]


@pytest.mark.parametrize("rounding", [Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY, Rounding.TRUNCATE])
def test_requantise_once(kernels, batches, rounding):
    for codes, multiplier in batches:
        mantissa, exponent = _pair(multiplier)
        shift = 31 - exponent
        found = kernels.requantise_once(codes[None], multiplier, rounding, -127, 127, "int8")[0].tolist()
        expected = []
        for x in codes.tolist():
            product = x * mantissa
            floor, rest, half = product >> shift, product & ((1 << shift) - 1), 1 << (shift - 1)
            up = rest > half or (rest == half and (floor & 1 if rounding is Rounding.NEAREST_EVEN else product > 0))
            expected.append(reference.saturate(floor + (rounding is not Rounding.TRUNCATE and bool(up)), -127, 127))
        assert found == expected


def test_random_bits(kernels):
    stream = RandomStream(seed=0xDEADBEEF, step=2**33 + 7, tensor=0xFFFFFFFF, bits=16)
    found = kernels.random_codes(stream, CASES).tolist()
    for block in range(0, CASES // 8):
        words = reference.philox4x32(
            (block, stream.step & 0xFFFFFFFF, stream.step >> 32, 0), (stream.seed, stream.tensor)
        )
        lanes = [(words[lane // 2] >> (16 * (lane % 2))) & 0xFFFF for lane in range(8)]
        assert found[8 * block : 8 * block + 8] == lanes


def test_products(kernels):
    """A million accumulators of every pair of operand widths, all codes allowed, against int64."""
    rng = np.random.Generator(np.random.PCG64(12))
    for right in ("int8", "int16"):
        formats = [format_by_name("int8"), format_by_name(right)]
        a, b = (
            rng.integers(f.min_code, f.max_code, shape, endpoint=True).astype(f.storage)
            for f, shape in zip(formats, ((1000, 300), (300, 1000)), strict=True)
        )
        a[0], b[:, 0] = -128, formats[1].min_code
        found = kernels.matmul(a, b, Carrier.of(*formats)).astype(np.int64)
        np.testing.assert_array_equal(found, a.astype(np.int64) @ b.astype(np.int64))


def test_range_norm(kernels):
    """A thousand channels of a thousand rows: statistics, normalised words and gradients."""
    rng = np.random.Generator(np.random.PCG64(13))
    widths = rng.integers(1, 128, 1000)
    x = (rng.integers(-127, 128, (1000, 1000)) % (widths + 1)).astype(np.int8)
    mean, (spread, extremes) = kernels.mean(x, BITS), kernels.range_sum(x, 4)
    reals = np.exp2(rng.uniform(-10, 10, 1000))
    multiplier = FixedPointMultiplier.from_real(reals)
    offset = rng.integers(-(2**20), 2**20, 1000)
    y = kernels.normalise(x, mean, multiplier, offset, BITS)
    for channel in range(1000):
        codes = x[:, channel].tolist()
        total, tops, bottoms = reference.range_sum(codes, 4)
        assert int(mean[channel]) == reference.mean(codes, BITS)
        assert (int(spread[channel]), extremes[:, :, channel].tolist()) == (total, [tops, bottoms])
        pair = int(multiplier.mantissa[channel]), int(multiplier.exponent[channel])
        expected = reference.normalise(codes, int(mean[channel]), *pair, int(offset[channel]), BITS)
        assert y[:, channel].tolist() == expected
