"""Random bits: published known answers, and every backend against the plain reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference
from accelsim.datapath.kernels import RandomStream
from accelsim.datapath.kernels.philox import lfsr_start
from accelsim.formats import RandomSource
from accelsim.formats.lfsr import Lfsr

# Known-answer vectors of Philox4x32-10, published with Random123 (Salmon et al., SC 2011).
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers(counter, key, words):
    assert reference.philox4x32(counter, key) == words


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    step=st.integers(0, 2**40),
    tensor=st.integers(0, 2**32 - 1),
    elements=st.integers(1, 40),
    bits=st.integers(1, 16),
)
def test_kernel_equals_reference(kernels, seed, step, tensor, elements, bits):
    found = kernels.random_codes(RandomStream(seed, step, tensor, bits), elements)
    assert found.tolist() == [reference.random_code(seed, step, tensor, i, bits) for i in range(elements)]


def test_codes_are_uniform_and_differ_between_streams(kernels):
    codes = kernels.random_codes(RandomStream(1, 0, 5, 8), 1 << 16).astype(np.int64)
    counts = np.bincount(codes, minlength=256)
    assert counts.min() > 256 - 6 * 16
    assert counts.max() < 256 + 6 * 16
    other = kernels.random_codes(RandomStream(1, 1, 5, 8), 1 << 16)
    assert abs(np.corrcoef(codes, other)[0, 1]) < 0.02


@pytest.mark.parametrize("bits", [1, 5, 16])
def test_shift_register_clocked_bit_by_bit(kernels, bits):
    stream = RandomStream(3, 9, 1234, bits, RandomSource.LFSR)
    register, state, expected = Lfsr(32), lfsr_start(stream), []
    for _ in range(200):
        for _ in range(bits):
            state = register.step(state)
        expected.append(state & ((1 << bits) - 1))
    assert kernels.random_codes(stream, 200).tolist() == expected


def test_shift_register_rounds_on_every_backend(kernels, rng):
    stream = RandomStream(3, 9, 1234, 8, RandomSource.LFSR)
    x = rng.normal(size=(3, 50)).astype(np.float32)
    found = kernels.quantise_stochastic(x, 0.02, stream, -127, 127, "int8")
    dither = kernels.random_codes(stream, x.size).reshape(x.shape) / 256
    np.testing.assert_array_equal(found, np.clip(np.floor(x.astype(np.float64) / 0.02 + dither), -127, 127))
