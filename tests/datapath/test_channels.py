"""Instructions on channels: tensors side by side, and parts of them."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.formats import format_by_name


@pytest.fixture
def int8(int8_machine, on_machine, operand, kernels):
    machine = on_machine(int8_machine, kernels)
    return machine, lambda name, format_, data, scale=1.0: operand(machine, name, format_by_name(format_), data, scale)


@pytest.mark.parametrize(
    ("formats", "scales"),
    [
        (("int8", "int8"), (0.1, 3.0)),
        (("int8", "int32"), (0.1, 0.002)),
        (("int32", "int8"), (np.array([0.1, 0.2, 0.7]), 0.3)),
        (("fp32", "fp32"), (1.0, 0.5)),
    ],
)
def test_each_side_keeps_its_values(int8, rng, formats, scales):
    machine, make = int8
    left, right = rng.integers(-127, 128, size=(2, 4, 3)), rng.integers(-127, 128, size=(2, 4, 5))
    a, b = (make(*given) for given in zip("ab", formats, (left, right), scales, strict=True))
    y = machine.concat(a, b)
    real = np.asarray(y.data) * y.scale
    largest = max(np.abs(left * scales[0]).max(), np.abs(right * scales[1]).max())
    np.testing.assert_allclose(real[..., :3], left * scales[0], atol=largest * 2.0**-29, rtol=1e-6)
    np.testing.assert_allclose(real[..., 3:], right * scales[1], atol=largest * 2.0**-29, rtol=1e-6)
    assert y.format.name == ("fp32" if formats[0] == "fp32" else "int32")


@pytest.mark.parametrize("value", [0, 1])
def test_zeros_of_a_large_scale(int8, value):
    machine, make = int8
    y = machine.concat(make("a", "int8", np.zeros((2, 3)), 64.0), make("b", "int8", np.full((2, 1), value), 1e-6))
    assert not np.asarray(y.data)[:, :3].any()
    np.testing.assert_allclose(np.asarray(y.data)[:, 3] * y.scale, value * 1e-6)
    assert y.shape == (2, 4)


def test_other_axes_must_agree(int8):
    machine, make = int8
    with pytest.raises(ValueError, match=r"cannot put a.* of shape \(2, 3\) beside b.* of shape \(3, 3\)"):
        machine.concat(make("a", "int8", np.zeros((2, 3))), make("b", "int8", np.zeros((3, 3))))


@pytest.mark.parametrize("scale", [0.5, np.arange(1.0, 6.0)])
def test_parts_keep_codes_and_scales(int8, rng, scale):
    machine, make = int8
    x = make("x", "int16", rng.integers(-9, 9, size=(2, 3, 5)), scale)
    y = machine.slice_channels(x, 1, 4)
    np.testing.assert_array_equal(y.data, np.asarray(x.data)[..., 1:4])
    np.testing.assert_array_equal(y.scale, scale[1:4] if np.ndim(scale) else scale)
