"""GELU: the formula against the Gaussian, tables against the formula and against plain integers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import reference_attention as reference
from accelsim.datapath.kernels import gelu
from accelsim.datapath.units.gelu import SLOPE_BITS
from accelsim.formats import format_by_name
from accelsim.machine.gelu import DIRECT_BITS


def _tanh_form(x):
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@given(x=st.floats(-50, 50))
def test_the_formula(x):
    found = float(gelu.gelu(np, np.array([x]))[0])
    assert found == pytest.approx(_tanh_form(x), rel=1e-12, abs=1e-12)
    assert found == pytest.approx(0.5 * x * (1 + math.erf(x / math.sqrt(2))), abs=5e-4)


@given(x=st.floats(-20, 20))
def test_the_slope(x):
    step = 1e-5
    expected = (_tanh_form(x + step) - _tanh_form(x - step)) / (2 * step)
    assert float(gelu.gelu_slope(np, np.array([x]))[0]) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("name", "error"), [("int4", 0.5), ("int8", 0.5), ("int12", 1.1), ("int16", 3.5)])
@pytest.mark.parametrize("scale", [0.002, 0.05])
def test_codes(int8_machine, on_machine, operand, kernels, name, error, scale):
    """Each code: within half a unit where it has an entry of its own, near the line between two entries otherwise."""
    format_ = format_by_name(name)
    codes = np.arange(format_.min_code, format_.max_code + 1)
    scale *= 128 / format_.max_code
    machine = on_machine(int8_machine, kernels)
    y = machine.gelu(operand(machine, "x", format_, codes, scale))
    exact = np.array([_tanh_form(code * scale) / scale for code in codes])
    assert (y.format, y.scale) == (format_, scale)
    assert np.abs(y.data - exact).max() <= error + 1e-9


@pytest.mark.parametrize("bits", [8, 9, 13, 17])
def test_tables_against_plain_integers(rng, bits):
    table = gelu.tabulated(np, gelu.gelu, bits, DIRECT_BITS, 3 / 2 ** (bits - 1), 3 / 2 ** (bits - 1))
    codes = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), size=200)
    segment = 0 if bits <= DIRECT_BITS else bits - 8
    found = gelu.looked_up(table, codes, bits, DIRECT_BITS)
    assert found.tolist() == [reference.looked_up(table.tolist(), code, bits, segment) for code in codes.tolist()]


def test_gradients_saturate_at_the_word(int8_machine, on_machine, operand):
    """The slope exceeds 1 above 0.8; a gradient at the end of its word stays there."""
    machine = on_machine(int8_machine)
    x = operand(machine, "x", format_by_name("int8"), np.array([30, 0, -127]), 0.05)
    g = operand(machine, "g", format_by_name("int32"), np.array([2**31 - 1, -(2**20), 2**20]), 0.5)
    dx = machine.gelu_backward(g, x)
    slope = [round(float(s) * 2**SLOPE_BITS) for s in gelu.gelu_slope(np, np.array([1.5, 0, -6.35]))]
    assert dx.data.tolist() == [2**31 - 1, -(2**19), (2**20 * slope[2] + 2**13) >> SLOPE_BITS]
    assert (dx.scale, dx.data.dtype) == (0.5, np.int32)


def test_an_affine_activation_keeps_its_zero_point(int8_machine, on_machine, operand):
    machine = on_machine(int8_machine)
    x = operand(machine, "x", format_by_name("uint8"), np.arange(256), 0.02)
    x = x.__class__(x.spec, x.shape, x.value._replace(zero_point=100))
    y = machine.gelu(x)
    exact = np.array([_tanh_form(0.02 * code) / 0.02 for code in range(-100, 156)])
    assert y.zero_point == 100
    assert np.abs(y.data.astype(int) - 100 - exact).max() <= 0.5 + 1e-9
