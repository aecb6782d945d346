"""What Gaussian tensors are expected to lose, against many of them on the quantise unit itself."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import Datapath, NumpyKernels
from accelsim.formats import FP32, Role, Rounding, TensorRule, float_recipe, integer
from accelsim.machine import Tensor, Value
from accelsim.program import TensorSpec
from accelsim.studies.precision.likeness import likeness, real
from accelsim.studies.precision.theory import Quantiser, gaussian_cosine, paper_bound, right_triangle_bound
from accelsim.studies.precision.trial import Trials

DRAWS = 60


def _cosines(elements, bits, rounding, affine, seed=3):
    """Cosines of so many Gaussian tensors, each in a step of its own, so that it has random bits of its own."""
    rule = TensorRule(integer(8), rounding, affine=affine)
    recipe = float_recipe(FP32)
    recipe = replace(recipe, rules={**recipe.rules, Role.ACTIVATION: rule})
    machine = Datapath(recipe, {}, seed=seed, kernels=NumpyKernels())
    draw, found = np.random.Generator(np.random.PCG64(seed)), []
    spec = TensorSpec(0, "x", (elements,), FP32, Role.ACCUMULATOR)
    for step in range(DRAWS):
        machine.begin_step(step, training=True)
        x = Tensor(spec, spec.shape, Value(draw.standard_normal(elements).astype("float32")))
        made = Trials(machine.context, recipe).quantised(x, "x", Role.ACTIVATION, bits)
        found.append(likeness(np, x, real(np, x.data, 1.0), made)["cosine"])
    return np.array(found)


# Truncated to two bits, all below zero is clipped to one level, which the closed form leaves out.
CASES = [
    (bits, rounding)
    for bits in (2, 3, 4, 8)
    for rounding in (Rounding.NEAREST, Rounding.STOCHASTIC, Rounding.TRUNCATE)
    if bits > 2 or rounding is not Rounding.TRUNCATE
]


@pytest.mark.parametrize("affine", [False, True], ids=["symmetric", "affine"])
@pytest.mark.parametrize(("bits", "rounding"), CASES, ids=str)
def test_gaussian_tensors_meet_the_expectation(bits, rounding, affine):
    elements = 4096
    found = _cosines(elements, bits, rounding, affine)
    expected = gaussian_cosine(elements, elements, Quantiser(bits, rounding, affine))
    error = 4 * found.std() / math.sqrt(DRAWS)
    slack = (0.05 if rounding is Rounding.TRUNCATE else 0.01) * (1 - expected.mean)
    assert found.mean() == pytest.approx(expected.mean, abs=error + slack)
    assert found.std() == pytest.approx(expected.deviation, rel=0.45)


@pytest.mark.parametrize(
    ("elements", "bits", "nearest", "stochastic"),
    [(1024, 4, (0.992250, 0.001169), (0.984683, 0.002342)), (16384, 5, (0.997273, 0.000281), (0.994569, 0.000554))],
)
def test_it_is_near_a_simulation_of_codes_from_minimum_to_maximum(elements, bits, nearest, stochastic):
    """Figures of an independent simulation whose codes span exactly minimum to maximum."""
    for rounding, (mean, deviation) in ((Rounding.NEAREST, nearest), (Rounding.STOCHASTIC, stochastic)):
        found = gaussian_cosine(elements, elements, Quantiser(bits, rounding, affine=True))
        assert 1 - found.mean == pytest.approx(1 - mean, rel=0.02)
        assert found.deviation == pytest.approx(deviation, rel=0.1)


@given(st.integers(8, 10**7), st.integers(2, 16), st.sampled_from([Rounding.NEAREST, Rounding.STOCHASTIC]))
def test_more_bits_are_nearer_and_the_right_triangle_is_the_tighter_bound(elements, bits, rounding):
    now, more = (gaussian_cosine(elements, elements, Quantiser(width, rounding)) for width in (bits, bits + 1))
    assert now.mean < more.mean < 1
    assert 0 < paper_bound(elements, bits) < right_triangle_bound(elements, bits) < 1
    assert paper_bound(elements, bits) < paper_bound(elements, bits + 1)


def test_the_bounds_are_the_printed_ones():
    assert paper_bound(1_000_000, 8) == pytest.approx(256 / (256 + math.sqrt(math.log(1e6)) / math.sqrt(6)), rel=1e-12)
    assert paper_bound(1_000_000, 4) == pytest.approx(0.913376, abs=1e-6)
    assert right_triangle_bound(1_000_000, 2) == pytest.approx(1 / math.hypot(1, 1 / 0.724976 - 1), abs=1e-6)


def test_a_scale_a_channel_is_finer_and_varies_less():
    whole, channels = (gaussian_cosine(65536, sharing, Quantiser(4, Rounding.NEAREST)) for sharing in (65536, 256))
    assert channels.mean > whole.mean
    assert channels.deviation < whole.deviation
