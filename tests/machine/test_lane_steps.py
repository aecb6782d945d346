"""Steps of conversions from any family of formats to any other, and of powers of two."""

from __future__ import annotations

import pytest

from accelsim.formats import ScaleForm, TensorRule, format_by_name
from accelsim.machine.lane_steps import conversion, has_scale, is_power_of_two

POWER = ScaleForm.POWER_OF_TWO


@pytest.mark.parametrize(
    ("source", "target", "form", "steps"),
    [
        ("fp32", "bf16", ScaleForm.FLOAT, (0, 1)),
        ("fp16", "bf16", ScaleForm.FLOAT, (0, 1)),
        ("fp32", "fp16", ScaleForm.FLOAT, (0, 2)),
        # More bits, but fewer exponents: small numbers are rounded, large ones become infinite.
        ("bf16", "fp16", ScaleForm.FLOAT, (0, 2)),
        ("bf16", "fp32", ScaleForm.FLOAT, (0, 0)),
        ("fp16", "fp32", ScaleForm.FLOAT, (0, 0)),
        ("mxfp8_e4m3", "fp32", ScaleForm.FLOAT, (0, 0)),
        ("mxfp8_e4m3", "bf16", ScaleForm.FLOAT, (0, 1)),
        ("fp32", "fp8_e5m2", ScaleForm.FLOAT, (1, 2)),
        ("bf16", "fp8_e5m2", POWER, (0, 2)),
        ("fp8_e4m3", "fp32", ScaleForm.FLOAT, (1, 0)),
        # The product has fp32's bits, whatever it is made of.
        ("fp8_e4m3", "bf16", ScaleForm.FLOAT, (1, 1)),
        ("fp8_e4m3", "fp16", ScaleForm.FLOAT, (1, 2)),
        ("fp8_e4m3", "fp8_e5m2", POWER, (1, 2)),
        ("fp32", "int8", ScaleForm.FIXED_POINT, (1, 2)),
        ("fp32", "int8", POWER, (0, 2)),
        ("fp8_e4m3", "int8", POWER, (1, 2)),
        ("int32", "int8", POWER, (1, 2)),
        ("int32", "fp32", ScaleForm.FLOAT, (1, 0)),
        ("int32", "bf16", ScaleForm.FLOAT, (1, 1)),
        ("int32", "fp8_e4m3", POWER, (1, 2)),
        ("int32", "mxfp8_e4m3", ScaleForm.FLOAT, (1, 2)),
        ("fp32", "mxint8", ScaleForm.FLOAT, (0, 2)),
        ("fp32", "int8_b32", ScaleForm.FLOAT, (1, 2)),
        ("fp32", "nvfp4", ScaleForm.FLOAT, (1, 2)),
        ("nvfp4", "mxfp8_e4m3", ScaleForm.FLOAT, (1, 2)),
        ("fp32", "flex16+5", ScaleForm.FLOAT, (0, 2)),
        ("flex16+5", "flex16+5", ScaleForm.FLOAT, (1, 2)),
        ("fp32", "ternary", ScaleForm.FLOAT, (0, 2)),
        ("int16", "binary", ScaleForm.FLOAT, (0, 1)),
    ],
)
def test_multiplications_and_additions_of_a_conversion(source, target, form, steps):
    read, rule = format_by_name(source), TensorRule(format_by_name(target), scale_form=form)
    assert conversion(read, rule, scaled=has_scale(read)) == steps


def test_a_zero_point_is_added():
    assert conversion(format_by_name("fp32"), TensorRule(format_by_name("uint8"), affine=True), scaled=False) == (1, 3)


def test_powers_of_two():
    assert [each for each in (0.125, 0.3, 0.5, 1, 1 / 3, 2, 9, 49, 64, 0.9) if is_power_of_two(each)] == [
        *(0.125, 0.5, 1, 2, 64)
    ]
