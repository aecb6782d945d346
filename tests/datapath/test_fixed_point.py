"""Exponents of what the update keeps as integers: chosen once, found by every reader."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import Datapath, ScaleState, reference
from accelsim.datapath.fixed_point import fraction_bits
from accelsim.errors import InternalError
from accelsim.formats import FixedPointMultiplier, Role, format_by_name, integer
from accelsim.hardware import load_hwconfig
from accelsim.machine import Parameter, Value

SETTINGS = ["numerics.master_weight=int16", "numerics.optimizer_state=int16"]
DRAWN = Parameter("w", (2, 3), Role.WEIGHT, std=0.1)
CONSTANT = Parameter("b", (3,), Role.BIAS)


def _machine(root, state, *more: str, scales: ScaleState | None = None) -> Datapath:
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", [*SETTINGS, *more])
    machine = Datapath(hw.recipe(), state, seed=1, scales=scales, check=True)
    machine.begin_step(0, training=True, learning_rate=0.1)
    return machine


@given(largest=st.floats(1e-30, 1e30), bits=st.integers(8, 32))
def test_codes_span_the_largest_and_no_power_of_two_more(largest, bits):
    span = Fraction(2) ** (bits - 1 - fraction_bits(largest, integer(bits)))
    assert span / 2 < Fraction(largest) <= span


def test_first_read_makes_codes_with_four_times_the_range(root):
    machine = _machine(root, {"w": np.array([[0.25, -0.1, 0], [1e-5, 0.125, 0.2]], dtype=np.float32)})
    w = machine.parameter(DRAWN)
    assert w.scale == 2.0**-15
    assert w.data.dtype == np.int16
    assert w.data.tolist() == [[8192, -3277, 0], [0, 4096, 6554]]
    assert machine.context.state["w"] is w.data
    assert machine.context.scales.fixed_point == {"w": 15}


@pytest.mark.parametrize(("fill", "exponent"), [(0.0, 13), (1.0, 13), (3.0, 11)])
def test_what_starts_constant_has_at_least_the_range_of_one(root, fill, exponent):
    machine = _machine(root, {"b": np.full(3, fill, dtype=np.float32)})
    assert machine.parameter(CONSTANT).data.tolist() == [round(fill * 2**exponent)] * 3
    assert machine.context.scales.fixed_point == {"b": exponent}


def test_headroom_of_the_role_widens_the_range(root):
    machine = _machine(root, {"b": np.ones(3, dtype=np.float32)}, "numerics.master_weight.headroom=4")
    assert machine.parameter(CONSTANT).scale == 2.0**-11


def test_exponent_stays_when_the_codes_come_back(root):
    scales = ScaleState.from_plain(ScaleState(fixed_point={"b": 5}).to_plain())
    b = _machine(root, {"b": np.array([3, -4, 0], dtype=np.int16)}, scales=scales).parameter(CONSTANT)
    assert (b.data.tolist(), b.scale) == ([3, -4, 0], 2.0**-5)


def test_codes_without_an_exponent_are_no_value(root):
    with pytest.raises(InternalError, match="b has codes but no exponent"):
        _machine(root, {"b": np.ones(3, dtype=np.int16)}).parameter(CONSTANT)


def test_integer_bias_joins_the_accumulators_by_a_multiplier(root):
    machine = _machine(root, {"b": np.array([0.5, -1.25, 3e-4], dtype=np.float32)})
    bias, x, w = (
        machine.parameter(CONSTANT),
        *(machine.external(name, (1, 3), format_by_name("int8"), Role.ACTIVATION) for name in "xw"),
    )
    x, w = (type(t)(t.spec, t.shape, Value(None, scale)) for t, scale in ((x, 0.01), (w, 0.003)))
    found = machine.quantise_bias(bias, x, w)
    multiplier = FixedPointMultiplier.from_real(bias.scale / (0.01 * 0.003))
    pair, limit = (int(multiplier.mantissa), int(multiplier.exponent)), 2**31 - 1
    assert found.scale == 0.01 * 0.003
    assert found.data.tolist() == [reference.requantise(int(v), *pair, -limit, limit) for v in bias.data]


@pytest.mark.parametrize("rounding", ["nearest", "nearest_even", "stochastic"])
def test_integer_weights_take_a_scale_for_each_output_channel(root, rng, rounding):
    setting = [f"numerics.weight.{field}" for field in ("granularity=per_channel", f"rounding={rounding}")]
    state = {"w": rng.normal(size=(2, 3)).astype(np.float32)}
    machine = _machine(root, state, *setting)
    w = machine.parameter(DRAWN)
    codes = machine.quantise(w, Role.WEIGHT)
    assert np.abs(codes.data).max(axis=1).tolist() == [127, 127]
    error = np.abs(codes.data * codes.scale[:, None] - w.data * w.scale) / codes.scale[:, None]
    assert error.max() <= (1 if rounding == "stochastic" else 0.5001)


@pytest.mark.parametrize("peak", [2**20, 2**31, 2**33 + 5, 2**46, 2**62])
@pytest.mark.parametrize("format_", ["int16", "int32"])
def test_accumulators_of_more_than_32_bits_keep_their_leading_bits(root, rng, peak, format_):
    machine = _machine(root, {}, f"numerics.weight_gradient={format_}")
    wide = rng.integers(-peak, peak, size=(50, 4))
    wide[0, 0] = -peak
    x = machine.external("sum", wide.shape, integer(64), Role.ACCUMULATOR, wide)
    codes = machine.quantise(x, Role.WEIGHT_GRADIENT)
    top = format_by_name(format_).max_code
    assert -top <= codes.data[0, 0] <= -top + 1
    exact = np.array([float(Fraction(int(v)) * top / peak) for v in wide.ravel()]).reshape(wide.shape)
    # Half a code of the rounding, twice, and the bits that a word has no room for.
    assert np.abs(codes.data - exact).max() <= 1.0 + top * 2.0**-29
