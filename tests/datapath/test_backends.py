"""Both backends give the same integers: single kernels, whole training steps, any number of threads."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from accelsim.datapath import BACKENDS, Datapath, NumpyKernels, choose_kernels
from accelsim.datapath.kernels import Carrier, RandomStream
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.kernels.compiled.gradient_blocks import MAX_STEPS
from accelsim.datapath.kernels.compiled.notes import Notes
from accelsim.datapath.kernels.compiled.workers import Workers
from accelsim.errors import UserError
from accelsim.formats import FixedPointMultiplier, format_by_name
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
PAIR = (NumpyKernels(), CompiledKernels(2, grain=64))
OTHERS = {
    "compiled, 1 thread": lambda: CompiledKernels(1),
    "compiled, 3 threads": lambda: CompiledKernels(3, grain=64),
    "compiled, no VNNI": lambda: CompiledKernels(2, use_vnni=False, grain=64),
}


def _train(hw, kernels, steps, rng, *, check):
    network, optimizer = Network([parse_layer(layer) for layer in LAYERS], (12, 12, 3), 5), Sgd(learning_rate=0.05)
    parameters = network.trace(hw.recipe(), optimizer, 16).parameters
    machine = Datapath(hw.recipe(), initial_state(parameters, 3), seed=9, kernels=kernels, check=check)
    for step in range(steps):
        images = rng.normal(size=(16, 12, 12, 3)).astype(np.float32)
        labels = rng.integers(0, 5, size=16).astype(np.uint16)
        machine.begin_step(step, training=True, learning_rate=0.05)
        network.train_step(machine, optimizer, images, labels, 16)
    return machine.context


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("other", OTHERS)
def test_training_steps(int8_machine, other, check):
    """Checked runs read every tensor; others leave those between fused operations unmade."""
    contexts = [
        _train(int8_machine, kernels, 10, np.random.Generator(np.random.PCG64(1)), check=check)
        for kernels in (NumpyKernels(), OTHERS[other]())
    ]
    assert contexts[0].scales == contexts[1].scales
    for name, value in contexts[0].state.items():
        np.testing.assert_array_equal(value, contexts[1].state[name], err_msg=name)


def test_float_training_steps_on_any_number_of_threads(fp32_machine):
    """Float products have an order of addition of their own on each backend, and the same one on all threads."""
    states = [
        _train(fp32_machine, kernels, 3, np.random.Generator(np.random.PCG64(1)), check=False).state
        for kernels in (CompiledKernels(1), CompiledKernels(3, grain=64))
    ]
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)


@pytest.mark.parametrize("use_vnni", [True, False])
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
def test_convolutions(rng, use_vnni, batch, size, channels, outputs, kernel, stride, padding):
    """Extreme and random codes, channel counts that fill a vector and that don't."""
    narrow, wide = (Carrier.of(format_by_name("int8"), format_by_name(name)) for name in ("int8", "int16"))
    x = np.where(rng.random((batch, *size, channels)) < 0.3, -128, rng.integers(-128, 128, (batch, *size, channels)))
    w = np.where(
        rng.random((outputs, *kernel, channels)) < 0.3, 127, rng.integers(-128, 128, (outputs, *kernel, channels))
    )
    x, w = x.astype(np.int8), w.astype(np.int8)
    numpy, tiles = NumpyKernels(), CompiledKernels(2, use_vnni=use_vnni, grain=64)
    y = numpy.conv2d(x, w, stride, padding, narrow)
    g8 = rng.integers(-128, 128, y.shape).astype(np.int8)
    g16 = rng.choice([-32768, 32767, 5, -1], size=y.shape).astype(np.int16)
    results = [
        (
            kernels.conv2d(x, w, stride, padding, narrow),
            kernels.conv2d_backward_data(g8, w, stride, padding, x.shape, narrow),
            kernels.conv2d_backward_weights(x, g16, kernel, stride, padding, wide),
        )
        for kernels in (numpy, tiles)
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


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [((1, 1), (1, 1), (1, 1), (0, 0)), ((9, 10), (5, 5), (3, 2), (1, 4)), ((6, 6), (2, 2), (3, 3), (0, 0))],
)
def test_data_gradients_of_any_stride(rng, size, kernel, stride, padding):
    """Strides above the kernel leave inputs that no tap reaches."""
    narrow = Carrier.of(format_by_name("int8"), format_by_name("int8"))
    w = rng.integers(-128, 128, (18, *kernel, 7)).astype(np.int8)
    g_size = [(size[i] + 2 * padding[i] - kernel[i]) // stride[i] + 1 for i in range(2)]
    g = rng.integers(-128, 128, (3, *g_size, 18)).astype(np.int8)
    found = [k.conv2d_backward_data(g, w, stride, padding, (3, *size, 7), narrow) for k in PAIR]
    np.testing.assert_array_equal(found[0].astype(np.int64), found[1])
    assert PAIR[1].largest_magnitude(found[1]) == np.abs(found[1].astype(np.int64)).max()


def test_weight_gradient_of_a_wide_image_and_a_short_batch(rng):
    """Blocks of lines that do not divide the image, a batch that does not fill its groups of four."""
    wide = Carrier.of(format_by_name("int8"), format_by_name("int16"))
    x = rng.integers(-128, 128, (6, 7, 200, 5)).astype(np.int8)
    g = rng.integers(-32768, 32768, (6, 7, 200, 3)).astype(np.int16)
    found = [k.conv2d_backward_weights(x, g, (3, 3), (1, 1), (1, 1), wide) for k in PAIR]
    np.testing.assert_array_equal(found[0], found[1])


EDGES = np.array([-(2**31), -(2**31) + 1, -(2**30), -257, -2, -1, 0, 1, 2, 3, 2**30, 2**31 - 1])


@pytest.mark.parametrize("storage", ["int32", "int64"])
@pytest.mark.parametrize(
    "real", [2.0**-1, 2.0**-2, 0.75, 0.3, 1.0, 1.7, 40.0, 2.0**-17.3, 2.0**-30, 2.0**-31.5, 2.0**-40]
)
def test_requantisations(rng, storage, real):
    """Multipliers of every route, powers of two (whose ties are exact), and the ends of 32 bits."""
    x = np.concatenate([EDGES, rng.integers(-(2**31), 2**31, 40000), rng.integers(-300, 300, 5000)])
    x = x.astype(storage).reshape(-1, 4)
    multiplier, stream = FixedPointMultiplier.from_real(real), RandomStream(3, 2**33 + 5, 77, 16)
    for low, high, to in ((-127, 127, "int8"), (-32767, 32767, "int16")):
        found = [k.requantise(x, multiplier, low, high, to) for k in PAIR]
        np.testing.assert_array_equal(*found)
        found = [k.requantise_stochastic(x, multiplier, stream, low, high, to) for k in PAIR]
        np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("gain", [0.3, -0.99, 5.0, 3e4, 1e-6])
@pytest.mark.parametrize("centre", [0, 12345, 2**31 - 1])
@pytest.mark.parametrize("storage", ["int8", "int16", "int32"])
def test_normalisations(rng, storage, gain, centre):
    """Words that saturate and words that can't; a peak that is replaced at an extreme."""
    limits = np.iinfo(storage)
    x = rng.integers(limits.min, limits.max, (4000, 3), endpoint=True).astype(storage)
    multiplier = FixedPointMultiplier.from_real(gain * np.array([1.0, 0.5, 0.01]))
    centres, offset = np.array([centre, -centre, 7]), np.array([2**31 - 1, -5, 100])
    extremes = np.stack([x.argmax(axis=0), x.argmin(axis=0)])[:, None]
    total, share = x.sum(axis=0, dtype=np.int64), np.array([2**30, 99, 0])
    for shift in (offset, np.zeros(3, dtype=np.int64)):
        words = [k.normalise(x, centres, multiplier, shift, 8) for k in PAIR]
        np.testing.assert_array_equal(*words)
        assert PAIR[0].largest_magnitude(words[0]) == PAIR[1].largest_magnitude(words[1])
    words = [k.range_norm_backward(x, total, share, extremes, multiplier, 8) for k in PAIR]
    np.testing.assert_array_equal(*words)
    assert PAIR[0].largest_magnitude(words[0]) == PAIR[1].largest_magnitude(words[1])


@pytest.mark.parametrize(("rows", "channels", "chunks"), [(4096, 16, 1), (33, 5, 1), (1000, 300, 4), (7, 1, 3)])
@pytest.mark.parametrize("storage", ["int8", "int16", "int32"])
def test_channel_statistics(rng, storage, rows, channels, chunks):
    """Ties within and across the slices of threads: the first row counts."""
    x = rng.integers(-3, 3, (rows, channels)).astype(storage)
    for one, other in zip(*(k.range_sum(x, chunks) for k in PAIR), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(*(k.channel_sum(x) for k in PAIR))
    np.testing.assert_array_equal(*(k.channel_products(x, x[::-1]) for k in PAIR))


def test_sums_at_the_ends_of_their_codes():
    """Enough rows to overflow 32 bits many times over."""
    g, x = np.full((300_000, 2), -32768, dtype=np.int16), np.full((300_000, 2), -128, dtype=np.int8)
    assert PAIR[1].channel_sum(g).tolist() == [-32768 * 300_000] * 2
    assert PAIR[1].channel_products(g, x).tolist() == [32768 * 128 * 300_000] * 2
    assert PAIR[1].channel_products(g, g).tolist() == [32768**2 * 300_000] * 2


@pytest.mark.parametrize("reals", [(0.4, 0.5), (1.0, 1.0), (900.0, 1.0)])
def test_vector_unit(rng, reals):
    """Sums that saturate and sums that don't; the mask of the ReLU; floats take NumPy's way."""
    a = np.concatenate([EDGES, rng.integers(-(2**31), 2**31, 30000)]).astype(np.int32)
    b = rng.integers(-128, 128, a.size).astype(np.int8)
    multipliers = [FixedPointMultiplier.from_real(real) for real in reals]
    found = [k.add(a, b, *multipliers) for k in PAIR]
    np.testing.assert_array_equal(*found)
    again = [k.add(total, b, *multipliers) for k, total in zip(PAIR, found, strict=True)]
    np.testing.assert_array_equal(*again)
    for g in (a, b, a.astype(np.float32)):
        np.testing.assert_array_equal(*(k.relu(g) for k in PAIR))
        masked = [k.relu_backward(g, b) for k in PAIR]
        np.testing.assert_array_equal(*masked)
        assert PAIR[0].largest_magnitude(masked[0]) == PAIR[1].largest_magnitude(masked[1])


def test_peaks_belong_to_whole_arrays():
    peaks, x = Notes(), np.arange(12, dtype=np.int32)
    peaks.note(x, 11)
    assert peaks.of(x.reshape(3, 4)) == 11
    assert peaks.of(x[:6]) is None
    assert peaks.of(x.view(np.int8)) is None
    del x
    assert not peaks._found


def test_workers_pass_failures_on_and_stay_usable():
    workers = Workers(3)

    def fail(start: int, stop: int) -> None:
        raise ValueError(f"slice {start}")

    with pytest.raises(ValueError, match="slice"):
        workers.spread(1 << 20, 1, fail)
    pieces = workers.spread(1 << 20, 1, lambda start, stop: (start, stop), multiple=1 << 10)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == 1 << 20
    assert all(one[1] == other[0] and one[1] % (1 << 10) == 0 for one, other in pairwise(pieces))


def test_workers_begin_what_is_asked_for_later():
    workers = Workers(2)
    first, second = (workers.start(1 << 20, 1, lambda start, stop, k=k: (stop - start) * k) for k in (1, 2))
    assert sum(workers.spread(1 << 20, 1, lambda start, stop: stop - start)) == 1 << 20
    assert [sum(second()), sum(first()), sum(first())] == [2 << 20, 1 << 20, 1 << 20]

    def fail(start: int, stop: int) -> None:
        raise ValueError(f"slice {start}")

    failing = workers.start(1 << 20, 1, fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="slice"):
            failing()
    assert Workers(1).start(1 << 20, 1, lambda start, stop: (start, stop))() == [(0, 1 << 20)]


def test_backends_are_found_by_name():
    assert {choose_kernels(name).name for name in BACKENDS} == set(BACKENDS)
    assert choose_kernels(device="cpu").name == BACKENDS[0]
    with pytest.raises(UserError, match="did you mean 'numpy'"):
        choose_kernels("nunpy")
