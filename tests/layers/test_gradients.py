"""Backward of every layer: against finite differences in double precision, and integers against floats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.formats import FloatFormat, Role, float_recipe
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network

FP64 = FloatFormat("fp64", 64, exponent_bits=11, mantissa_bits=52)
OPTIMIZER = Sgd(learning_rate=0.1)
STEP = 1e-5


def _run(network, recipe, state, batch, *, seed=1):
    """Loss and gradients by parameter name of one checked training step; the state is left as it was."""
    images, labels = batch
    machine = Datapath(recipe, dict(state), seed=seed, check=True)
    machine.begin_step(0, training=True, learning_rate=0.1)
    loss = network.train_step(machine, OPTIMIZER, images, labels, len(labels))
    gradients = {}
    for _, parameter, g in machine.gradients:
        gradients[parameter.name] = gradients.get(parameter.name, 0.0) + np.asarray(g.data, dtype=np.float64)
    return float(loss.loss.data[0]), gradients


def test_backward_equals_finite_differences(network, batch, draw_state, rng):
    _assert_finite_differences(network, float_recipe(FP64), batch, draw_state, rng)


@pytest.mark.parametrize("layer", ["batch_norm", {"layer_norm": {"axes": "all"}}, "rms_norm"])
@pytest.mark.parametrize(
    "norm",
    [
        {"spread": "range", "chunks": 4, "constant": "code"},
        {"spread": "range", "chunks": 16, "epsilon": 0.3, "epsilon_place": "outside"},
        {"spread": "range", "epsilon_place": "none"},
        {"spread": "deviation", "epsilon": 0.3, "epsilon_place": "inside"},
        {"spread": "deviation", "epsilon": 0.3, "epsilon_place": "outside"},
        {"spread": "l1", "epsilon": 0.3, "epsilon_place": "inside"},
        {"spread": "l1", "epsilon_place": "none"},
    ],
    ids=lambda norm: "-".join(map(str, norm.values())),
)
def test_backward_of_norm_variants(layer, norm, batch, draw_state, rng):
    recipe = float_recipe(FP64)
    layers = [{"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}, layer, "flatten", {"linear": {"units": 3}}]
    network = Network([parse_layer(found) for found in layers], batch[0].shape[1:], 3)
    _assert_finite_differences(network, replace(recipe, norm=replace(recipe.norm, **norm)), batch, draw_state, rng)


def _assert_finite_differences(network, recipe, batch, draw_state, rng):
    parameters = network.trace(recipe, OPTIMIZER, 8).parameters
    state = draw_state(parameters, "float64")
    _, gradients = _run(network, recipe, state, batch)
    assert set(gradients) == _learned(parameters) != set()
    for name, gradient in gradients.items():
        for flat in rng.choice(gradient.size, size=min(4, gradient.size), replace=False):
            at = np.unravel_index(flat, gradient.shape)
            losses = []
            for sign in (1, -1):
                moved = {**state, name: state[name].copy()}
                moved[name][at] += sign * STEP
                losses.append(_run(network, recipe, moved, batch)[0])
            slope = (losses[0] - losses[1]) / (2 * STEP)
            # The softmax rounds its exponentials to 40 bits: noise of about 1e-7 in the slope.
            np.testing.assert_allclose(gradient[at], slope, rtol=1e-4, atol=1e-5, err_msg=f"{name}{at}")


def _learned(parameters):
    """All that the optimizer moves: what is left out of the gradients would stay as it was drawn."""
    return {name for name, parameter in parameters.items() if parameter.role is Role.MASTER_WEIGHT}


def test_integer_gradients_point_the_same_way(network, batch, draw_state, int8_machine, fp32_machine):
    images, labels = batch
    batch = images.astype(np.float32) if images.dtype.kind == "f" else images, labels
    parameters = network.trace(fp32_machine.recipe(), OPTIMIZER, 8).parameters
    state = draw_state(parameters)
    integer, floating = (_run(network, _same_norm(hw), state, batch) for hw in (int8_machine, fp32_machine))
    assert abs(integer[0] - floating[0]) < 0.05 * floating[0] + 0.05
    assert set(integer[1]) == set(floating[1]) == _learned(parameters)
    for name, expected in floating[1].items():
        found = integer[1][name]
        if np.linalg.norm(expected) > 1e-3:
            cosine = (found * expected).sum() / (np.linalg.norm(found) * np.linalg.norm(expected))
            assert cosine > 0.9, (name, cosine)


def _same_norm(hw):
    """The hwconfig's recipe with ordinary batch norm where a layer leaves it to the machine."""
    changed = hw.model_copy(update={"norm_unit": hw.norm_unit.model_copy(update={"spread": "deviation"})})
    return changed.recipe()
