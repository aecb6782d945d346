"""Optimizers: what decays, Nesterov's step, how a file names one, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter

import accelsim
from accelsim.datapath import Datapath
from accelsim.errors import UserError
from accelsim.formats import FP32, Role, float_recipe
from accelsim.layers import OPTIMIZERS, AdamW, OptimizerField, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.machine import Parameter, Tensor, Value
from accelsim.networks import Network
from accelsim.program import Phase

LAYERS = [{"conv2d": {"filters": 3, "kernel": 3}}, "batch_norm", "flatten", {"linear": {"units": 3}}]
ADAPTER = TypeAdapter(OptimizerField)


def _updates(optimizer):
    """Attributes of every update by the parameter that it is of."""
    program = Network([parse_layer(layer) for layer in LAYERS], (6, 6, 1), 3).trace(float_recipe(FP32), optimizer, 4)
    updates = [op for op in program.program.operations if op.opcode in OPTIMIZERS]
    return {program.program.tensors[op.inputs[0]].name: op.attributes for op in updates}


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize(
    ("no_decay", "decaying"),
    [
        (None, {"weight"}),
        ([], {"weight", "bias", "gamma", "beta"}),
        (["bias"], {"weight", "gamma", "beta"}),
        (["weight"], {"bias", "gamma", "beta"}),
    ],
)
def test_what_decays(kind, no_decay, decaying):
    chosen = {} if no_decay is None else {"no_decay": no_decay}
    updates = _updates(OPTIMIZERS[kind](learning_rate=0.1, weight_decay=0.01, **chosen))
    assert len(updates) == 6
    for name, attributes in updates.items():
        assert attributes["weight_decay"] == (0.01 if name.split(".")[-1] in decaying else 0.0), name


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_sgd_in_double_precision(kernels, rng, nesterov, decay):
    """Five steps of Sutskever et al.'s rule, as torch has it."""
    w, v = rng.normal(size=32), np.zeros(32)
    state = {"w": w.astype(np.float32), "w.momentum": v.astype(np.float32)}
    machine = Datapath(float_recipe(FP32), state, seed=1, kernels=kernels)
    for step in range(5):
        g = rng.normal(size=32)
        machine.begin_step(step, training=True, learning_rate=0.1)
        made = machine.external("g", (32,), FP32, Role.WEIGHT_GRADIENT)
        gradient = Tensor(made.spec, (32,), Value(g.astype(np.float32)))
        parameter = Parameter("w", (32,), Role.WEIGHT, std=0.1)
        machine.sgd(parameter, gradient, momentum=0.9, weight_decay=decay, nesterov=nesterov)
        g = g + decay * w
        v = 0.9 * v + g
        w = w - 0.1 * (g + 0.9 * v if nesterov else v)
    np.testing.assert_allclose(machine.context.state["w"], w, rtol=3e-6, atol=3e-6)


def test_a_file_names_the_kind():
    assert ADAPTER.validate_python({"learning_rate": 0.1}) == Sgd(learning_rate=0.1)
    found = ADAPTER.validate_python({"kind": "adamw", "learning_rate": 0.1, "beta2": 0.95})
    assert found == AdamW(learning_rate=0.1, beta2=0.95)
    dumped = ADAPTER.dump_python(found, mode="json")
    assert dumped["kind"] == "adamw"
    assert ADAPTER.validate_python(dumped) == found


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_clipping_measures_all_gradients_before_the_first_update(kind):
    optimizer = OPTIMIZERS[kind](learning_rate=0.1, clip_norm=2.0)
    network = Network([parse_layer(layer) for layer in LAYERS], (6, 6, 1), 3)
    program = network.trace(float_recipe(FP32), optimizer, 4).program
    update = [op for op in program.operations if op.phase is Phase.UPDATE]
    assert [op.opcode for op in update] == ["sum_of_squares"] * 6 + ["clip_factor"] + [kind] * 6
    measured, factor, updates = update[:6], update[6], update[7:]
    assert factor.attributes == {"clip_norm": 2.0}
    assert factor.layer == "clip_norm"
    assert [op.inputs[0] for op in measured] == [op.inputs[1] for op in updates]
    assert {op.inputs[2] for op in updates} == set(factor.outputs)
    assert [(op.work.elements, op.work.multiplies, op.work.adds) for op in measured] == [
        (program.tensors[op.inputs[0]].elements, 1, 1) for op in measured
    ]
    assert (factor.work.elements * factor.work.multiplies, factor.work.elements * factor.work.adds) == (12, 6 + 6)
    plain = _updates(OPTIMIZERS[kind](learning_rate=0.1))
    assert {program.tensors[op.inputs[0]].name: op.attributes for op in updates} == plain


def test_an_option_that_is_not_used_is_not_written():
    """So that checkpoints from before it was known still belong to their runs."""
    assert "clip_norm" not in ADAPTER.dump_python(Sgd(learning_rate=0.1), mode="json")
    clipped = Sgd(learning_rate=0.1, clip_norm=1.0)
    assert ADAPTER.validate_python(ADAPTER.dump_python(clipped, mode="json")) == clipped


KINDS = ", ".join(sorted(OPTIMIZERS))
ARGUMENTS = ("hwconfigs/int8_range_bn.yaml", "workloads/digits_cnn.yaml")
FAULTS = {
    "optimizer.kind=adam": f"found 'adam'; allowed: {KINDS} (did you mean 'adamw'?)",
    "optimizer={kind: [1], learning_rate: 0.1}": f"found [1]; allowed: {KINDS}",
    "optimizer={kind: adamw, learning_rate: 0.1, beta1: 1}": "beta1: found 1; allowed: a number from 0 to below 1",
    "optimizer={kind: adamw, learning_rate: 0.1, beta3: 1}": "beta3: unknown field (did you mean 'beta",
    "optimizer={kind: adamw}": "learning_rate: missing; allowed: a number above 0",
    "optimizer={learning_rate: 0.1, momentum: 0, nesterov: true}": "found True, but momentum is 0; leave one of them",
    "optimizer.no_decay=[gamma]": "found 'gamma'; allowed: weight, bias, norm_parameter",
    "optimizer.learning_rate=1e9": "allowed: a number above 0 to 1000",
    "optimizer.clip_norm=0": "found 0; allowed: a number above 0 to 1000000",
    "optimizer=5": "found 5",
    "loss.label_smoothing=1": "found 1; allowed: a number from 0 to below 1",
}


@pytest.mark.parametrize("setting", FAULTS)
def test_a_wrong_field_is_named(root, setting):
    with pytest.raises(UserError) as caught:
        accelsim.simulate(*(root / path for path in ARGUMENTS), timing_only=True, settings=[setting])
    assert FAULTS[setting] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "optimizer",
    [
        "{kind: adamw, learning_rate: 0.1}",
        "{learning_rate: 0.1, nesterov: true}",
        "{learning_rate: 0.1, clip_norm: 1.0}",
    ],
)
def test_integer_masters_take_plain_sgd_alone(root, optimizer):
    integers = ["numerics.master_weight=int16", "numerics.optimizer_state=int16", f"optimizer={optimizer}"]
    with pytest.raises(UserError, match=r"updates floating-point master weights, but numerics\.master_weight is int16"):
        accelsim.simulate(*(root / path for path in ARGUMENTS), timing_only=True, settings=integers)
