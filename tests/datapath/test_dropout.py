"""Dropout: its mask in plain Python, the same in backward, and nothing in evaluation."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath, reference
from accelsim.formats import Role, ScaleForm, format_by_name
from accelsim.layers import Dropout


def _mask(machine, name, elements, rate):
    """What stays, from one random code an element."""
    context, tensor = machine.context, zlib.crc32(name.encode())
    codes = [reference.random_code(context.seed, context.step, tensor, i, 16) for i in range(elements)]
    return np.array([code >= round(rate * 2**16) for code in codes])


@pytest.mark.parametrize("rate", [0, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("step", [0, 7])
def test_codes_under_the_mask_of_the_counters(int8_machine, kernels, on_machine, operand, rng, rate, step):
    machine = on_machine(int8_machine, kernels)
    machine.begin_step(step, training=True)
    x = operand(machine, "x", format_by_name("int8"), rng.integers(-128, 128, (3, 5, 4)), 0.25)
    with machine.scope("layer"):
        y = machine.dropout(x, rate)
    g = operand(machine, "g", format_by_name("int32"), rng.integers(-(2**31), 2**31, (3, 5, 4)), 0.5)
    dx = machine.dropout_backward(g, y, rate)
    stays, kept = _mask(machine, "layer.output", 60, rate).reshape(3, 5, 4), 1 - round(rate * 2**16) / 2**16
    np.testing.assert_array_equal(y.data, x.data * stays)
    np.testing.assert_array_equal(dx.data, g.data * stays)
    assert (y.scale, dx.scale) == (0.25 / kept, 0.5 / kept)
    assert (y.format, y.role) == (x.format, x.role)


def test_floats_are_divided(fp32_machine, kernels, on_machine, operand, rng):
    machine = on_machine(fp32_machine, kernels)
    x = operand(machine, "x", format_by_name("fp32"), rng.normal(size=(4, 6)))
    y = machine.dropout(x, 0.25)
    stays = _mask(machine, "output", 24, 0.25).reshape(4, 6)
    np.testing.assert_allclose(y.data, np.where(stays, x.data / 0.75, 0), rtol=1e-6)
    assert y.scale == 1


@pytest.mark.parametrize("change", [{"scale_form": ScaleForm.POWER_OF_TWO}, {"affine": True}])
def test_a_scale_that_cannot_take_the_division_is_left_alone(int8_machine, on_machine, operand, rng, change):
    """A power of two would be one no more, and a zero point would have to move."""
    rules = int8_machine.recipe().rules
    machine = on_machine(int8_machine, rules={**rules, Role.ACTIVATION: replace(rules[Role.ACTIVATION], **change)})
    x = operand(machine, "x", format_by_name("int8"), rng.integers(-128, 128, (4, 6)), 0.25)
    y = machine.dropout(x, 0.5)
    assert (y.format, y.role) == (format_by_name("int32"), Role.ACCUMULATOR)
    np.testing.assert_array_equal(y.data * y.scale, x.data * 0.5 * _mask(machine, "output", 24, 0.5).reshape(4, 6))


@pytest.mark.parametrize("hw", ["int8_machine", "fp32_machine"])
def test_evaluation_drops_nothing(hw, rng, request):
    machine = Datapath(request.getfixturevalue(hw).recipe(), {}, seed=1, check=True)
    machine.begin_step(0, training=False)
    images = rng.normal(size=(2, 3, 3, 2)).astype(np.float32)
    x = machine.external("x", images.shape, format_by_name("fp32"), Role.INPUT, images)
    y, backward = Dropout(rate=0.9).forward(machine, x)
    np.testing.assert_allclose(y.data * y.scale, images, atol=0.02)
    assert backward(x) is x
    assert not [operation for operation in machine.program.operations if operation.opcode == "dropout"]


def test_the_mean_stays(fp32_machine, on_machine, operand):
    machine = on_machine(fp32_machine)
    x = operand(machine, "x", format_by_name("fp32"), np.ones(40_000))
    y = machine.dropout(x, 0.3).data
    assert set(np.unique(y).tolist()) == {0, np.float32(1 / (1 - round(0.3 * 2**16) / 2**16))}
    assert y.mean() == pytest.approx(1, abs=0.02)
