"""Rounding of real values and of right shifts against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import reference
from accelsim.formats.rounding import RoundingMode, round_real, rounding_shift

MODES = st.sampled_from(list(RoundingMode))
REAL = st.one_of(
    st.floats(-(2.0**60), 2.0**60),
    st.integers(-(2**20), 2**20).map(lambda n: n / 2),
    st.sampled_from([0.49999999999999994, -0.49999999999999994, 5e-324, -5e-324, 0.5, -0.5, 1 - 2**-53, 2**-53 - 1]),
)
INT64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-200, 200),
    st.sampled_from([-(2**63), 2**63 - 1, 2**62, -(2**62), -1, 0, 1]),
)


@settings(deadline=None, max_examples=300)
@given(x=st.lists(REAL, min_size=1, max_size=20), mode=MODES, bits=st.integers(1, 16), data=st.data())
def test_real_values(x, mode, bits, data):
    random = [data.draw(st.integers(0, 2**bits - 1)) for _ in x]
    found = round_real(np, np.array(x), mode, np.array(random, dtype=np.uint16), bits)
    expected = [reference.round_to_integer(Fraction(v), mode, r, bits) for v, r in zip(x, random, strict=True)]
    assert [int(v) for v in found] == expected


@settings(deadline=None, max_examples=300)
@given(
    x=st.lists(INT64, min_size=1, max_size=20),
    shift=st.integers(0, 62),
    mode=MODES,
    bits=st.integers(1, 16),
    data=st.data(),
)
def test_shift(x, shift, mode, bits, data):
    random = [data.draw(st.integers(0, 2**bits - 1)) for _ in x]
    found = rounding_shift(np, np.array(x), shift, mode, np.array(random, dtype=np.uint16), bits)
    expected = [reference.shift_right(v, shift, mode, r, bits) for v, r in zip(x, random, strict=True)]
    assert found.dtype == np.int64
    assert found.tolist() == expected


@settings(deadline=None, max_examples=200)
@given(
    pairs=st.lists(st.tuples(INT64, st.integers(0, 62)), min_size=1, max_size=8), mode=MODES, bits=st.integers(1, 16)
)
def test_shift_per_channel(pairs, mode, bits):
    x, shifts = (np.array(column) for column in zip(*pairs, strict=True))
    random = np.arange(2 * len(pairs)).reshape(2, -1) % 2**bits
    found = rounding_shift(np, np.stack([x, x]), shifts, mode, random, bits)
    for row, codes in zip(found, random.tolist(), strict=True):
        expected = [reference.shift_right(*pair, mode, r, bits) for pair, r in zip(pairs, codes, strict=True)]
        assert row.tolist() == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("nearest_even", [-2, -2, -1, 0, 0, 0, 1, 2, 2]),
        ("nearest_away", [-3, -2, -1, -1, 0, 1, 1, 2, 3]),
        ("truncate", [-3, -2, -1, -1, 0, 0, 1, 1, 2]),
    ],
)
def test_ties_on_paper(mode, expected):
    quarters = np.array([-10, -8, -4, -2, 0, 2, 4, 6, 10])
    assert rounding_shift(np, quarters, 2, mode).tolist() == expected
    assert round_real(np, quarters / 4, mode).tolist() == expected


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_stochastic_rounds_up_as_often_as_the_fraction_cut_to_the_random_bits_says(bits):
    codes = np.arange(2**bits, dtype=np.uint16)
    for x in (0.3, 0.5, 0.999, -0.3, 2.75, -2.75):
        ups = (round_real(np, np.full(codes.shape, x), "stochastic", codes, bits) - np.floor(x)).sum()
        fraction = Fraction(x) - int(np.floor(x))
        assert int(ups) == (fraction * 2**bits).__floor__()


def test_refusals_say_what_is_allowed():
    with pytest.raises(ValueError, match="nearest_even, nearest_away, truncate, stochastic, not 'nearest'"):
        round_real(np, np.zeros(1), "nearest")
    with pytest.raises(ValueError, match="random codes"):
        round_real(np, np.zeros(1), "stochastic")
    with pytest.raises(ValueError, match="1 to 16 random bits, not 17"):
        rounding_shift(np, np.zeros(1, np.int64), 1, "stochastic", np.zeros(1, np.uint16), 17)
    with pytest.raises(ValueError, match="0 to 62 bits, not -1 to 3"):
        rounding_shift(np, np.zeros(2, np.int64), np.array([-1, 3]), "truncate")


def test_nan_stays():
    for mode in RoundingMode:
        assert np.isnan(round_real(np, np.array([np.nan]), mode, np.zeros(1, np.uint16), 1)).all()
