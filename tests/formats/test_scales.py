"""Scales cover their ranges: by group, by form of the step, symmetric and affine."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import FixedPointMultiplier, Granularity, ScaleForm, integer
from accelsim.formats.blocks import spread
from accelsim.formats.scales import FORMS, GRANULARITIES, Scale, scale_for, scaled_codes, scaled_values

FORMATS = st.sampled_from(
    [integer(2), integer(4), integer(8), integer(16), integer(8, signed=False), integer(1, signed=False)]
)
VALUES = st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=30)


@settings(deadline=None, max_examples=250)
@given(x=VALUES, f=FORMATS, form=st.sampled_from(list(FORMS)), affine=st.booleans())
def test_the_range_is_covered(x, f, form, affine):
    x = np.array(x, dtype=np.float32)
    scale = scale_for(np, x, f, form=form, affine=affine)
    step = float(scale.step)
    assert step > 0
    codes = scaled_codes(np, x, scale, f)
    assert codes.dtype == f.storage
    assert scale.lowest <= codes.min()
    assert codes.max() <= f.max_code
    reached = x.astype(np.float64) if f.signed or affine else np.maximum(x, 0).astype(np.float64)
    # Half a step of rounding; affine ends may lose another half to the rounded zero point, fp32 steps 2**-24 of range.
    slack = (1.0 if affine else 0.5) + 2.0**-23 * f.max_code
    assert (np.abs(scaled_values(np, codes, scale) - reached) <= slack * step * (1 + 1e-9)).all()


@settings(deadline=None, max_examples=250)
@given(real=st.floats(1e-38, 1e30))
def test_forms(real):
    step = np.array([real])
    assert FORMS["float"](np, step)[0] == real
    assert FORMS["fp32"](np, step)[0] == max(np.float32(real), 2.0**-126)
    power = FORMS["power_of_two"](np, step)[0]
    assert power / 2 < real <= power
    assert np.frexp(power)[0] == 0.5
    fixed = FORMS["fixed_point"](np, step)[0]
    assert abs(Fraction(fixed) - Fraction(real)) <= Fraction(real) * Fraction(1, 2**31)
    if real > 2.0**-31:
        assert float(FixedPointMultiplier.from_real(real).real) == fixed
        assert float(FixedPointMultiplier.from_real(fixed).real) == fixed


@given(x=VALUES, f=FORMATS)
def test_power_of_two_never_clips(x, f):
    x = np.array(x, dtype=np.float32)
    for affine in (False, True) if f.signed else (True,):
        scale = scale_for(np, x, f, form="power_of_two", affine=affine)
        room = 0.5 + (0.5 if affine else 0.0)
        assert np.rint(x / scale.step).max() + scale.zero_point <= f.max_code + room
        assert np.rint(x / scale.step).min() + scale.zero_point >= scale.lowest - room


@given(x=VALUES, f=FORMATS, form=st.sampled_from(list(FORMS)))
def test_affine_zero_is_exact(x, f, form):
    scale = scale_for(np, np.array(x, dtype=np.float32), f, form=form, affine=True)
    zero = scaled_codes(np, np.zeros(1), scale, f)
    assert zero.tolist() == [int(scale.zero_point)]
    assert scaled_values(np, zero, scale).tolist() == [0.0]


def test_gemmlowp_example():
    """The quantisation example of gemmlowp's documentation: -10 .. 30 on uint8 has zero point 64."""
    scale = scale_for(np, np.array([-10.0, 30.0]), integer(8, signed=False), form="float", affine=True)
    assert (float(scale.step), int(scale.zero_point), scale.lowest) == (40 / 255, 64, 0)
    positive = scale_for(np, np.array([3.0, 51.0]), integer(8, signed=False), form="float", affine=True)
    assert (float(positive.step), int(positive.zero_point)) == (0.2, 0)
    tie = scale_for(np, np.array([-0.5, 254.5]), integer(8, signed=False), form="float", affine=True)
    assert (float(tie.step), int(tie.zero_point)) == (1.0, 1)


def test_zero_range():
    for granularity in GRANULARITIES:
        for affine in (False, True):
            scale = scale_for(np, np.zeros((4, 6)), integer(8), granularity, affine=affine)
            assert (np.asarray(scale.step) == 1).all()
            assert (np.asarray(scale.zero_point) == (-128 if affine else 0)).all()


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_per_channel(axis, rng):
    x = rng.standard_normal((3, 4, 5)) * np.arange(1, 6)
    scale = scale_for(np, x, integer(8), "per_channel", "float", axis=axis)
    others = tuple(a for a in range(3) if a != axis % 3)
    np.testing.assert_array_equal(scale.step, np.abs(x).max(axis=others, keepdims=True) / 127)
    assert np.abs(scaled_codes(np, x, scale, integer(8))).max(axis=others).tolist() == [127] * x.shape[axis]


def test_per_sample_average():
    """The published code's rule: minima and maxima averaged over the batch; values beyond clip."""
    x = np.array([[-1.0, 2.0], [-3.0, 10.0], [1.0, 0.0]])
    scale = scale_for(np, x, integer(8), "per_sample_average", "float")
    assert float(scale.step) == 13 / 3 / 127
    assert scaled_codes(np, x, scale, integer(8)).max() == 127
    affine = scale_for(np, x, integer(8, signed=False), "per_sample_average", "float", affine=True)
    assert float(affine.step) == (13 / 3 + 4 / 3) / 255


def test_per_block(rng):
    x = rng.standard_normal((7, 70)).astype(np.float32)
    scale = scale_for(np, x, integer(4), "per_block", "fp32", axis=1, block=32)
    assert scale.step.shape == (7, 3)
    for at in range(3):
        expected = np.abs(x[:, 32 * at : 32 * at + 32]).max(axis=1).astype(np.float64) / 7
        np.testing.assert_array_equal(scale.step[:, at], expected.astype(np.float32))
    wide = Scale(*(spread(np, part, 1, 32, 70) for part in scale[:2]), scale.lowest)
    codes = scaled_codes(np, x, wide, integer(4))
    assert (np.abs(scaled_values(np, codes, wide) - x) <= wide.step * 0.5000001).all()


def test_names_are_those_of_the_recipe():
    assert set(ScaleForm) <= set(FORMS)
    assert set(Granularity) <= set(GRANULARITIES)
    with pytest.raises(ValueError, match="float, fp32, fixed_point, power_of_two, not 'fp8'"):
        scale_for(np, np.ones(1), integer(8), form="fp8")
    with pytest.raises(ValueError, match="per_tensor, per_channel, per_sample_average, per_block, not 'per_row'"):
        scale_for(np, np.ones(1), integer(8), "per_row")
