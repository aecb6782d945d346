"""Flexpoint codes, and Autoflex against its rule on paper."""

from __future__ import annotations

import json
import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.formats import reference
from accelsim.formats.flexpoint import FLEX16_5, AutoflexState, FlexpointFormat, flexpoint_codes
from accelsim.formats.rounding import RoundingMode


def test_the_format():
    f = FLEX16_5
    assert (f.bits, f.storage, f.min_code, f.max_code, f.max_exponent) == (16, "int16", -32768, 32767, 31)
    assert (f.is_integer, f.family) == (True, "flexpoint")


@given(
    x=st.lists(st.floats(width=32, allow_nan=False), min_size=1),
    exponent=st.integers(0, 31),
    mode=st.sampled_from(list(RoundingMode)),
)
def test_codes(x, exponent, mode):
    random = np.arange(len(x)) % 256
    found = flexpoint_codes(np, np.array(x, dtype=np.float32), exponent, FLEX16_5, mode, random, 8)
    assert found.dtype == np.int16
    for value, code, r in zip(x, found.tolist(), random.tolist(), strict=True):
        wide = value if math.isinf(value) else reference.round_to_integer(Fraction(value) * 2**exponent, mode, r, 8)
        assert code == min(max(wide, -32768), 32767)


def test_prediction_on_paper():
    state = AutoflexState(exponent=8)
    # f = 4000 / 256; chi = 2 (15.625 + 0 + 100 / 256) = 32.03: 2**6 covers it, k = 2**(6 - 15).
    assert state.update(4000) == 9
    # f = 15.625, 6 under k = 2**-9: std (of these two) 4.8125; chi = 2 (15.625 + 14.4375 + 0.1953) = 60.5.
    assert state.update(3072) == 9
    assert list(state.history) == [15.625, 6.0]
    # A steady small tensor: the large values leave the history after 16 writes.
    for _ in range(16):
        before = state.k
        state.update(round(0.01 / state.k))
    assert len(state.history) == 16
    assert max(state.history) < 0.02
    expected = 2 * (max(state.history) + 3 * statistics.pstdev(state.history) + 100 * before)
    assert state.exponent == 15 - math.ceil(math.log2(expected))


def test_overflow_clears_the_history_and_doubles():
    state = AutoflexState(exponent=10)
    state.update(20_000)
    exponent = state.exponent
    state.update(32767)
    assert list(state.history) == [2 * 32767 * 2.0**-exponent]
    # chi = 2 (65534 + 100) k is just above 2**17 k.
    assert state.exponent == exponent - 3


def test_initialisation_finds_the_scale():
    for size in (5e-6, 1e-3, 0.7, 20.0, 9000.0):
        x = np.linspace(-size, size, 101)
        state = AutoflexState()
        for _ in range(10):
            if state.initialise(int(np.abs(flexpoint_codes(np, x, state.exponent).astype(int)).max())):
                break
        else:
            pytest.fail("the exponent never settles")
        largest = int(np.abs(flexpoint_codes(np, x, state.exponent).astype(int)).max())
        assert 2**13 <= largest < 32767


def test_initialisation_on_paper():
    state = AutoflexState(exponent=20)
    assert not state.initialise(32767)
    assert state.exponent == 13
    # 5 is too few bits to trust: jump by 14 - 3 and look again.
    assert not state.initialise(5)
    assert state.exponent == 24
    # 32 is still too few; being a power of two it moves by 14 - 5. 33 will do, and moves by 14 - 6.
    state.exponent = 10
    assert not state.initialise(32)
    assert state.exponent == 19
    assert state.initialise(33)
    assert state.exponent == 27
    assert AutoflexState().initialise(20_000)


def test_zero_and_endless_tensors_settle_at_the_ends():
    state = AutoflexState()
    assert not state.initialise(0)
    assert not state.initialise(0)
    assert state.initialise(0)
    assert (state.exponent, state.update(0)) == (31, 31)
    state = AutoflexState(exponent=5)
    assert not state.initialise(32768)
    assert state.initialise(32768)
    assert (state.exponent, state.update(32768)) == (0, 0)


@given(largest=st.lists(st.integers(0, 32768), max_size=40))
def test_state_survives_json(largest):
    state = AutoflexState()
    for value in largest:
        state.update(value)
    copy = AutoflexState.from_dict(json.loads(json.dumps(state.to_dict())))
    assert copy == state
    assert copy.update(123) == state.update(123)


@given(largest=st.lists(st.integers(0, 32766), min_size=1, max_size=40))
def test_steady_tensors_never_overflow(largest):
    """Without growth beyond twofold from one write to the next, predictions leave room."""
    state, size = AutoflexState(exponent=8), 1.0
    for value in largest:
        state.update(round(size / state.k))
        assert size / state.k < 32767
        size *= 0.5 + 1.4 * value / 32767
        size = min(max(size, 1e-4), 1e3)


def test_other_widths():
    flex8 = FlexpointFormat("flex8+5", 8, exponent_bits=5)
    assert flexpoint_codes(np, np.array([1.0, -9.0, 0.3]), 4, flex8).tolist() == [16, -128, 5]
    assert AutoflexState(flex8, exponent=4).overflowed(127)
