"""Convolutions in groups: against sums of Python integers, and against plain convolutions of each group."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.formats import Product, format_by_name
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.machine import Window
from accelsim.networks import Network
from accelsim.training import initial_state

geometry = st.fixed_dictionaries(
    {
        "size": st.tuples(st.integers(1, 6), st.integers(1, 6)),
        "kernel": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "padding": st.tuples(st.integers(0, 2), st.integers(0, 2)),
        "groups": st.integers(2, 4),
        "channels": st.integers(1, 2),
        "filters": st.integers(1, 3),
        "seed": st.integers(0, 10_000),
    }
).filter(lambda g: all(k <= s + 2 * p for k, s, p in zip(g["kernel"], g["size"], g["padding"], strict=True)))


def _codes(rng, bits, shape):
    """All codes, and often the lowest one."""
    low, high = -(1 << (bits - 1)), 1 << (bits - 1)
    storage = np.int8 if bits == 8 else np.int16
    return np.where(rng.random(shape) < 0.3, low, rng.integers(low, high, shape)).astype(storage)


def _terms(x, w, y, stride, padding):
    """Yield (output index, weight index, input index) of every product that is not padding."""
    filters, kernel, channels = w.shape[0], w.shape[1:3], w.shape[3]
    made = filters * channels // x.shape[3]
    for n, r, c, f in np.ndindex(*y.shape):
        for i, j, k in itertools.product(range(kernel[0]), range(kernel[1]), range(channels)):
            row, column = r * stride[0] + i - padding[0], c * stride[1] + j - padding[1]
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                yield (n, r, c, f), (f, i, j, k), (n, row, column, f // made * channels + k)


@settings(deadline=None, max_examples=40)
@given(g=geometry)
def test_convolution_and_its_gradients(kernels, g):
    rng, groups = np.random.Generator(np.random.PCG64(g["seed"])), g["groups"]
    stride, padding = g["stride"], g["padding"]
    x = _codes(rng, 8, (2, *g["size"], groups * g["channels"]))
    w = _codes(rng, 8, (groups * g["filters"], *g["kernel"], g["channels"]))
    narrow, wide = (Carrier.of(format_by_name("int8"), format_by_name(name)) for name in ("int8", "int16"))
    y = kernels.grouped_conv2d(x, w, stride, padding, narrow)
    grad8, grad16 = _codes(rng, 8, y.shape), _codes(rng, 16, y.shape)
    dx = kernels.grouped_conv2d_backward_data(grad8, w, stride, padding, x.shape, narrow)
    dw = kernels.grouped_conv2d_backward_weights(x, grad16, g["kernel"], stride, padding, groups, wide)
    expected = [np.zeros(a.shape, dtype=np.int64) for a in (y, x, w)]
    for out, weight, source in _terms(x, w, y, stride, padding):
        expected[0][out] += int(x[source]) * int(w[weight])
        expected[1][source] += int(grad8[out]) * int(w[weight])
        expected[2][weight] += int(x[source]) * int(grad16[out])
    for found, sums in zip((y, dx, dw), expected, strict=True):
        np.testing.assert_array_equal(np.asarray(found).astype(np.int64), sums)


ACCUMULATORS = {
    "wrap": ("int8_range_bn", "int16", {"overflow": "wrap"}),
    "saturate": ("int8_range_bn", "int16", {"overflow": "saturate"}),
    "saturate in runs and passes": ("int8_range_bn", "int16", {"overflow": "saturate", "order": 4, "slice_bits": 4}),
    "1-6-9 in chunks": ("fp32", "fp16_e6m9", {"chunk": 3}),
    "bf16 in runs": ("fp32", "bf16", {"order": 4}),
    "fp32 in chunks": ("fp32", "fp32", {"chunk": 2}),
}


@pytest.mark.parametrize("name", ACCUMULATORS)
@pytest.mark.parametrize(("groups", "channels", "filters"), [(2, 4, 6), (4, 4, 8), (3, 3, 3)])
@pytest.mark.parametrize("window", [Window((3, 3), (1, 1), (1, 1)), Window((3, 2), (2, 1), (1, 0))], ids=str)
def test_each_group_is_a_convolution(load, kernels, on_machine, operand, rng, name, groups, channels, filters, window):
    """In every kind of accumulator, and with a bias."""
    hwconfig, accumulator, changes = ACCUMULATORS[name]
    accumulators = dict.fromkeys(Product, format_by_name(accumulator))
    machine = on_machine(load(hwconfig), kernels, accumulators=accumulators, **changes)
    integer = hwconfig == "int8_range_bn"
    format_, wide = (format_by_name(name if integer else "fp32") for name in ("int8", "int32"))

    def drawn(name, shape, format_):
        draw = rng.integers(-128, 128, shape) if integer else rng.normal(size=shape).astype(np.float32)
        return operand(machine, name, format_, draw)

    def parts(tensor, axis):
        return [operand(machine, "part", tensor.format, part) for part in np.split(tensor.data, groups, axis)]

    x = drawn("x", (2, 5, 4, channels), format_)
    w = drawn("w", (filters, *window.kernel, channels // groups), format_)
    b = drawn("b", (filters,), wide)
    y = machine.conv2d(x, w, window, b)
    g = drawn("g", y.shape, format_)
    found = (
        y,
        machine.conv2d_backward_data(g, w, window, x.shape),
        machine.conv2d_backward_weights(x, g, window, groups),
    )
    each = zip(parts(x, 3), parts(w, 0), parts(b, 0), parts(g, 3), strict=True)
    alone = [
        (
            machine.conv2d(x, w, window, b).data,
            machine.conv2d_backward_data(g, w, window, x.shape).data,
            machine.conv2d_backward_weights(x, g, window).data,
        )
        for x, w, b, g in each
    ]
    for axis, whole, *separate in zip((3, 3, 0), found, *alone, strict=True):
        np.testing.assert_array_equal(whole.data, np.concatenate([np.asarray(part) for part in separate], axis))


def test_backends_train_a_separable_network_alike(int8_machine, make_datapath, rng):
    layers = [
        {"conv2d": {"filters": 8, "kernel": 3, "padding": 1, "bias": False}},
        *("batch_norm", "relu"),
        {"conv2d": {"filters": 8, "kernel": 3, "stride": 2, "padding": 1, "groups": 8, "bias": False}},
        *("batch_norm", "relu"),
        {"conv2d": {"filters": 12, "kernel": 3, "groups": 2}},
        "global_average_pool",
        {"linear": {"units": 4}},
    ]
    network, optimizer = Network([parse_layer(layer) for layer in layers], (9, 9, 3), 4), Sgd(learning_rate=0.05)
    parameters = network.trace(int8_machine.recipe(), optimizer, 8).parameters
    images, labels = rng.normal(size=(8, 9, 9, 3)).astype(np.float32), rng.integers(0, 4, 8).astype(np.uint16)
    states = []
    for kernels in (NumpyKernels(), CompiledKernels(2, grain=64)):
        machine = make_datapath(int8_machine, initial_state(parameters, 3))
        machine.context.kernels = kernels
        for step in range(4):
            machine.begin_step(step, training=True, learning_rate=0.05)
            network.train_step(machine, optimizer, images, labels, 8)
        states.append(machine.context.state)
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)
