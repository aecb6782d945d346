"""Integers with a zero point: codes by gemmlowp's rule, products less their zero points, padding that is zero."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import Datapath, Observation, ScaleState, reference
from accelsim.datapath.backends import choose_kernels
from accelsim.formats import FP32, Granularity, Role, Rounding, ScaleForm, ScalePolicy, TensorRule, format_by_name
from accelsim.formats.scales import scale_for, scaled_codes
from accelsim.machine import Value, Window

FORMATS = ["uint8", "int8", "uint4", "int3", "uint12"]
BACKENDS = ["numpy", "compiled"]


def _machine(hw, backend="numpy", training=True, scales=None, **rules):
    recipe = hw.recipe()
    changed = {**recipe.rules, **{Role(role): rule for role, rule in rules.items()}}
    changed_recipe = replace(recipe, rules=changed, range_momentum=0.5)
    machine = Datapath(changed_recipe, {}, seed=1, scales=scales, kernels=choose_kernels(backend), check=True)
    machine.begin_step(0, training=training)
    return machine


def _affine(name="uint8", **fields):
    return TensorRule(format_by_name(name), affine=True, **fields)


def _floats(machine, values, name="x"):
    data = np.asarray(values, dtype=np.float32)
    return machine.external(name, data.shape, FP32, Role.INPUT, data)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("skew", [-3.0, 0.0, 5.0])
def test_codes_are_those_of_the_format_library(int8_machine, rng, backend, name, skew):
    values = (rng.normal(size=(4, 3, 3, 5)) + skew).astype(np.float32)
    machine = _machine(int8_machine, backend, activation=_affine(name))
    codes = machine.quantise(_floats(machine, values), Role.ACTIVATION)
    scale = scale_for(np, values, format_by_name(name), form="float", affine=True)
    np.testing.assert_array_equal(codes.data, scaled_codes(np, values, scale, format_by_name(name)))
    assert (codes.scale, codes.zero_point) == (scale.step, scale.zero_point)


@given(st.lists(st.fractions(-8, 8, max_denominator=64), min_size=2, max_size=12))
def test_codes_are_those_of_the_reference(int8_machine, values):
    machine = _machine(int8_machine, activation=_affine(scale_form=ScaleForm.POWER_OF_TWO))
    codes = machine.quantise(_floats(machine, [[float(v) for v in values]]), Role.ACTIVATION)
    step, zero = Fraction(float(codes.scale)), int(codes.zero_point)
    assert codes.data[0].tolist() == [reference.affine_code(value, step, zero, 0, 255) for value in values]
    assert 0 <= zero <= 255


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("backend", BACKENDS)
def test_wide_integers_land_within_a_step_of_their_value(int8_machine, rng, rounding, backend):
    machine = _machine(int8_machine, backend, activation=_affine(rounding=rounding))
    data = rng.integers(-1000, 9000, size=(6, 40)).astype(np.int32)
    wide = machine.external("x", data.shape, format_by_name("int32"), Role.ACCUMULATOR, data)
    wide = replace(wide, value=Value(data, 0.25))
    codes = machine.quantise(wide, Role.ACTIVATION)
    held = (codes.data.astype(int) - codes.zero_point) * codes.scale
    assert np.abs(held - data * 0.25).max() <= codes.scale * 1.01
    assert {int(codes.data.min()), int(codes.data.max())} <= {0, 1, 254, 255}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("granularity", [Granularity.PER_TENSOR, Granularity.PER_CHANNEL])
def test_products_are_those_of_the_reference(int8_machine, rng, backend, granularity):
    machine = _machine(int8_machine, backend, activation=_affine(), weight=_affine("uint8", granularity=granularity))
    x = machine.quantise(_floats(machine, rng.normal(size=(4, 20)) + 1), Role.ACTIVATION)
    w = machine.quantise(_floats(machine, rng.normal(size=(3, 20)) - 1, "w"), Role.WEIGHT)
    found, zeros = machine.matmul(x, w), np.broadcast_to(np.ravel(w.zero_point), 3)
    for row, column in np.ndindex(*found.shape):
        terms = x.data[row].tolist(), int(x.zero_point), w.data[column].tolist(), int(zeros[column])
        assert found.data[row, column] == reference.affine_product(*terms)


@pytest.mark.parametrize("backend", BACKENDS)
def test_padding_of_a_convolution_is_zero_not_code_zero(int8_machine, rng, backend):
    machine = _machine(int8_machine, backend, activation=_affine())
    x = machine.quantise(_floats(machine, rng.normal(size=(2, 5, 5, 3)) + 2), Role.ACTIVATION)
    w = machine.quantise(_floats(machine, rng.normal(size=(4, 3, 3, 3)), "w"), Role.WEIGHT)
    real = (x.data.astype(int) - x.zero_point).astype(np.int16)
    plain = machine.external("centred", x.shape, format_by_name("int16"), Role.ACTIVATION, real)
    window = Window((3, 3), (1, 1), (1, 1))
    np.testing.assert_array_equal(machine.conv2d(x, w, window).data, machine.conv2d(plain, w, window).data)
    g = machine.external("g", (2, 5, 5, 4), format_by_name("int8"), Role.GRADIENT_DATA, np.ones((2, 5, 5, 4), np.int8))
    found = machine.conv2d_backward_weights(x, g, window).data
    np.testing.assert_array_equal(found, machine.conv2d_backward_weights(plain, g, window).data)


def test_relu_and_pooling_keep_codes_and_zero_point(int8_machine, rng):
    machine = _machine(int8_machine, activation=_affine())
    values = rng.normal(size=(2, 4, 4, 3))
    x = machine.quantise(_floats(machine, values), Role.ACTIVATION)
    y = machine.relu(x)
    assert y.zero_point == x.zero_point
    np.testing.assert_array_equal(y.data, np.maximum(x.data, x.zero_point))
    pooled, tap = machine.max_pool2d(x, Window((3, 3), (2, 2), (1, 1)))
    np.testing.assert_array_equal(pooled.data[:, 0, 0], x.data[:, :2, :2].max(axis=(1, 2)))
    assert tap.data[:, 0, 0].min() >= 4, "a tap in the padding won"
    g = machine.external("g", x.shape, format_by_name("int32"), Role.ACCUMULATOR, np.ones(x.shape, np.int32))
    np.testing.assert_array_equal(machine.relu_backward(g, y).data, (x.data > x.zero_point).astype(np.int32))


def test_all_zero_tensors_have_a_scale(int8_machine):
    machine = _machine(int8_machine, activation=_affine())
    codes = machine.quantise(_floats(machine, np.zeros((2, 3))), Role.ACTIVATION)
    assert codes.scale == 1 / 255
    assert not codes.data.any()


@pytest.mark.parametrize("policy", [ScalePolicy.DELAYED, ScalePolicy.RUNNING])
def test_zeros_leave_no_memory_of_ends(int8_machine, policy):
    machine = _machine(int8_machine, activation=_affine(policy=policy))
    for step, ends in enumerate(([0.0, 0.0], [-0.1, 0.4], [0.0, 0.0], [0.0, 0.2])):
        machine.begin_step(step, training=True)
        codes = machine.quantise(_floats(machine, [ends]), Role.ACTIVATION)
        assert (codes.scale * 255, codes.zero_point) == ((1.0, 0) if step == 0 else (pytest.approx(0.5), 51))
    assert machine.context.scales.history["input"] == pytest.approx([0.4, 0.2])


def test_delayed_ends_come_from_earlier_steps(int8_machine):
    machine = _machine(int8_machine, activation=_affine(policy=ScalePolicy.DELAYED))
    found = []
    for step, ends in enumerate(([-1.0, 4.0], [0.5, 1.0], [-3.0, 9.0])):
        machine.begin_step(step, training=True)
        machine.context.observation = Observation()
        codes = machine.quantise(_floats(machine, [ends]), Role.ACTIVATION)
        found.append((codes.scale * 255, codes.zero_point))
    assert found == [(pytest.approx(5.0), 51)] * 3
    assert machine.context.observation.found["input"].statistics.saturated == 2


def test_evaluation_takes_the_running_ends(int8_machine):
    state = ScaleState(running={"input": 3.0, "input below zero": 2.0})
    machine = _machine(int8_machine, training=False, scales=state, activation=_affine())
    codes = machine.quantise(_floats(machine, [[0.1, -7.0, 7.0]]), Role.ACTIVATION)
    assert codes.data.tolist() == [[107, 0, 255]]


def test_sample_averages_clip_what_lies_beyond(int8_machine):
    machine = _machine(int8_machine, activation=_affine(granularity=Granularity.PER_SAMPLE_AVERAGE))
    codes = machine.quantise(_floats(machine, [[-1.0, 3.0], [-3.0, 5.0]]), Role.ACTIVATION)
    assert codes.scale == pytest.approx(6.0 / 255)
    assert codes.data.tolist() == [[43, 213], [0, 255]]
