"""Scale arithmetic: the fixed-point pair stands for the real multiplier to 31 bits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accelsim.formats import FixedPointMultiplier


@given(real=st.floats(2**-30, 2**20))
def test_relative_error_is_below_half_a_unit(real):
    multiplier = FixedPointMultiplier.from_real(real)
    assert 2**30 <= int(multiplier.mantissa) < 2**31
    assert abs(float(multiplier.real) - real) <= real * 2.0**-31


def test_carry_into_the_next_power_of_two():
    multiplier = FixedPointMultiplier.from_real(np.nextafter(1.0, 0.0))
    assert (int(multiplier.mantissa), int(multiplier.exponent)) == (1 << 30, 1)


def test_too_small_and_zero_vanish():
    multiplier = FixedPointMultiplier.from_real([0.0, 1e-30, -1e-30, -0.75])
    assert multiplier.mantissa.tolist() == [0, 0, 0, -round(0.75 * 2**31)]
    assert multiplier.exponent.tolist() == [0, 0, 0, 0]


@given(real=st.floats(allow_nan=False, allow_infinity=False))
def test_one_number_alone_equals_one_in_an_array(real):
    alone, among = FixedPointMultiplier.from_real(real), FixedPointMultiplier.from_real(np.array([real]))
    assert (alone.mantissa.item(), alone.exponent.item()) == (among.mantissa[0], among.exponent[0])
