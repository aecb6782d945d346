"""A machine that repeats a step computes what layers asked anew would have it compute, for every kind of layer."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import Datapath, ScaleState
from accelsim.layers import AdamW, Sgd
from accelsim.training import initial_state


@pytest.mark.parametrize("optimizer", [Sgd(learning_rate=0.05, weight_decay=1e-4), AdamW(learning_rate=0.01)])
@pytest.mark.parametrize("hwconfig", ["int8_machine", "fp32_machine"])
def test_every_layer(hwconfig, optimizer, network, batch, request):
    recipe = request.getfixturevalue(hwconfig).recipe()
    images = batch[0].astype(np.float32) if batch[0].dtype.kind == "f" else batch[0]
    parameters = network.trace(recipe, optimizer, 8).parameters
    states, scales = [initial_state(parameters, 5) for _ in range(2)], [ScaleState(), ScaleState()]
    repeating = Datapath(recipe, states[0], seed=1, scales=scales[0], check=True)
    for step in range(6):
        fresh, losses = Datapath(recipe, states[1], seed=1, scales=scales[1]), []
        for machine in (repeating, fresh):
            machine.begin_step(step, training=step % 3 != 1, learning_rate=0.1 / (step + 1))
            if step % 3 == 1:
                outcome = network.forward(machine, images, batch[1], 8)
            else:
                outcome = network.train_step(machine, optimizer, images, batch[1], 8)
            losses.append(float(outcome.loss.data[0]))
        assert losses[0] == losses[1]
        assert repeating.program == fresh.program
    assert scales[0] == scales[1]
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)
