"""GELU and SiLU: formulas against the field's definitions, tables against formulas and against plain integers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference_attention as reference
from accelsim.datapath.kernels.curves import CURVES, gelu, looked_up, tabulated
from accelsim.datapath.units.curves import SLOPE_BITS
from accelsim.formats import format_by_name
from accelsim.machine.curves import DIRECT_BITS

WORD = st.integers(-(2**31) + 1, 2**31 - 1)
EXACT = {
    "gelu": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: 0.5 * x * (1 + math.tanh(x / 2)),
}
either = pytest.mark.parametrize("name", EXACT)


@either
@given(x=st.floats(-50, 50))
def test_the_formula(name, x):
    found = float(CURVES[name].function(np, np.array([x]))[0])
    assert found == pytest.approx(EXACT[name](x), rel=1e-12, abs=1e-12)


@given(x=st.floats(-50, 50))
def test_gelu_is_near_its_exact_form(x):
    assert float(gelu(np, np.array([x]))[0]) == pytest.approx(0.5 * x * (1 + math.erf(x / math.sqrt(2))), abs=5e-4)


@either
@given(x=st.floats(-20, 20))
def test_the_slope(name, x):
    step = 1e-5
    expected = (EXACT[name](x + step) - EXACT[name](x - step)) / (2 * step)
    assert float(CURVES[name].slope(np, np.array([x]))[0]) == pytest.approx(expected, abs=1e-8)


@either
@pytest.mark.parametrize(("form", "error"), [("int4", 0.5), ("int8", 0.5), ("int12", 1.1), ("int16", 3.5)])
@pytest.mark.parametrize("scale", [0.002, 0.05])
def test_codes(int8_machine, on_machine, operand, kernels, name, form, error, scale):
    """Each code: within half a unit where it has an entry of its own, near the line between two entries otherwise."""
    format_ = format_by_name(form)
    codes = np.arange(format_.min_code, format_.max_code + 1)
    scale *= 128 / format_.max_code
    machine = on_machine(int8_machine, kernels)
    y = getattr(machine, name)(operand(machine, "x", format_, codes, scale))
    exact = np.array([EXACT[name](code * scale) / scale for code in codes])
    assert (y.format, y.scale) == (format_, scale)
    assert np.abs(y.data - exact).max() <= error + 1e-9


@either
@pytest.mark.parametrize("bits", [8, 9, 13, 17])
def test_tables_against_plain_integers(rng, name, bits):
    function, unit = CURVES[name].function, 3 / 2 ** (bits - 1)
    table = tabulated(np, function, bits, DIRECT_BITS, unit, unit)
    codes = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), size=200)
    segment = 0 if bits <= DIRECT_BITS else bits - 8
    found = looked_up(table, codes, bits, DIRECT_BITS)
    assert found.tolist() == [reference.looked_up(table.tolist(), code, bits, segment) for code in codes.tolist()]


@either
@pytest.mark.parametrize("bits", [8, 16])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.data(), unit=st.floats(0.001, 0.1))
def test_against_plain_integers(int8_machine, on_machine, operand, kernels, name, bits, data, unit):
    """Both directions on each backend: entries, lines between them, the product with the slope and its saturation."""
    format_, segment = format_by_name(f"int{bits}"), 0 if bits <= DIRECT_BITS else bits - 8
    codes = data.draw(st.lists(st.integers(format_.min_code, format_.max_code), min_size=1, max_size=12))
    words = data.draw(st.lists(WORD, min_size=len(codes), max_size=len(codes)))
    scale = unit * 128 / format_.max_code
    machine = on_machine(int8_machine, kernels)
    x = operand(machine, "x", format_, np.array(codes), scale)
    g = operand(machine, "g", format_by_name("int32"), np.array(words), 0.5)
    y, dx = getattr(machine, name)(x), getattr(machine, f"{name}_backward")(g, x)
    function, slope = CURVES[name]
    table = tabulated(np, function, bits, DIRECT_BITS, scale, scale).tolist()
    slopes = tabulated(np, slope, bits, DIRECT_BITS, scale, 0.5**SLOPE_BITS).tolist()
    assert np.asarray(y.data).tolist() == [reference.looked_up(table, code, bits, segment) for code in codes]
    expected = [
        reference.times_slope(word, reference.looked_up(slopes, code, bits, segment), SLOPE_BITS)
        for word, code in zip(words, codes, strict=True)
    ]
    assert (np.asarray(dx.data).tolist(), dx.scale) == (expected, 0.5)


@either
def test_gradients_saturate_at_the_word(int8_machine, on_machine, operand, name):
    """The slope exceeds 1 from about 1 on; a gradient at the end of its word stays there."""
    machine = on_machine(int8_machine)
    x = operand(machine, "x", format_by_name("int8"), np.array([30, 0, -127]), 0.05)
    g = operand(machine, "g", format_by_name("int32"), np.array([2**31 - 1, -(2**20), 2**20]), 0.5)
    dx = getattr(machine, f"{name}_backward")(g, x)
    slope = [round(float(s) * 2**SLOPE_BITS) for s in CURVES[name].slope(np, np.array([1.5, 0, -6.35]))]
    assert dx.data.tolist() == [2**31 - 1, -(2**19), (2**20 * slope[2] + 2**13) >> SLOPE_BITS]
    assert (dx.scale, dx.data.dtype) == (0.5, np.int32)


@either
def test_an_affine_activation_keeps_its_zero_point(int8_machine, on_machine, operand, name):
    machine = on_machine(int8_machine)
    x = operand(machine, "x", format_by_name("uint8"), np.arange(256), 0.02)
    x = x.__class__(x.spec, x.shape, x.value._replace(zero_point=100))
    y = getattr(machine, name)(x)
    exact = np.array([EXACT[name](0.02 * code) / 0.02 for code in range(-100, 156)])
    assert y.zero_point == 100
    assert np.abs(y.data.astype(int) - 100 - exact).max() <= 0.5 + 1e-9
