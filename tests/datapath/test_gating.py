"""The product of two tensors, element by element, against plain integers and doubles on each backend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference_attention as reference
from accelsim.formats import FP32, format_by_name

WIDTHS = [("int8", "int8"), ("int16", "int16"), ("int4", "int16"), ("int17", "int17"), ("int32", "int16")]
fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@pytest.mark.parametrize("names", WIDTHS, ids="-".join)
@fixtures
@given(data=st.data(), scales=st.tuples(st.floats(1e-4, 10), st.floats(1e-4, 10)))
def test_against_plain_integers(int8_machine, on_machine, operand, kernels, names, data, scales):
    """Exact where every product fits a word; else shifted as far as the largest codes ask for, rounded half up."""
    machine, (left, right) = on_machine(int8_machine, kernels), [format_by_name(name) for name in names]
    pairs = st.tuples(*(st.integers(-each.max_code, each.max_code) for each in (left, right)))
    codes = np.array(data.draw(st.lists(pairs, min_size=1, max_size=12)), dtype=np.int64)
    a, b = (operand(machine, name, *given) for name, *given in zip("ab", (left, right), codes.T, scales, strict=True))
    y = machine.multiply(a, b)
    expected, shift = reference.products(codes[:, 0].tolist(), codes[:, 1].tolist(), left.bits + right.bits)
    assert np.asarray(y.data).tolist() == expected
    assert y.scale == pytest.approx(scales[0] * scales[1] * 2.0**shift, rel=1e-15)
    assert y.format.name == "int32"
    if left.bits + right.bits <= 32:
        assert shift == 0


@fixtures
@given(pairs=st.lists(st.tuples(st.floats(-1e9, 1e9, width=32), st.floats(-1e9, 1e9, width=32)), min_size=1))
def test_floats_are_rounded_once(fp32_machine, on_machine, operand, kernels, pairs):
    machine, values = on_machine(fp32_machine, kernels), np.array(pairs, dtype=np.float32)
    a, b = (operand(machine, name, FP32, column, 1.0) for name, column in zip("ab", values.T, strict=True))
    with np.errstate(all="ignore"):
        expected = (values[:, 0].astype(np.float64) * values[:, 1]).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(machine.multiply(a, b).data), expected)


def test_scales_of_floats_are_multiplied_out(fp32_machine, on_machine, operand, kernels):
    machine = on_machine(fp32_machine, kernels)
    a, b = (operand(machine, name, format_by_name("fp8_e4m3"), np.array([1.5, -3]), 0.25) for name in "ab")
    y = machine.multiply(a, b)
    assert (np.asarray(y.data).tolist(), y.scale, y.format) == ([2.25 / 16, 9 / 16], 1.0, FP32)


def test_codes_by_floats(fp32_machine, on_machine, operand, kernels):
    machine = on_machine(fp32_machine, kernels)
    y = machine.multiply(
        operand(machine, "a", FP32, np.array([0.1, -3])),
        operand(machine, "b", format_by_name("int8"), np.array([7, 5]), 2),
    )
    assert (np.asarray(y.data).tolist(), y.format) == (
        [float(np.float32(14 * np.float64(np.float32(0.1)))), -30.0],
        FP32,
    )


def test_zero_points_are_taken_off(int8_machine, on_machine, operand):
    machine = on_machine(int8_machine)
    a, b = (operand(machine, name, format_by_name("uint16"), np.array([0, 65535]), 0.5) for name in "ab")
    a, b = (x.__class__(x.spec, x.shape, x.value._replace(zero_point=zero)) for x, zero in ((a, 65535), (b, 0)))
    y = machine.multiply(a, b)
    assert (y.data.tolist(), y.scale, y.zero_point) == ([0, 0], 0.25 * 2.0**2, None)


def test_shapes_must_agree(int8_machine, on_machine, operand):
    machine = on_machine(int8_machine)
    a, b = (operand(machine, name, format_by_name("int8"), np.zeros(shape)) for name, shape in (("a", 2), ("b", 3)))
    with pytest.raises(ValueError, match=r"cannot multiply a.* of shape \(2,\) by b.* of shape \(3,\)"):
        machine.multiply(a, b)
