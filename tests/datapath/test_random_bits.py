"""What few random bits leave: the bias of stochastic rounding, exact over every fraction and every random code.

A fraction of r + k bits is rounded up by floor(fraction * 2**r) of the 2**r equally likely codes. Its lowest k bits are
lost, and they are worth (2**k - 1) / 2 units of 2**-(r + k) on average: -2**-(r + 1) + 2**-(r + k + 1) of an ulp.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.datapath.kernels import RandomStream
from accelsim.formats import FP32, FixedPointMultiplier, RandomSource, Role, Rounding, TensorRule, format_by_name
from accelsim.formats.float_codes import round_to_float
from accelsim.machine import Parameter, Tensor, Value
from accelsim.simulation import simulate

LIMITS = -127, 127
BELOW = 2
ULP = 2.0**-7
"""Of bf16 numbers from 1 to 2."""


def _requantise(kernels, numerators, width, stream):
    multiplier = FixedPointMultiplier.from_real(2.0**-width)
    return kernels.requantise_stochastic(numerators.astype(np.int32)[None], multiplier, stream, *LIMITS, "int8")[0]


def _quantise(kernels, numerators, width, stream):
    return kernels.quantise_stochastic(numerators.astype(np.float32)[None], 2.0**width, stream, *LIMITS, "int8")[0]


def _to_bf16(kernels, numerators, width, stream):
    """Away from 128 ulp on either side: eight significant bits above the fraction."""
    offset = np.where(numerators < 0, -128, 128)
    values, codes = numerators * 0.5**width + offset, kernels.random_codes(stream, numerators.size)
    return round_to_float(kernels.xp, values, format_by_name("bf16"), "stochastic", codes, stream.bits) - offset


def _with_every_code(kernels, stream, numerators):
    """Elements that give each numerator each random code once, by what the stream draws at each place; and where."""
    elements, copies = numerators.size << stream.bits, 1 << stream.bits
    while np.bincount(codes := kernels.random_codes(stream, elements), minlength=copies).min() < numerators.size:
        elements += elements // 2 + 64
    places = np.concatenate([np.flatnonzero(codes == code)[: numerators.size] for code in range(copies)])
    x = np.zeros(elements, dtype=np.int64)
    x[places] = np.tile(numerators, copies)
    return x, places


@pytest.mark.parametrize("source", RandomSource)
@pytest.mark.parametrize("bits", [1, 2, 3, 6])
@pytest.mark.parametrize("rounder", [_requantise, _quantise, _to_bf16])
@pytest.mark.parametrize("whole", [5, -5])
def test_mean_bias_over_all_fractions(kernels, rounder, bits, source, whole):
    width, stream = bits + BELOW, RandomStream(3, 1, 4, bits, source)
    x, places = _with_every_code(kernels, stream, np.arange(1 << width) + (whole << width))
    found = rounder(kernels, x, width, stream)[places]
    error = Fraction(int(found.sum()), len(places)) - Fraction(int(x[places].sum()), len(places) << width)
    # Integers drop bits toward minus infinity, floats toward zero.
    toward = -1 if rounder is _to_bf16 and whole < 0 else 1
    assert error == toward * (Fraction(1, 1 << (width + 1)) - Fraction(1, 1 << (bits + 1)))


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("rounder", [_requantise, _quantise, _to_bf16])
def test_fractions_below_the_random_bits_never_round_up(kernels, rounder, bits):
    width, stream = bits + BELOW, RandomStream(5, 1, 6, bits)
    x = np.tile(np.arange(1 << BELOW), 1 << (bits + 4))
    assert not rounder(kernels, x + (3 << width), width, stream).astype(np.int64).tolist().count(4)
    just_enough = rounder(kernels, x + (1 << BELOW) + (3 << width), width, stream)
    assert (just_enough == 4).any()


@pytest.mark.parametrize("bits", [1, 4])
def test_updates_out_of_reach_of_the_random_bits_pull_toward_zero(fp32_machine, kernels, bits):
    """A hundredth of an ulp: away from zero none gets through, toward zero one in 2**bits moves a whole ulp."""
    n = 1 << 12
    rule = TensorRule(format_by_name("bf16"), Rounding.STOCHASTIC, random_bits=bits)
    recipe = fp32_machine.recipe()
    recipe = replace(recipe, rules={**recipe.rules, Role.MASTER_WEIGHT: rule})
    start = np.where(np.arange(n) % 2, 1.5, -1.5).astype(np.float32)
    for outward in (True, False):
        machine = Datapath(recipe, {"w": start.copy()}, seed=2, kernels=kernels)
        machine.begin_step(0, training=True, learning_rate=0.01 * ULP)
        made = machine.external("g", (n,), FP32, Role.WEIGHT_GRADIENT)
        gradient = Tensor(made.spec, made.shape, Value(np.sign(start) * (-1 if outward else 1)))
        machine.sgd(Parameter("w", (n,), Role.WEIGHT), gradient, momentum=0.0, weight_decay=0.0)
        moved = (np.abs(machine.context.state["w"]) - 1.5) / ULP
        assert set(moved.tolist()) == ({0.0} if outward else {0.0, -1.0})
        assert outward or abs(moved.mean() + 2.0**-bits) < 5 * (2.0**-bits / n) ** 0.5


def test_a_float_machine_adds_a_bf16_bias_as_it_is(root):
    """Master weights narrower than the accumulators: the digits' classifier has a bias."""
    hw, workload = root / "hwconfigs" / "bf16.yaml", root / "workloads" / "digits_cnn.yaml"
    found = simulate(hw, workload, settings=["numerics.master_weight=bf16"], steps=2)
    assert np.isfinite(found.metrics["train_loss"].astype(float)).all()
