"""Loss scaling of whole networks: the bits of training without it where no number leaves fp32, and skipped steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath, NumpyKernels, ScaleState
from accelsim.datapath.divergence import silent_overflow
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.formats import Adaptation, LossScale
from accelsim.hardware import load_hwconfig
from accelsim.layers import OPTIMIZERS, AdamW, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.program import Phase
from accelsim.training import initial_state

BATCH, SHAPE, CLASSES = 8, (6, 6, 2), 3
CONV = {"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}
LAYERS = [CONV, "batch_norm", "relu", {"recompute": {"body": [CONV, "batch_norm", "relu"]}}]
LAYERS += ["flatten", {"linear": {"units": CLASSES}}]
SCALES = {"static": LossScale(2.0**13), "dynamic": LossScale(2.0**13, Adaptation())}
SGD = Sgd(learning_rate=0.05, weight_decay=1e-2)


def _network():
    return Network([parse_layer(layer) for layer in LAYERS], SHAPE, CLASSES)


def _fp16(root, *settings):
    return load_hwconfig(root / "hwconfigs" / "fp16_mixed.yaml", settings).recipe()


def _bytes(state):
    return {name: np.asarray(value).tobytes() for name, value in state.items()}


def _batches(rng, steps):
    for _ in range(steps):
        yield rng.normal(size=(BATCH, *SHAPE)).astype(np.float32), rng.integers(0, CLASSES, BATCH).astype(np.uint16)


def _trained(network, recipe, optimizer, batches, parts=1, kernels=None):
    """The machine after the last step, and the state after each."""
    state = initial_state(network.trace(recipe, optimizer, BATCH).parameters, 5, recipe)
    machine, states = Datapath(recipe, state, seed=1, scales=ScaleState(), kernels=kernels, check=True), []
    for step, batch in enumerate(batches):
        machine.begin_step(step, training=True, learning_rate=0.05)
        with silent_overflow():
            network.train_in_parts(machine, optimizer, *batch, len(batch[1]), parts)
        states.append(_bytes(machine.context.state))
    return machine, states


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("optimizer", [SGD, AdamW(learning_rate=0.01, clip_norm=0.01)], ids=["sgd", "clipped adamw"])
def test_every_layer_has_the_bits_of_training_without(fp32_machine, network, batch, scale, optimizer):
    """Each gradient is a multiple by a power of two, and fp32 has room for it."""
    images, found = (batch[0].astype(np.float32) if batch[0].dtype.kind == "f" else batch[0]), []
    for rule in (None, SCALES[scale]):
        recipe = replace(fp32_machine.recipe(), loss_scale=rule)
        state = initial_state(network.trace(recipe, optimizer, 8).parameters, 5)
        machine = Datapath(recipe, state, seed=1, check=True)
        for step in range(3):
            machine.begin_step(step, training=True, learning_rate=0.1)
            network.train_step(machine, optimizer, images, batch[1], 8)
        found.append(_bytes(machine.context.state))
    assert found[0] == found[1]


@pytest.mark.parametrize("kernels", [NumpyKernels, CompiledKernels])
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_bf16_in_parts_and_made_again(root, rng, kernels, parts, rounding):
    role = f"{{format: bf16, rounding: {rounding}}}"
    hw = load_hwconfig(
        root / "hwconfigs" / "bf16.yaml",
        [f"numerics.{name}={role}" for name in ("weight_gradient", "layer_gradient_data_path", "master_weight")],
    )
    batches, found = list(_batches(rng, 3)), []
    for rule in (None, *SCALES.values()):
        recipe = replace(hw.recipe(), loss_scale=rule)
        found.append(_trained(_network(), recipe, SGD, batches, parts, kernels())[1])
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("optimizer", [SGD, AdamW(learning_rate=0.01), AdamW(learning_rate=0.01, clip_norm=0.5)])
@pytest.mark.parametrize("parts", [1, 4])
def test_a_step_that_overflows_moves_running_statistics_alone(root, rng, parts, optimizer):
    """Those were moved in the forward pass. The steps behind are those of a run that began with these statistics."""
    recipe = _fp16(root, "numerics.loss_scale={initial: 16777216, backoff: 0.0001220703125}")
    network, batches = _network(), list(_batches(rng, 3))
    machine, states = _trained(network, recipe, optimizer, batches, parts)
    first = _bytes(initial_state(network.trace(recipe, optimizer, BATCH).parameters, 5, recipe))
    moved = {name for name, value in states[0].items() if value != first[name]}
    assert moved
    assert all(".running_" in name for name in moved)
    assert machine.context.skipped_steps == 1
    assert machine.context.loss_scale == 2.0**11
    unmoved = {name for name, value in states[1].items() if value == states[0][name]}
    assert not {name for name in unmoved if not name.endswith("bias")}  # a bias before a norm has no gradient


def test_repeated_and_fresh_steps_scale_alike(root, rng):
    """The scale isn't in the calls that a machine writes down: it moves while they are repeated."""
    recipe, network = _fp16(root, "numerics.loss_scale={initial: 16777216, interval: 2}"), _network()
    batches = list(_batches(rng, 24))
    machine, states = _trained(network, recipe, SGD, batches)
    state = initial_state(network.trace(recipe, SGD, BATCH).parameters, 5, recipe)
    scales, seen = ScaleState(), set()
    for step, batch in enumerate(batches):
        fresh = Datapath(recipe, state, seed=1, scales=ScaleState.from_plain(scales.to_plain()))
        fresh.begin_step(step, training=True, learning_rate=0.05)
        with silent_overflow():
            network.train_step(fresh, SGD, *batch, BATCH)
        scales = fresh.context.scales
        seen.add((fresh.context.skips_update, fresh.context.loss_scale))
        assert _bytes(fresh.context.state) == states[step]
    assert scales == machine.context.scales
    assert len({scale for _, scale in seen}) > 3
    assert {skips for skips, _ in seen} == {True, False}


@pytest.mark.parametrize("hwconfig", ["fp8_hybrid", "nvfp4"])
@pytest.mark.parametrize("product", ["data_gradient", "weight_gradient"])
def test_accumulators_that_overflow_in_the_backward_pass_are_survived(root, rng, hwconfig, product):
    """Where gradients have scales of their own the quantise unit meets the infinities."""
    settings = [f"mac_array.accumulators.{product}=fp16", "numerics.loss_scale={initial: 16777216, backoff: 0.5}"]
    recipe = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", settings).recipe()
    machine, states = _trained(_network(), recipe, SGD, _batches(rng, 2))
    skipped = machine.context.skipped_steps
    weights = [{name: value for name, value in state.items() if ".running_" not in name} for state in states]
    assert skipped == 2
    assert weights[0] == weights[1]


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize("scale", [None, *SCALES])
def test_what_scaling_costs(fp32_machine, kind, clip_norm, scale):
    """A check of every gradient before the first update, if no norm is measured; a multiplication an element."""
    optimizer = OPTIMIZERS[kind](learning_rate=0.1, **({} if clip_norm is None else {"clip_norm": clip_norm}))
    programs = []
    for rule in (None, SCALES.get(scale)):
        recipe = replace(fp32_machine.recipe(), loss_scale=rule)
        programs.append(_network().trace(recipe, optimizer, BATCH).program)
    plain, program = programs
    update = [op for op in program.operations if op.phase is Phase.UPDATE]
    parameters = sum(op.opcode == kind for op in update)
    checks = ["sum_of_squares"] * parameters + ["clip_factor"] if clip_norm else []
    if scale == "dynamic" and not clip_norm:
        checks = ["find_overflow"] * parameters + ["unscale_factor"]
        factor = update[parameters]
        assert factor.layer == "loss_scale"
        assert [op.inputs[0] for op in update[:parameters]] == [op.inputs[1] for op in update[parameters + 1 :]]
        assert {op.inputs[2] for op in update[parameters + 1 :]} == set(factor.outputs)
        for op in update[:parameters]:
            assert (op.work.elements, op.work.multiplies, op.work.adds) == (
                program.tensors[op.inputs[0]].elements,
                0,
                1,
            )
    assert [op.opcode for op in update] == [*checks, *[kind] * parameters]
    multiplies = [
        {op.opcode: op.work.multiplies for op in each.operations if op.work is not None} for each in (plain, program)
    ]
    more = {name: count - multiplies[0].get(name, 0) for name, count in multiplies[1].items()}
    expected = dict.fromkeys(multiplies[1], 0)
    if scale:
        expected |= {"sum_of_squares": 1} if clip_norm else {kind: 1}
    if scale and clip_norm:
        expected["clip_factor"] = pytest.approx(1 / parameters)
    assert more == expected
