"""Where scales come from: policies, granularities, forms; and what quantisers lose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath, Observation, ScaleState
from accelsim.formats import Granularity, Role, Rounding, ScaleForm, ScalePolicy, TensorRule, format_by_name
from accelsim.formats.floating import FP32

INT8 = format_by_name("int8")


def _machine(hw, rule: TensorRule, role: Role = Role.ACTIVATION, scales: ScaleState | None = None) -> Datapath:
    recipe = hw.recipe()
    changed = replace(recipe, rules={**recipe.rules, role: rule}, range_momentum=0.5)
    return Datapath(changed, {}, seed=1, scales=scales, check=True)


def _quantise(machine: Datapath, values, step: int = 0, role: Role = Role.ACTIVATION, *, training: bool = True):
    machine.begin_step(step, training=training)
    data = np.asarray(values, dtype=np.float32)
    return machine.quantise(machine.external("x", data.shape, FP32, Role.INPUT, data), role, "codes")


def test_current_scale_reaches_the_largest_code(int8_machine):
    codes = _quantise(_machine(int8_machine, TensorRule(INT8)), [[0.5, -2.0, 1.0]])
    assert codes.data.tolist() == [[32, -127, 64]]
    assert codes.scale == 2.0 / 127


def test_delayed_scale_is_the_largest_of_the_window(int8_machine):
    machine = _machine(int8_machine, TensorRule(INT8, policy=ScalePolicy.DELAYED, history=2))
    scales = [_quantise(machine, [[peak]], step).scale * 127 for step, peak in enumerate([4.0, 1.0, 2.0, 8.0, 1.0])]
    assert scales == pytest.approx([4.0, 4.0, 4.0, 2.0, 8.0])


def test_delayed_scale_saturates_what_it_did_not_foresee(int8_machine):
    machine = _machine(int8_machine, TensorRule(INT8, policy=ScalePolicy.DELAYED))
    _quantise(machine, [[1.0]], 0)
    machine.context.observation = Observation()
    codes = _quantise(machine, [[3.0, -5.0, 0.001, 0.5]], 1)
    assert codes.data.tolist() == [[127, -127, 0, 64]]
    found = machine.context.observation.found["codes"].statistics
    assert (found.elements, found.saturated, found.underflowed) == (4, 2, 1)
    assert found.sqnr_db < 10


def test_running_scale_is_the_average_of_earlier_steps(int8_machine):
    machine = _machine(int8_machine, TensorRule(INT8, policy=ScalePolicy.RUNNING))
    scales = [_quantise(machine, [[peak]], step).scale * 127 for step, peak in enumerate([4.0, 2.0, 2.0])]
    assert scales == pytest.approx([4.0, 4.0, 3.0])


@pytest.mark.parametrize("fmt", ["int8", "fp8_e4m3"])
@pytest.mark.parametrize(("policy", "expected"), [("delayed", 0.5), ("running", 0.375)])
def test_zeros_leave_no_memory_of_a_range(int8_machine, fmt, policy, expected):
    """Not in the first step either: there the next tensor is the first."""
    format_ = format_by_name(fmt)
    machine, top = _machine(int8_machine, TensorRule(format_, policy=ScalePolicy(policy), history=3)), 127
    if fmt != "int8":
        top = format_.max_normal
    peaks = [0.0, 0.25, 0.0, 0.5, 0.0]
    found = [_quantise(machine, [[peak, -peak / 2]], step) for step, peak in enumerate(peaks)]
    assert [codes.scale * top for codes in found[:2]] == pytest.approx([1.0, 0.25])
    assert [codes.scale * top for codes in found[2:4]] == pytest.approx([0.25, 0.25])
    assert found[4].scale * top == pytest.approx(expected)
    assert machine.context.scales.history["codes"] == [0.25, 0.5]
    assert not found[2].data.any()


def test_autoflex_hears_nothing_of_zeros(int8_machine):
    format_ = format_by_name("flex16+5")
    plain, paused = (_machine(int8_machine, TensorRule(format_)) for _ in range(2))
    for step, peak in enumerate([0.7, 0.5, 3.0]):
        for zeros in range(20):
            assert not _quantise(paused, [[0.0, 0.0]], 100 * step + zeros).data.any()
        one, other = (_quantise(machine, [[peak, -peak / 3]], step) for machine in (plain, paused))
        assert (one.scale, one.data.tolist()) == (other.scale, other.data.tolist())
    assert plain.context.scales == paused.context.scales


def test_evaluation_takes_the_running_range_and_leaves_it(int8_machine):
    state = ScaleState(running={"codes": 6.0})
    machine = _machine(int8_machine, TensorRule(INT8), scales=state)
    assert _quantise(machine, [[1.0]], training=False).scale * 127 == pytest.approx(6.0)
    assert state.running == {"codes": 6.0}


def test_scale_per_output_channel_of_a_weight(int8_machine):
    rule = TensorRule(INT8, granularity=Granularity.PER_CHANNEL)
    codes = _quantise(
        _machine(int8_machine, rule, Role.WEIGHT), [[1.0, -0.5], [0.0, 0.0], [8.0, 4.0]], role=Role.WEIGHT
    )
    assert (codes.scale * 127).tolist() == pytest.approx([1.0, 1.0, 8.0])
    assert codes.data.tolist() == [[127, -64], [0, 0], [127, 64]]


def test_scale_from_samples_averaged_over_the_batch(int8_machine):
    rule = TensorRule(INT8, granularity=Granularity.PER_SAMPLE_AVERAGE)
    codes = _quantise(_machine(int8_machine, rule), [[1.0, 0.0], [-3.0, 1.0]])
    # Minima 0 and -3 average to -1.5, maxima 1 and 1 to 1.
    assert codes.scale * 127 == pytest.approx(1.5)
    assert codes.data.tolist() == [[85, 0], [-127, 85]]


@pytest.mark.parametrize(("form", "expected"), [(ScaleForm.POWER_OF_TWO, 2.0**-5), (ScaleForm.FLOAT, 3.0 / 127)])
def test_scale_forms(int8_machine, form, expected):
    assert _quantise(_machine(int8_machine, TensorRule(INT8, scale_form=form)), [[3.0]]).scale == expected


def test_fixed_point_scale_is_within_half_a_unit_of_31_bits(int8_machine):
    scale = _quantise(_machine(int8_machine, TensorRule(INT8, scale_form=ScaleForm.FIXED_POINT)), [[3.0]]).scale
    assert abs(scale - 3.0 / 127) <= 3.0 / 127 * 2**-31


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        (Rounding.NEAREST, [2, 4, -2, -4, 127]),
        (Rounding.NEAREST_EVEN, [2, 4, -2, -4, 127]),
        (Rounding.NEAREST_AWAY, [3, 4, -3, -4, 127]),
        (Rounding.TRUNCATE, [2, 3, -3, -4, 127]),
    ],
)
def test_roundings_of_floats_at_ties(int8_machine, rounding, expected):
    codes = _quantise(_machine(int8_machine, TensorRule(INT8, rounding)), [[2.5, 3.5, -2.5, -3.5, 127.0]])
    assert codes.data.tolist() == [expected]


def test_scale_state_survives_a_checkpoint():
    state = ScaleState({"a": 0.1}, {"a": [0.1, 1 / 3]})
    assert ScaleState.from_plain(state.to_plain()) == state
