"""Norm layers in evaluation: layer norm is as in training, batch norm uses its running averages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.formats import Role
from accelsim.layers import BatchNorm, LayerNorm, RmsNorm, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.layers.spread import CODE_FACTOR, L1_FACTOR, range_constant
from accelsim.networks import Network

OPTIMIZER = Sgd(learning_rate=0.1)


def _forward(m, layer, x, *, training):
    m.begin_step(0, training=training)
    y, _ = layer.forward(m, m.external("x", x.shape, m.recipe[Role.INPUT].format, Role.INPUT, x))
    return y.data * y.scale


def _state(channels, **values):
    fills = {"gamma": 1.0, "beta": 0.0, "running_mean": 0.0, **values}
    return {f"norm.{name}": np.full(channels, value, dtype=np.float32) for name, value in fills.items()}


@pytest.mark.parametrize("hw", ["int8_machine", "fp32_machine"])
@pytest.mark.parametrize("axes", ["last", "all"])
@pytest.mark.parametrize("spread", ["range", "deviation", "l1"])
def test_layer_norm_knows_no_evaluation(hw, axes, spread, rng, request):
    """The same in both, and of each sample alone: the scale of its input is all that a batch shares."""
    x = rng.normal(size=(4, 3, 3, 6)).astype(np.float32)
    x[0] *= np.float32(2 * np.abs(x).max() / np.abs(x[0]).max())
    m = Datapath(request.getfixturevalue(hw).recipe(), _state(6), seed=1, check=True)
    layer = LayerNorm(name="norm", axes=axes, spread=spread)
    trained = _forward(m, layer, x, training=True)
    np.testing.assert_array_equal(trained, _forward(m, layer, x, training=False))
    np.testing.assert_array_equal(trained[:2], _forward(m, layer, x[:2], training=False))
    over = (3,) if axes == "last" else (1, 2, 3)
    assert np.all(np.abs(trained.mean(axis=over)) < 0.02)
    if spread == "deviation":
        np.testing.assert_allclose(trained.std(axis=over), 1, atol=0.02)


@pytest.mark.parametrize("hw", ["int8_machine", "fp32_machine"])
@pytest.mark.parametrize("axes", ["last", "all"])
@pytest.mark.parametrize("spread", ["range", "deviation", "l1"])
def test_rms_norm_knows_no_evaluation_and_leaves_means(hw, axes, spread, rng, request):
    """As layer norm; but each sample is only multiplied, so its mean and deviation keep their ratio."""
    x = (rng.normal(size=(4, 3, 3, 6)) + 1).astype(np.float32)
    x[0] *= np.float32(2 * np.abs(x).max() / np.abs(x[0]).max())
    m = Datapath(request.getfixturevalue(hw).recipe(), _state(6), seed=1, check=True)
    layer = RmsNorm(name="norm", axes=axes, spread=spread)
    trained = _forward(m, layer, x, training=True)
    np.testing.assert_array_equal(trained, _forward(m, layer, x, training=False))
    np.testing.assert_array_equal(trained[:2], _forward(m, layer, x[:2], training=False))
    over = (3,) if axes == "last" else (1, 2, 3)
    ratios = trained.mean(axis=over) / trained.std(axis=over), x.mean(axis=over) / x.std(axis=over)
    np.testing.assert_allclose(*ratios, rtol=0.1, atol=0.1)
    measured = {
        "deviation": np.sqrt((trained**2).mean(axis=over)),
        "range": 2 * np.abs(trained).max(axis=over) * range_constant(6 if axes == "last" else 54, 1, "paper")[1],
        "l1": np.abs(trained).mean(axis=over) * L1_FACTOR,
    }
    np.testing.assert_allclose(measured[spread], 1, atol=0.02)


@pytest.mark.parametrize("average", ["spread", "inverse"])
@pytest.mark.parametrize("hw", ["int8_machine", "fp32_machine"])
def test_batch_norm_repeats_training_where_the_batch_does(average, hw, rng, request):
    """Running averages without memory of the past are the batch's own, in either convention."""
    recipe = request.getfixturevalue(hw).recipe()
    recipe = replace(recipe, norm=replace(recipe.norm, running_average=average))
    state = _state(5, **{f"running_{average}": 1.0})
    m = Datapath(recipe, state, seed=1, check=True)
    layer = BatchNorm(name="norm", running_momentum=0)
    x = (3 * rng.normal(size=(8, 2, 2, 5)) + 1).astype(np.float32)
    trained = _forward(m, layer, x, training=True)
    np.testing.assert_allclose(trained, _forward(m, layer, x, training=False), atol=1e-4)


def test_constants_of_the_range():
    assert pytest.approx(0.540208, abs=1e-6) == CODE_FACTOR
    assert range_constant(1024, 1, "paper") == (1, pytest.approx(1 / np.sqrt(2 * np.log(1024))))
    assert range_constant(1024, 16, "code") == (16, pytest.approx(CODE_FACTOR / np.sqrt(2 * np.log(64))))
    assert range_constant(30, 16, "paper")[0] == 15
    assert range_constant(31, 16, "paper")[0] == 1


@pytest.mark.parametrize(
    ("layer", "size"),
    [("layer_norm", (4, 4, 1)), ({"layer_norm": {"axes": "all"}}, (1, 1, 1)), ("rms_norm", (4, 4, 1))],
)
def test_layer_norm_needs_two_values(fp32_machine, layer, size):
    network = Network([parse_layer(found) for found in (layer, "flatten", {"linear": {"units": 3}})], size, 3)
    with pytest.raises(Exception, match="normalises over 1 value"):
        network.trace(fp32_machine.recipe(), OPTIMIZER, 8)


@pytest.mark.parametrize("layer", ["batch_norm", "layer_norm"])
def test_a_new_norm_neither_scales_nor_moves(layer, int8_machine):
    network = Network([parse_layer(found) for found in (layer, "flatten", {"linear": {"units": 3}})], (4, 4, 2), 3)
    parameters = network.trace(int8_machine.recipe(), OPTIMIZER, 4).parameters
    starts = {name.rpartition(".")[2]: (p.std, p.fill) for name, p in parameters.items() if layer in name}
    assert (starts["gamma"], starts["beta"]) == ((0.0, 1.0), (0.0, 0.0))
