"""Machines that train together: gradients of all shares of the batch, rounded, summed and rounded as is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath, Observation, ScaleState, reference
from accelsim.datapath.divergence import silent_overflow
from accelsim.datapath.kernels import NumpyKernels
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.formats import FixedPointMultiplier
from accelsim.layers import AdamW, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.machine import Tensor
from accelsim.networks import Network
from accelsim.program import Unit
from accelsim.training import initial_state

BATCH, RATE = 8, 0.1
OPTIMIZER = Sgd(learning_rate=RATE, momentum=0, weight_decay=0)
CONV = {"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}
LAYERS = [CONV, "batch_norm", "relu", {"residual": {"body": [CONV, "batch_norm"]}}, "flatten", {"linear": {"units": 3}}]
NEAREST = ["numerics.layer_gradient_data_path=int8"]
INTEGERS = [f"numerics.{role}=int16" for role in ("master_weight", "optimizer_state", "weight_gradient")]


class Keeping(Datapath):
    """Keeps every tensor that layers make, by name."""

    def begin(self, *, training: bool = True) -> None:
        self.found: dict[str, Tensor] = {}
        super().begin(training=training)

    def issue(self, *args, **kwargs):
        made = super().issue(*args, **kwargs)
        self.found.update({tensor.name: tensor for tensor in made})
        return made


def _network(layers=LAYERS):
    return Network([parse_layer(layer) for layer in layers], (6, 6, 2), 3)


def _batch(rng, network):
    images = rng.normal(size=(BATCH, *network.input_shape)).astype(np.float32)
    return images, rng.integers(0, network.classes, size=BATCH).astype(np.uint16)


def _state(network, recipe, optimizer=OPTIMIZER):
    return initial_state(network.trace(replace(recipe, exchange=None), optimizer, BATCH).parameters, 5, recipe)


def _step(network, recipe, state, batch, parts=1, optimizer=OPTIMIZER, *, kernels=None, scales=None, step=0):
    machine = Keeping(recipe, state, seed=1, scales=scales, kernels=kernels, check=True)
    machine.begin_step(step, training=True, learning_rate=RATE)
    network.train_in_parts(machine, optimizer, *batch, len(batch[1]), parts)
    return machine


def _bytes(state):
    return {name: np.asarray(value).tobytes() for name, value in state.items()}


def _alone(network, recipe, state, batch, machines):
    """Gradients by parameter name that each share of the batch has on a machine of its own, which knows no cluster.

    Alone, a share's loss is a mean over fewer samples; ``machines`` is a power of two, so nothing but exponents differ.
    """
    size, found = BATCH // machines, []
    for start in range(0, BATCH, size):
        share = tuple(x[start : start + size] for x in batch)
        plain = replace(recipe, exchange=None)
        machine = _step(network, plain, {name: value.copy() for name, value in state.items()}, share)
        found.append({parameter.name: g.data / np.float32(machines) for _, parameter, g in machine.gradients})
    return {name: [each[name] for each in found] for name in found[0]}


def _quantised(values):
    """Floats to int8 by the largest magnitude: codes and their unit."""
    scale = float(np.abs(values).max()) / 127 or 1 / 127
    return [int(code) for code in np.rint(values.astype(np.float64).reshape(-1) / scale)], scale


def _added(a, b):
    """Both operands at the unit of a common range, each rounded half up once."""
    bound = sum(max(map(abs, codes)) * step for codes, step in (a, b)) or 1.0
    steps = [step for _, step in (a, b)]
    scale = bound / 2.0**30 * (2.0 if max(steps) >= bound else 1.0)
    words = []
    for codes, step in (a, b):
        multiplier = FixedPointMultiplier.from_real(step / scale if any(codes) else 0.0)
        words.append([reference.rescale(x, int(multiplier.mantissa), int(multiplier.exponent)) for x in codes])
    return [x + y for x, y in zip(*words, strict=True)], scale


def _requantised(codes, step):
    scale = max(map(abs, codes)) * step / 127 or 1 / 127
    multiplier = FixedPointMultiplier.from_real(step / scale)
    mantissa, exponent = int(multiplier.mantissa), int(multiplier.exponent)
    return [reference.requantise(x, mantissa, exponent, -127, 127) for x in codes], scale


def _in_order(gradients):
    total = gradients[0]
    for other in gradients[1:]:
        total = (total + other).astype(np.float32)
    return total


def _int8_sum(gradients, *, rounded):
    first, *others = map(_quantised, gradients)
    total = first
    for other in others:
        total = _added(total, other)
        if rounded and other is not others[-1]:
            total = _requantised(*total)
    codes, scale = _requantised(*total)
    return (np.array(codes, dtype=np.float64) * scale).astype(np.float32).reshape(gradients[0].shape)


@pytest.mark.parametrize("kernels", [NumpyKernels, CompiledKernels])
@pytest.mark.parametrize("wire", [None, "int8", "int8 rounded"])
def test_every_parameter_moves_by_the_sum_as_defined(kernels, wire, recipe_of, rng):
    """Shares computed by machines that know no cluster, and the exchange and plain SGD in NumPy and Python integers."""
    network, machines = _network(), 4
    fields = {"gradient": "int8", "bucket_bytes": 64} if wire else {}
    fields |= {"partial_sums": "rounded"} if wire == "int8 rounded" else {}
    recipe = recipe_of("int8_range_bn", machines, *NEAREST, **fields)
    batch, state = _batch(rng, network), _state(network, recipe)
    before = {name: value.copy() for name, value in state.items()}
    alone = _alone(network, recipe, before, batch, machines)
    _step(network, recipe, state, batch, kernels=kernels())
    assert len(alone) == 10
    for name, gradients in alone.items():
        total = _int8_sum(gradients, rounded=wire == "int8 rounded") if wire else _in_order(gradients)
        expected = before[name] - np.float32(RATE) * total
        np.testing.assert_array_equal(np.asarray(state[name]), expected.astype(np.float32), err_msg=name)
        assert total.any()


def test_norms_see_their_own_share_and_the_first_machine_keeps_the_statistics(recipe_of, rng):
    network, recipe = _network(), recipe_of("int8_range_bn", 2, *NEAREST)
    batch, state = _batch(rng, network), _state(network, recipe)
    first = {name: value.copy() for name, value in state.items()}
    machine = _step(network, recipe, state, batch)
    alone = _step(network, replace(recipe, exchange=None), first, tuple(x[:4] for x in batch))
    names = [name for name in state if "running" in name]
    assert len(names) == 4
    for name in names:
        np.testing.assert_array_equal(state[name], first[name])
    for name in ("batch_norm1.mean", "batch_norm1.spread"):
        np.testing.assert_array_equal(machine.found[name].data, alone.found[name].data)
        assert not np.array_equal(machine.found[f"{name}.machine2"].data, alone.found[name].data)


CASES = {
    "int8": ("int8_range_bn", NEAREST, Sgd(learning_rate=RATE, weight_decay=1e-4)),
    "integers": ("int8_range_bn", [*NEAREST, *INTEGERS], Sgd(learning_rate=RATE)),
    "fp32 clipped": ("fp32", [], AdamW(learning_rate=0.01, clip_norm=0.01)),
    "bf16": ("bf16", ["numerics.weight_gradient=bf16"], AdamW(learning_rate=0.01, clip_norm=0.1)),
    "mxfp8": ("mxfp8", [], OPTIMIZER),
    "wider in the last layer": (
        "bf16",
        ["numerics.weight_gradient=bf16", "numerics.layers=[{match: last, weight_gradient: fp32}]"],
        OPTIMIZER,
    ),
    "other in the first layer": (
        "int8_range_bn",
        [*NEAREST, "numerics.weight_gradient=bf16", "numerics.layers=[{match: first, weight_gradient: fp16}]"],
        AdamW(learning_rate=0.01, clip_norm=0.1),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_without_a_format_of_its_own_a_cluster_learns_as_parts_of_a_batch_do(case, recipe_of, rng):
    """Where nothing is drawn at random or remembered; but for running statistics, which parts pass one by one."""
    name, settings, optimizer = CASES[case]
    network = _network()
    recipe = network.fitted(recipe_of(name, 4, *settings))
    batch, states = _batch(rng, network), []
    for each, parts in ((recipe, 1), (replace(recipe, exchange=None), 4)):
        states.append(_state(network, recipe, optimizer))
        _step(network, each, states[-1], batch, parts, optimizer)
    assert any(np.any(states[0][name] != value) for name, value in _state(network, recipe, optimizer).items())
    for name, value in states[0].items():
        if "running" not in name:
            np.testing.assert_array_equal(value, states[1][name], err_msg=name)


@pytest.mark.parametrize("wire", [None, "int8", "fp8_e5m2", "mxfp8_e4m3", "bf16"])
def test_parts_within_machines(wire, recipe_of, rng):
    """A share in two parts is as good as a machine of its own, but for what is sent."""
    network = _network()
    fields = {"gradient": wire} if wire else {}
    recipe = recipe_of("int8_range_bn", 2, *NEAREST, **fields)
    batch, state = _batch(rng, network), _state(network, recipe)
    machine = _step(network, recipe, state, batch, 2)
    sent = [t for t in machine.program.tensors if t.name.endswith("_sent.machine2")]
    assert len(sent) == (10 if wire else 0)
    reduced = [op for op in machine.program.operations if op.opcode == "all_reduce"]
    assert [op.unit for op in reduced] == [Unit.LINK]
    assert {str(machine.program.tensors[i].format) for i in reduced[0].inputs} == {wire or "fp32"}
    assert not wire or all(np.isfinite(np.asarray(value)).all() for value in state.values())
    if not wire:
        parts = _state(network, recipe)
        _step(network, replace(recipe, exchange=None), parts, batch, 4)
        # ((a + b) + (c + d)) there, (((a + b) + c) + d) here
        for name, value in state.items():
            if "running" not in name:
                np.testing.assert_allclose(value, parts[name], rtol=1e-5, atol=1e-6)


WIRES = ["int8", "{format: int8, rounding: stochastic, scale: delayed, history: 3}"]


def _trained(network, recipe, batches, kernels=None, *, fresh=False):
    state, scales = _state(network, recipe), ScaleState()
    machine, seen = Datapath(recipe, state, seed=1, scales=scales, kernels=kernels, check=True), []
    for step, batch in enumerate(batches):
        if fresh:
            machine = Datapath(recipe, state, seed=1, scales=scales, kernels=kernels, check=True)
        machine.begin_step(step, training=True, learning_rate=RATE)
        machine.context.observation = Observation()
        network.train_in_parts(machine, OPTIMIZER, *batch, BATCH, 1)
        seen.append(sorted(machine.context.observation.found))
    return _bytes(state), scales.to_plain(), seen


@pytest.mark.parametrize("wire", WIRES)
def test_backends_and_repeated_steps_give_the_same_bits(wire, recipe_of, rng):
    layers = [*LAYERS[:3], {"recompute": {"body": [CONV, "relu", {"dropout": {"rate": 0.3}}]}}, *LAYERS[4:]]
    network = _network(layers)
    activation = "numerics.activation={format: int8, rounding: stochastic, scale: delayed, history: 3}"
    recipe = recipe_of("int8_range_bn", 2, activation, *INTEGERS, gradient=wire)
    batches = [_batch(rng, network) for _ in range(4)]
    found = [_trained(network, recipe, batches, kernels) for kernels in (NumpyKernels(), CompiledKernels())]
    found.append(_trained(network, recipe, batches, fresh=True))
    assert found[0] == found[1] == found[2]
    _, scales, seen = found[0]
    # Each machine remembers ranges of its own; weights are quantised once for all, and only the first is looked at.
    assert len(scales["history"]["conv2d1.input"]) == len(scales["history"]["conv2d1.input.machine2"]) == 3
    assert scales["history"]["conv2d1.input"] != scales["history"]["conv2d1.input.machine2"]
    assert not any("weight_codes.machine2" in name for name in scales["history"])
    assert not any("machine" in name for step in seen for name in step)
    if "delayed" in wire:
        sent = [name for name in scales["history"] if name.endswith("_sent")]
        assert all(f"{name}.machine2" in scales["history"] for name in sent)
        assert sent


@pytest.mark.parametrize("kernels", [NumpyKernels, CompiledKernels])
@pytest.mark.parametrize("wire", ["int8", "fp8_e5m2", "nvfp4"])
def test_an_overflow_on_one_machine_stops_all_and_leaves_no_range(kernels, wire, recipe_of, rng):
    """Codes hide an infinity from the sum, whose range would be one of saturated gradients."""
    network, largest = _network([CONV, "relu", "flatten", {"linear": {"units": 3}}]), 2.0**40
    settings = [f"numerics.loss_scale={{initial: {largest:.0f}, maximum: {largest:.0f}}}"]
    recipe = recipe_of("fp16_mixed", 2, *settings, gradient=f"{{format: {wire}, scale: delayed}}")
    images, labels = _batch(rng, network)
    images[: BATCH // 2] = 0
    state, scales = _state(network, recipe), ScaleState()
    before = _bytes(state)
    with silent_overflow():
        machine = _step(network, recipe, state, (images, labels), kernels=kernels(), scales=scales)
    assert machine.context.skips_update
    assert scales.loss_scale.scale == largest / 2
    assert _bytes(state) == before
    assert scales.history == {}


def test_each_machine_draws_random_bits_of_its_own(recipe_of, rng):
    """The very same images twice: codes that are rounded at random differ, codes of weights are there once."""
    network = _network([*LAYERS[:3], {"dropout": {"rate": 0.5}}, *LAYERS[4:]])
    weight = "numerics.weight={format: int8, rounding: stochastic}"
    recipe = recipe_of("int8_range_bn", 2, weight, gradient="{format: int4, rounding: stochastic}")
    images, labels = _batch(rng, network)
    batch = np.concatenate([images[:4]] * 2), np.concatenate([labels[:4]] * 2)
    machine = _step(network, recipe, _state(network, recipe), batch)
    assert np.array_equal(*(machine.found["conv2d1.input" + end].data for end in ("", ".machine2")))
    for name in ("dropout1.output", "linear1.weight_gradient_sent"):
        assert not np.array_equal(*(machine.found[name + end].data for end in ("", ".machine2"))), name
    assert not any("weight_codes.machine2" in name for name in machine.found)
