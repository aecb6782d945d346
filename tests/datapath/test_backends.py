"""All backends give the same bits: single kernels, whole training steps, any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import BACKENDS, Datapath, NumpyKernels, choose_kernels
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.kernels.compiled.weight_gradient import MAX_STEPS
from accelsim.errors import UserError
from accelsim.formats import format_by_name
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.training import initial_state

LAYERS = [
    {"conv2d": {"filters": 12, "kernel": 3, "padding": 1, "bias": False}},
    "batch_norm",
    "relu",
    {
        "residual": {
            "body": [
                {"conv2d": {"filters": 20, "kernel": 3, "stride": 2, "padding": 1}},
                {"batch_norm": {"spread": "deviation"}},
            ],
            "shortcut": [{"conv2d": {"filters": 20, "kernel": 1, "stride": 2, "bias": False}}, "batch_norm"],
        }
    },
    "relu",
    {"average_pool2d": {"kernel": 2}},
    {"max_pool2d": {"kernel": 2, "stride": 1}},
    "flatten",
    {"linear": {"units": 5}},
]
OTHERS = {
    "compiled, 1 thread": lambda: CompiledKernels(1),
    "compiled, 3 threads": lambda: CompiledKernels(3),
    "compiled, no VNNI": lambda: CompiledKernels(2, use_vnni=False),
}


def _train(hw, kernels, steps, rng):
    network, optimizer = Network([parse_layer(layer) for layer in LAYERS], (12, 12, 3), 5), Sgd(learning_rate=0.05)
    parameters = network.trace(hw.recipe(), optimizer, 16).parameters
    machine = Datapath(hw.recipe(), initial_state(parameters, 3), seed=9, kernels=kernels, check=True)
    for step in range(steps):
        images = rng.normal(size=(16, 12, 12, 3)).astype(np.float32)
        labels = rng.integers(0, 5, size=16).astype(np.uint16)
        machine.begin_step(step, training=True, learning_rate=0.05)
        network.train_step(machine, optimizer, images, labels, 16)
    return machine.context


@pytest.mark.parametrize("other", OTHERS)
def test_training_steps(int8_machine, other):
    contexts = [
        _train(int8_machine, kernels, 10, np.random.Generator(np.random.PCG64(1)))
        for kernels in (NumpyKernels(), OTHERS[other]())
    ]
    assert contexts[0].ranges == contexts[1].ranges
    for name, value in contexts[0].state.items():
        np.testing.assert_array_equal(value, contexts[1].state[name], err_msg=name)


@pytest.mark.parametrize(
    ("batch", "size", "channels", "outputs", "kernel", "stride", "padding"),
    [
        (5, (7, 9), 3, 5, (3, 3), (1, 1), (1, 1)),
        (130, (4, 4), 16, 16, (3, 3), (1, 1), (1, 1)),
        (2, (9, 9), 40, 70, (3, 3), (2, 2), (1, 1)),
        (3, (6, 5), 17, 33, (1, 1), (2, 2), (0, 0)),
        (2, (5, 6), 4, 16, (2, 3), (1, 2), (0, 2)),
        (2, (8, 8), 3, 4, (3, 3), (1, 1), (3, 3)),
    ],
)
def test_convolutions(rng, batch, size, channels, outputs, kernel, stride, padding):
    """Extreme and random codes, channel counts that fill a vector and that don't."""
    narrow, wide = (Carrier.of(format_by_name("int8"), format_by_name(name)) for name in ("int8", "int16"))
    x = np.where(rng.random((batch, *size, channels)) < 0.3, -128, rng.integers(-128, 128, (batch, *size, channels)))
    w = np.where(
        rng.random((outputs, *kernel, channels)) < 0.3, 127, rng.integers(-128, 128, (outputs, *kernel, channels))
    )
    x, w = x.astype(np.int8), w.astype(np.int8)
    compiled, numpy = CompiledKernels(2), NumpyKernels()
    y = numpy.conv2d(x, w, stride, padding, narrow)
    g8 = rng.integers(-128, 128, y.shape).astype(np.int8)
    g16 = rng.choice([-32768, 32767, 5, -1], size=y.shape).astype(np.int16)
    results = [
        (
            kernels.conv2d(x, w, stride, padding, narrow),
            kernels.conv2d_backward_data(g8, w, stride, padding, x.shape, narrow),
            kernels.conv2d_backward_weights(x, g16, kernel, stride, padding, wide),
        )
        for kernels in (numpy, compiled)
    ]
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one.astype(np.int64), other.astype(np.int64))


def test_weight_gradient_at_the_edge_of_its_accumulator():
    """The most steps that one image may have, all codes at their extremes."""
    pixels = MAX_STEPS * 4
    x, g = np.full((1, 1, pixels, 1), -128, dtype=np.int8), np.full((1, 1, pixels, 1), -32768 + 255, dtype=np.int16)
    wide = Carrier.of(format_by_name("int8"), format_by_name("int16"))
    found = CompiledKernels(1).conv2d_backward_weights(x, g, (1, 1), (1, 1), (0, 0), wide)
    assert int(found.ravel()[0]) == -128 * (-32768 + 255) * pixels


def test_backends_are_found_by_name():
    assert {choose_kernels(name).name for name in BACKENDS} == set(BACKENDS)
    assert choose_kernels().name == BACKENDS[0]
    with pytest.raises(UserError, match="did you mean 'numpy'"):
        choose_kernels("nunpy")
