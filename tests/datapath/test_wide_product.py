"""Products of 16-bit codes: all backends, any number of threads, at the ends of the codes and of the sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import Datapath, NumpyKernels
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.kernels.compiled.wide.tile import MAX_STEPS, PAIR
from accelsim.formats import format_by_name
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.training import initial_state

WORDS = Carrier.of(format_by_name("int16"), format_by_name("int16"))
MIXED = Carrier.of(format_by_name("int16"), format_by_name("int8"))
STORAGES = [("int16", "int16"), ("int16", "int8"), ("int8", "int16")]
BACKENDS = {
    "compiled, 1 thread": CompiledKernels(1),
    "compiled, 3 threads": CompiledKernels(3, grain=64),
    "compiled, no VNNI": CompiledKernels(2, use_vnni=False, grain=64),
}


def _carrier(*storages):
    return WORDS if set(storages) == {"int16"} else MIXED


def _codes(rng, storage, shape):
    """Half of them at either end."""
    limits = np.iinfo(storage)
    anything = rng.integers(limits.min, limits.max, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.5, rng.choice([limits.min, limits.max], shape), anything).astype(storage)


@settings(deadline=None, max_examples=50)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 40), st.integers(1, 40)),
    storages=st.sampled_from(STORAGES),
    turned=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_matrices(kernels, shape, storages, turned, seed):
    """Odd and even lengths of the reduction, down to 1; operands that lie the other way round in memory."""
    rng = np.random.Generator(np.random.PCG64(seed))
    (m, k, n), (left, right) = shape, storages
    a, b = _codes(rng, left, (m, k)), _codes(rng, right, (k, n))
    if turned:
        a, b = np.asfortranarray(a), np.asfortranarray(b)
    found = np.asarray(kernels.matmul(a, b, _carrier(left, right)))
    assert found.astype(np.int64).tolist() == (a.astype(object) @ b.astype(object)).tolist()


DIGITS = [(-32768, -32768), (-32768, 32767), (32767, 32640), (-32768, 128), (32767, -129)]
WHOLE = [(8192, 8192), (-8192, 8191), (4096, -16384), (-32768, 2048), (1, -32768), (0, 32767)]


@pytest.mark.parametrize("terms", [30, 31, 33, PAIR * MAX_STEPS, PAIR * MAX_STEPS + 1, 4 * PAIR * MAX_STEPS + 3])
@pytest.mark.parametrize(("a", "b"), DIGITS + WHOLE)
def test_sums_at_the_edge_of_a_flush(kernels, terms, a, b):
    """All codes alike: the largest digits of either sign, and words that fit 32 bits for one step less and more."""
    left, right = np.full((9, terms), a, dtype=np.int16), np.full((terms, 17), b, dtype=np.int16)
    product = kernels.matmul(left, right, WORDS)
    assert np.unique(product).tolist() == [a * b * terms]
    assert kernels.largest_magnitude(product) == abs(a * b * terms)
    x, g = left.reshape(1, 1, -1, 9), right.reshape(1, 1, -1, 17)
    gradient = kernels.conv2d_backward_weights(x, g, (1, 1), (1, 1), (0, 0), WORDS)
    assert np.unique(gradient).tolist() == [a * b * terms]


@pytest.mark.parametrize("other", BACKENDS)
@pytest.mark.parametrize("storages", STORAGES)
@pytest.mark.parametrize(
    ("batch", "size", "channels", "outputs", "kernel", "stride", "padding"),
    [
        (5, (7, 9), 3, 5, (3, 3), (1, 1), (1, 1)),
        (34, (4, 4), 16, 16, (3, 3), (1, 1), (1, 1)),
        (3, (9, 9), 66, 70, (3, 3), (2, 2), (1, 1)),
        (3, (6, 5), 17, 33, (1, 1), (2, 2), (0, 0)),
        (2, (5, 6), 4, 16, (2, 3), (1, 2), (0, 2)),
        (3, (9, 10), 7, 18, (5, 5), (3, 2), (1, 4)),
        (2, (7, 300), 2, 3, (1, 3), (1, 1), (0, 1)),
        (1, (1, 1), 1, 1, (1, 1), (1, 1), (0, 0)),
    ],
)
def test_convolutions(rng, other, storages, batch, size, channels, outputs, kernel, stride, padding):
    """Channels that fill pairs and vectors and that don't, reductions of several flushes, odd batches."""
    left, right = storages
    x, w = _codes(rng, left, (batch, *size, channels)), _codes(rng, right, (outputs, *kernel, channels))
    carrier, tiles, blas = _carrier(left, right), BACKENDS[other], NumpyKernels()
    y = blas.conv2d(x, w, stride, padding, carrier)
    g, h = _codes(rng, left, y.shape), _codes(rng, right, y.shape)
    for one, expected in (
        (tiles.conv2d(x, w, stride, padding, carrier), y),
        [k.conv2d_backward_data(g, w, stride, padding, x.shape, carrier) for k in (tiles, blas)],
        [k.conv2d_backward_weights(x, h, kernel, stride, padding, carrier) for k in (tiles, blas)],
    ):
        np.testing.assert_array_equal(np.asarray(one).astype(np.int64), expected.astype(np.int64))
        assert tiles.largest_magnitude(one) == blas.largest_magnitude(expected)


@settings(deadline=None, max_examples=50)
@given(bits=st.tuples(st.integers(1, 15), st.integers(1, 15)), k=st.integers(1, 150), seed=st.integers(0, 10_000))
def test_matrices_of_any_magnitude(kernels, bits, k, seed):
    """Codes that fill all of their bits and that don't, so that sums are flushed after any number of steps."""
    rng = np.random.Generator(np.random.PCG64(seed))
    a, b = (rng.integers(-(1 << n), 1 << n, shape) for n, shape in zip(bits, [(9, k), (k, 18)], strict=True))
    found = kernels.matmul(a.astype(np.int16), b.astype(np.int16), WORDS)
    np.testing.assert_array_equal(found.astype(np.int64), a @ b)


@pytest.mark.parametrize("other", BACKENDS)
def test_training_steps_of_flexpoint(load, rng, other):
    hw = load("flexpoint")
    layers = [
        {"conv2d": {"filters": 6, "kernel": 3, "padding": 1, "bias": False}},
        "batch_norm",
        "relu",
        {"conv2d": {"filters": 20, "kernel": 3, "stride": 2, "padding": 1}},
        "flatten",
        {"linear": {"units": 5}},
    ]
    images, labels = rng.normal(size=(9, 7, 7, 3)).astype(np.float32), rng.integers(0, 5, size=9).astype(np.uint16)
    network, optimizer = Network([parse_layer(layer) for layer in layers], (7, 7, 3), 5), Sgd(learning_rate=0.05)
    contexts = []
    for kernels in (NumpyKernels(), BACKENDS[other]):
        state = initial_state(network.trace(hw.recipe(), optimizer, 9).parameters, 3)
        machine = Datapath(hw.recipe(), state, seed=9, kernels=kernels, check=True)
        for step in range(4):
            machine.begin_step(step, training=True, learning_rate=0.05)
            network.train_step(machine, optimizer, images, labels, 9)
        contexts.append(machine.context)
    assert contexts[0].scales == contexts[1].scales
    for name, value in contexts[0].state.items():
        np.testing.assert_array_equal(value, contexts[1].state[name], err_msg=name)
