"""Shift registers have full period, and the vectorised stream is the clocked one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import reference
from accelsim.formats.lfsr import TAPS, Lfsr, lfsr_bits

registers = pytest.mark.parametrize("galois", [False, True], ids=["fibonacci", "galois"])


@registers
@pytest.mark.parametrize("width", range(8, 17))
def test_small_registers_visit_every_state(width, galois):
    register, state, period = Lfsr(width, galois), 1, 0
    while True:
        state, period = register.step(state), period + 1
        if state == 1:
            break
    assert period == 2**width - 1


def _prime_factors(n):
    found, divisor = set(), 2
    while divisor * divisor <= n:
        while n % divisor == 0:
            found.add(divisor)
            n //= divisor
        divisor += 1
    return found | ({n} if n > 1 else set())


@registers
@pytest.mark.parametrize("width", TAPS)
def test_order_of_every_register(width, galois):
    """The step matrix has order 2**width - 1: its power is the identity there and at no divisor."""
    register, period = Lfsr(width, galois), 2**width - 1
    identity = [1 << bit for bit in range(width)]
    assert register.columns_after(period) == identity
    for prime in _prime_factors(period):
        assert register.columns_after(period // prime) != identity


@registers
@settings(deadline=None, max_examples=60)
@given(width=st.sampled_from(list(TAPS)), seed=st.integers(1, 255), count=st.integers(0, 200), data=st.data())
def test_vectorised_is_clocked(galois, width, seed, count, data):
    bits = data.draw(st.integers(1, width))
    clocks = data.draw(st.one_of(st.none(), st.integers(1, 40)))
    found = lfsr_bits(np, seed, count, bits, Lfsr(width, galois), clocks)
    assert found.dtype == np.uint32
    assert found.tolist() == reference.lfsr_codes(seed, count, bits, width, clocks or bits, galois=galois)


def test_fresh_bits_are_spread_evenly():
    counts = np.bincount(lfsr_bits(np, 1, 2**16 - 1, 16, Lfsr(16), clocks=1), minlength=2**16)
    assert counts.tolist() == [0] + [1] * (2**16 - 1)
    counts = np.bincount(lfsr_bits(np, 12345, 100_000, 4), minlength=16)
    assert abs(counts - 6250).max() < 400


def test_refusals():
    with pytest.raises(ValueError, match="8 to 32 bits wide, not 7"):
        Lfsr(7)
    with pytest.raises(ValueError, match="must not all be 0"):
        lfsr_bits(np, 256, 1, 1, Lfsr(8))
    with pytest.raises(ValueError, match="1 to 8 bits"):
        lfsr_bits(np, 1, 1, 9, Lfsr(8))
