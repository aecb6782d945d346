"""How often the host waits for the device: arrays are fetched together, once, and a step's waits are counted."""

from __future__ import annotations

import gc
from collections import Counter

import numpy as np
import pytest

from accelsim.datapath import Datapath, Observation
from accelsim.datapath.divergence import finite_loss
from accelsim.datapath.kernels.gpu import CudaKernels
from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.training import initial_state

OPTIMIZER = Sgd(learning_rate=0.1, momentum=0.9)
BATCH, IMAGE, CLASSES = 4, (8, 8, 3), 3
BLOCK = ["batch_norm", "relu", {"conv2d": {"filters": 6, "kernel": 3, "padding": 1, "bias": False}}, "batch_norm"]
LAYERS = [
    *({"conv2d": {"filters": 6, "kernel": 3, "padding": 1, "bias": False}}, {"residual": {"body": BLOCK}}, "relu"),
    *("flatten", {"linear": {"units": CLASSES}}),
]


def _machine(root, network, kernels):
    """A datapath before its first step, images and labels."""
    hw, rng = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml"), np.random.default_rng(3)
    state = initial_state(network.trace(hw.recipe(), OPTIMIZER, BATCH).parameters, 5, hw.recipe())
    machine = Datapath(hw.recipe(), state, seed=1, kernels=kernels)
    images = rng.normal(size=(BATCH, *IMAGE)).astype(np.float32)
    return machine, images, rng.integers(0, CLASSES, BATCH).astype(np.uint16)


@pytest.fixture
def fetches(strict):
    """How many transfers brought something to the host since this was last asked."""
    module, seen = type(strict), [type(strict).fetched]

    def since() -> int:
        seen.append(module.fetched)
        return seen[-1] - seen[-2]

    return since


def test_arrays_come_together_and_once(strict, host_launcher, fetches, rng):
    kernels, host = CudaKernels(strict, host_launcher), [np.arange(5, dtype="int16"), rng.normal(size=(2, 3))]
    arrays = [strict.asarray(x) for x in (*host, np.array(True), np.zeros((0, 3), dtype="int32"))]
    for found, expected in zip(kernels.on_host(*arrays), [*host, True, np.zeros((0, 3))], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert fetches() == 1
    assert kernels.on_host(arrays[1])[0].dtype == "float64"
    assert fetches() == 0
    with pytest.raises(ValueError, match="read-only"):
        kernels.on_host(arrays[0])[0][0] = 1


def test_expected_peaks_come_with_the_first(strict, host_launcher, fetches):
    kernels = CudaKernels(strict, host_launcher)
    weights = [strict.asarray(np.full(3, k, dtype="float32")) for k in range(4)]
    for x in weights:
        kernels.expect_peak(x)
    del x
    weights.pop()  # nobody asks for what is gone
    assert kernels.largest_magnitude(strict.asarray(np.array([-7]))) == 7.0
    assert fetches() == 1
    assert kernels.largest_magnitudes(*weights) == [0.0, 1.0, 2.0]
    assert fetches() == 0


def test_what_a_step_found_is_forgotten(strict, host_launcher):
    """By the next step, whose arrays may have been written to; and with an array that is let go."""
    kernels, x = CudaKernels(strict, host_launcher), strict.asarray(np.array([3, -4]))
    assert kernels.largest_magnitude(x) == 4.0
    assert kernels.on_host(x)[0].tolist() == [3, -4]
    x[0] = 9
    kernels.forget()
    assert kernels.largest_magnitude(x) == 9.0
    assert kernels.on_host(x)[0].tolist() == [9, -4]
    del x
    gc.collect()
    assert not kernels._peaks._found
    assert not kernels._copies._found


def test_a_step_waits_for_scales_alone(root, strict, host_launcher, fetches):
    """Once for each tensor that is rounded under a range of its own, once for each norm and each addition; the ranges
    of all parameters come with that of the images. Then once for loss and answers, and twice for a logged row."""
    network = Network([parse_layer(layer) for layer in LAYERS], IMAGE, CLASSES)
    machine, images, labels = _machine(root, network, CudaKernels(strict, host_launcher))
    for step in range(3):
        machine.begin_step(step, training=True, learning_rate=0.05)
        fetches()
        outcome = network.train_step(machine, OPTIMIZER, images, labels, BATCH)
        waits = fetches()
    finite_loss(machine.context, outcome.loss, outcome.logits)
    assert fetches() == 1
    machine.context.observation = seen = Observation(quantisers=False)
    machine.begin_step(step, training=True)
    network.train_step(machine, OPTIMIZER, images, labels, BATCH)
    assert fetches() == waits
    assert min(seen.gradient_norm, seen.weight_norm) > 0
    assert fetches() == 2
    program = machine.program
    kept = {place for place, tensor in enumerate(program.tensors) if tensor.persistent}
    rounded = {op.inputs[0] for op in program.operations if op.opcode in ("quantise", "requantise")} - kept
    opcodes = Counter(op.opcode for op in program.operations)
    assert waits == len(rounded) + opcodes["normalise"] + opcodes["add"]
    assert waits == 14


def test_a_step_sends_few_arrays(root, strict, host_launcher):
    """Images and labels; multipliers of a norm forward, with its offsets, and backward; the scales of a gain's
    gradient."""
    network = Network([parse_layer(layer) for layer in LAYERS], IMAGE, CLASSES)
    machine, images, labels = _machine(root, network, CudaKernels(strict, host_launcher))
    machine.begin_step(0, training=True)
    before = type(strict).sent
    network.train_step(machine, OPTIMIZER, images, labels, BATCH)
    norms = sum(op.opcode == "normalise" for op in machine.program.operations)
    assert type(strict).sent - before == 2 + 3 * norms == 8
