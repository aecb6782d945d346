"""Tensors that a watcher keeps: the codes of the step, and the real values that they stand for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import accelsim
from accelsim.datapath import Datapath, KeptTensors
from accelsim.errors import UserError
from accelsim.formats import FP32, Granularity, Role, TensorRule, format_by_name

RULES = {
    "int8": TensorRule(format_by_name("int8")),
    "per channel": TensorRule(format_by_name("int8"), granularity=Granularity.PER_CHANNEL),
    "affine": TensorRule(format_by_name("uint8"), affine=True),
    "affine, per channel": TensorRule(format_by_name("uint8"), affine=True, granularity=Granularity.PER_CHANNEL),
    "fp8": TensorRule(format_by_name("fp8_e4m3")),
    "nvfp4": TensorRule(format_by_name("nvfp4_2d")),
    "mxint8": TensorRule(format_by_name("mxint8")),
    "bf16": TensorRule(format_by_name("bf16")),
}


@pytest.mark.parametrize("name", RULES)
def test_real_values_are_those_that_were_quantised(fp32_machine, kernels, name, rng):
    x = (rng.normal(size=(5, 16)) * np.array([[0.01], [1], [3], [100], [2]])).astype(np.float32)
    recipe = fp32_machine.recipe()
    recipe = replace(recipe, rules={**recipe.rules, Role.WEIGHT: RULES[name]})
    machine = Datapath(recipe, {}, seed=1, kernels=kernels, check=True)
    machine.begin_step(0, training=True)
    seen = machine.context.watcher = KeptTensors("*.weight_codes")
    with machine.scope("layer1"):
        made = machine.quantise(machine.external("x", x.shape, FP32, Role.INPUT, x), Role.WEIGHT)
        machine.quantise(machine.external("y", x.shape, FP32, Role.INPUT, x), Role.ACTIVATION)
    assert set(seen.tensors) == {"layer1.weight_codes"}
    kept = seen.tensors["layer1.weight_codes"]
    assert kept.codes.dtype == RULES[name].format.storage
    np.testing.assert_array_equal(kept.codes, made.data)
    rows = np.abs(x).max(axis=1, keepdims=True) if "channel" in name else np.abs(x).max()
    assert (np.abs(kept.real - x) <= rows / (4 if name == "nvfp4" else 16 if name == "fp8" else 100)).all()


def test_a_simulation_is_watched_and_keeps_its_bits(root):
    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    looks = {step: KeptTensors("conv2d*", "relu*.output") for step in (1, 3)}
    watched = accelsim.simulate(*files, steps=3, watch=lambda step, context: looks.get(step))
    plain = accelsim.simulate(*files, steps=3)
    assert watched.metrics.equals(plain.metrics)
    for look in looks.values():
        assert {"conv2d2.weight_codes", "conv2d2.gradient_data_path", "relu1.output"} <= set(look.tensors)
        assert (look.tensors["relu1.output"].real >= 0).all()
    first, third = (looks[step].tensors["conv2d2.weight_codes"] for step in (1, 3))
    assert first.codes.shape == third.codes.shape == first.spec.shape
    assert (first.real != third.real).any()
    named = set(plain.dtypes["tensor"])
    assert set(looks[1].tensors) <= named
    with pytest.raises(UserError, match="nothing to watch"):
        accelsim.simulate(*files, timing_only=True, watch=lambda step, context: None)
