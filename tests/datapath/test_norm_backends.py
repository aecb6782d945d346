"""Training steps through every norm give the same bits on all backends, on slices of several threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath, NumpyKernels
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.training import initial_state

OPTIMIZER = Sgd(learning_rate=0.05)


def _train(recipe, kernels, norms, *, check):
    layers = [{"conv2d": {"filters": 24, "kernel": 3, "padding": 1}}, *norms, "global_average_pool"]
    network = Network([parse_layer(layer) for layer in [*layers, {"linear": {"units": 5}}]], (12, 12, 3), 5)
    machine = Datapath(recipe, {}, seed=9, kernels=kernels, check=check)
    machine.context.state.update(initial_state(network.trace(recipe, OPTIMIZER, 32).parameters, 3))
    rng = np.random.Generator(np.random.PCG64(1))
    for step in range(3):
        images = rng.normal(size=(32, 12, 12, 3)).astype(np.float32)
        labels = rng.integers(0, 5, size=32).astype(np.uint16)
        machine.begin_step(step, training=True, learning_rate=0.05)
        network.train_step(machine, OPTIMIZER, images, labels, 32)
    return machine.context.state


@pytest.mark.parametrize("epsilon", ["none", "inside", "outside"])
@pytest.mark.parametrize("spread", ["range", "deviation", "l1"])
def test_training_steps(int8_machine, spread, epsilon):
    recipe = int8_machine.recipe()
    rule = replace(recipe.norm, spread=spread, chunks=4, epsilon=0.01, epsilon_place=epsilon, running_average="inverse")
    norms = ["batch_norm", "relu", "layer_norm", {"layer_norm": {"axes": "all"}}, "rms_norm"]
    rules, threads = replace(recipe, norm=rule), CompiledKernels(3)
    expected = _train(rules, NumpyKernels(), norms, check=True)
    for found in (_train(rules, threads, norms, check=check) for check in (True, False)):
        for name, value in expected.items():
            np.testing.assert_array_equal(value, found[name], err_msg=name)
