"""NVFP4 under the scale of its tensor: where that comes from, and who reads the same weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import Datapath
from accelsim.errors import UserError
from accelsim.formats import FP32, Role, Rounding, ScalePolicy, TensorRule, reference
from accelsim.formats.nvfp4 import NVFP4
from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.simulation.model_size import model_size

LAYERS = [{"conv2d": {"filters": 20, "kernel": 3}}, "flatten", {"linear": {"units": 18}}, {"linear": {"units": 3}}]


def _machine(hw, rule):
    recipe = hw.recipe()
    return Datapath(replace(recipe, rules={**recipe.rules, Role.ACTIVATION: rule}), {}, seed=1, check=True)


def _quantised(machine, x, step=0, *, training=True):
    machine.begin_step(step, training=training)
    return machine.quantise(machine.external("x", x.shape, FP32, Role.INPUT, x), Role.ACTIVATION)


def _expected(machine, x, scale, rule, step=0):
    drawn = machine.context.kernels.random_codes(machine.context.random_stream("input", rule), x.size)
    random = drawn.reshape(x.shape) if rule.rounding is Rounding.STOCHASTIC else np.zeros(x.shape, int)
    mode = "stochastic" if rule.rounding is Rounding.STOCHASTIC else "nearest_even"
    return [
        reference.nvfp4_block([float(v) / scale for v in row[i : i + 16]], mode, codes[i : i + 16].tolist(), 16)[1]
        for row, codes in zip(x, random, strict=True)
        for i in range(0, len(row), 16)
    ]


@pytest.mark.parametrize("rounding", [Rounding.NEAREST, Rounding.STOCHASTIC])
@given(
    rows=st.lists(
        st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=18, max_size=18),
        min_size=1,
        max_size=3,
    )
)
def test_a_tensor_against_plain_python(fp32_machine, rounding, rows):
    x, rule = np.array(rows, dtype=np.float32), TensorRule(NVFP4, rounding)
    machine = _machine(fp32_machine, rule)
    made = _quantised(machine, x)
    assert made.scale == reference.nvfp4_tensor_scale(float(np.abs(x).max()))
    expected = [v for block in _expected(machine, x, made.scale, rule) for v in block]
    assert made.data.reshape(-1).tolist() == expected


def test_scales_known_ahead_take_one_pass_and_saturate(fp32_machine):
    current, delayed = TensorRule(NVFP4), TensorRule(NVFP4, policy=ScalePolicy.DELAYED)
    assert (current.one_pass, delayed.one_pass) == (False, True)
    machine = _machine(fp32_machine, delayed)
    small, large = np.ones((1, 4), np.float32), np.full((1, 4), 1000.0, np.float32)
    scale = _quantised(machine, small).scale
    second = _quantised(machine, large, 1)
    assert second.scale == scale == reference.nvfp4_tensor_scale(1.0)
    assert second.data.tolist() == [[2688.0] * 4]
    assert _quantised(machine, small, 2).scale == reference.nvfp4_tensor_scale(1000.0)


def test_evaluation_takes_the_running_range(fp32_machine):
    machine = _machine(fp32_machine, TensorRule(NVFP4))
    known = _quantised(machine, np.full((1, 4), 3.0, np.float32)).scale
    assert _quantised(machine, np.full((1, 4), 7.0, np.float32), 1, training=False).scale == known


def test_what_is_not_finite_ends_the_training(fp32_machine):
    with pytest.raises(UserError, match="not finite"):
        _quantised(_machine(fp32_machine, TensorRule(NVFP4)), np.array([[1.0, np.inf]], np.float32))


def _trace(root, *settings):
    hw = load_hwconfig(root / "hwconfigs" / "nvfp4.yaml", settings)
    network = Network([parse_layer(layer) for layer in LAYERS], (6, 6, 17), 3)
    return network.trace(hw.recipe(), Sgd(learning_rate=0.1), 4).program


@pytest.mark.parametrize(("weights", "copies"), [("nvfp4_2d", 1), ("nvfp4", 2)])
def test_squares_are_quantised_once_for_both_products(root, weights, copies):
    program = _trace(root, f"numerics.weight={weights}")
    made = [t.name for t in program.tensors if t.name.startswith("linear2.weight_codes")]
    assert len(made) == copies
    readers = [op.opcode for op in program.operations if any(program.tensors[i].name == made[0] for i in op.inputs)]
    assert ("matmul_backward_data" in readers) == (copies == 1)


@pytest.mark.parametrize("role", ["activation", "layer_gradient_weight_path"])
def test_squares_are_for_weights_alone(root, role):
    with pytest.raises(UserError, match=r"found nvfp4_2d, whose squares are for weight.*allowed: nvfp4"):
        load_hwconfig(root / "hwconfigs" / "nvfp4.yaml", [f"numerics.{role}=nvfp4_2d"])


@pytest.mark.parametrize("choice", ["scale_form=power_of_two", "granularity=per_channel", "affine=true"])
def test_the_scale_of_a_tensor_is_one_fp32(root, choice):
    with pytest.raises(UserError, match="nvfp4_2d values have no such choice"):
        load_hwconfig(
            root / "hwconfigs" / "nvfp4.yaml", ["numerics.weight.format=nvfp4_2d", f"numerics.weight.{choice}"]
        )


def test_a_model_stores_one_scale_a_tensor(root):
    recipe = load_hwconfig(root / "hwconfigs" / "nvfp4.yaml").recipe()
    network = Network([parse_layer(layer) for layer in ("flatten", {"linear": {"units": 3}})], (4, 4, 2), 3)
    sizes = model_size(network.trace(recipe, Sgd(learning_rate=0.1), 4).parameters, recipe).set_index("class")["bytes"]
    assert (sizes["weight"], sizes["scale"]) == (3 * 32 // 2 + 3 * 32 // 16, 4)
