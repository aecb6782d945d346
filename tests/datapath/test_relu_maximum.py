"""ReLU with a maximum: codes against real values, in every family of formats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import format_by_name, round_to_float


@settings(deadline=None, max_examples=60)
@given(scale=st.floats(1e-3, 10), maximum=st.floats(0.01, 50), bits=st.sampled_from([4, 8]), seed=st.integers(0, 99))
def test_codes_stop_at_the_code_of_the_maximum(int8_machine, kernels, on_machine, operand, scale, maximum, bits, seed):
    machine, rng = on_machine(int8_machine, kernels), np.random.Generator(np.random.PCG64(seed))
    format_ = format_by_name(f"int{bits}")
    x = operand(machine, "x", format_, rng.integers(format_.min_code, format_.max_code + 1, (6, 7)), scale)
    g = operand(machine, "g", format_by_name("int32"), rng.integers(-(2**31), 2**31, (6, 7)), 0.5)
    y = machine.relu(x, maximum)
    dx = machine.relu_backward(g, y, maximum)
    limit = int(np.floor(maximum / scale + 0.5))
    for code, gradient, made, passed in zip(x.data.flat, g.data.flat, y.data.flat, dx.data.flat, strict=True):
        assert made == max(0, min(int(code), limit))
        assert passed == (gradient if 0 < code < limit else 0)
    assert (y.scale, dx.scale) == (scale, 0.5)


@pytest.mark.parametrize(
    "name", ["fp32", "bf16", "fp8_e4m3", "mxfp8_e4m3", "mxint8", "mxfp4", "nvfp4", "bfp8_b16", "int8_b32"]
)
def test_values_stay_on_the_grid(fp32_machine, kernels, on_machine, operand, rng, name):
    """6 is a number of all these formats, or nearly; a block that lost its largest values may have another scale."""
    format_, real = format_by_name(name), rng.normal(size=(8, 64)) * np.exp(2 * rng.normal(size=(8, 1))) * 3
    scale = 0.37 if name == "fp8_e4m3" else 1.0
    if format_.family == "block":
        values = format_.quantised(np, real, -1, "nearest_even")
    else:
        values = round_to_float(np, real / scale, format_)
    machine = on_machine(fp32_machine, kernels)
    x = operand(machine, "x", format_, values, scale)
    y = machine.relu(x, 6.0)
    again = format_.quantised(np, y.data, -1, "nearest_even") if format_.family == "block" else y.data
    np.testing.assert_allclose(again, y.data, rtol=1e-6)
    np.testing.assert_allclose(
        y.data * scale, np.clip(values * scale, 0, 6), rtol=0.07 if scale != 1 else 0.2, atol=0.1
    )
    g = operand(machine, "g", format_by_name("fp32"), np.ones((8, 64)))
    passed = machine.relu_backward(g, y, 6.0).data
    cut = values * scale >= 6 * 1.07
    assert cut.any()
    assert not passed[cut].any()
    assert passed[(values > 0) & (values * scale < 6 * 0.9)].all()


def test_zero_points_move_the_maximum(int8_machine, on_machine, operand):
    """Codes 0 to 255 with zero at 100 and a unit of 0.1: 6 is code 160."""
    machine = on_machine(int8_machine)
    x = operand(machine, "x", format_by_name("uint8"), np.array([0, 99, 100, 101, 159, 160, 161, 255]), 0.1)
    x = type(x)(x.spec, x.shape, x.value._replace(zero_point=100))
    y = machine.relu(x, 6.0)
    assert y.data.tolist() == [100, 100, 100, 101, 159, 160, 160, 160]
    g = operand(machine, "g", format_by_name("int32"), np.ones(8))
    assert machine.relu_backward(g, y, 6.0).data.tolist() == [0, 0, 0, 1, 1, 0, 0, 0]
