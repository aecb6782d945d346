"""Every layer and every branch on both CPU backends, with nothing read on the way: a run that checks each result makes
what a training leaves to the pass that joins it."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import Datapath, NumpyKernels
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network

OPTIMIZER = Sgd(learning_rate=0.05)
CONV = {"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}
SPREADS = ("range", "l1")
FIRST = {
    **{f"{kind} {spread}": {kind: {"spread": spread}} for kind in ("batch_norm", "rms_norm") for spread in SPREADS},
    **{kind: kind for kind in ("relu", "silu")},
    "conv2d": CONV,
}
BRANCHES = {
    "residual": lambda layer: {"residual": {"body": [layer]}},
    "residual projected": lambda layer: {"residual": {"body": [CONV], "shortcut": [layer]}},
    "concat": lambda layer: {"concat": {"second": [layer]}},
    "gated": lambda layer: {"gated": {"gate": [layer]}},
}


def _assert_alike(hw, network, batch, draw_state):
    images, labels = batch
    state = draw_state(network.trace(hw.recipe(), OPTIMIZER, 8).parameters)
    images = images.astype(np.float32) if images.dtype.kind == "f" else images
    found = []
    for kernels in (NumpyKernels(), CompiledKernels(), CompiledKernels(3, grain=64)):
        held = {name: value.copy() for name, value in state.items()}
        machine = Datapath(hw.recipe(), held, seed=1, kernels=kernels)
        for step in range(2):
            machine.begin_step(step, training=True, learning_rate=0.05)
            network.train_step(machine, OPTIMIZER, images, labels, 8)
        found.append({name: np.asarray(value).tobytes() for name, value in machine.context.state.items()})
    assert found[0] == found[1] == found[2]


def test_every_layer(int8_machine, network, batch, draw_state):
    _assert_alike(int8_machine, network, batch, draw_state)


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("branch", BRANCHES)
def test_what_a_branch_begins_with(int8_machine, batch, draw_state, branch, first):
    """Its gradient is added to that of the other branch."""
    layers = [CONV, BRANCHES[branch](FIRST[first]), "flatten", {"linear": {"units": 3}}]
    network = Network([parse_layer(layer) for layer in layers], (6, 6, 2), 3)
    _assert_alike(int8_machine, network, batch, draw_state)
