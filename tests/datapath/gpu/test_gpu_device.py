"""On a GPU: the same bits as NumPy, from single kernels to a hundred training steps. Skipped where there is none, but
where the environment's ``KERNELS_ON`` is gpu: there it fails.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from accelsim.datapath import Datapath, NumpyKernels, choose_kernels
from accelsim.datapath.arrays import on_host
from accelsim.datapath.kernels import Carrier
from accelsim.datapath.kernels.gpu import cupy_kernels, self_check
from accelsim.formats import integer
from accelsim.hardware import load_hwconfig
from accelsim.layers import AdamW, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network, load_workload
from accelsim.training import initial_state

pytestmark = pytest.mark.gpu
OPTIMIZER = Sgd(learning_rate=0.05, momentum=0.9, weight_decay=1e-4)
OPTIMIZERS = {
    "adamw": AdamW(learning_rate=0.001, weight_decay=0.01),
    "nesterov": Sgd(learning_rate=0.05, momentum=0.9, weight_decay=1e-4, nesterov=True),
}
STEM, CLASSES = {"conv2d": {"filters": 12, "kernel": 3, "padding": 1}}, 10
LAYERS = {
    "conv2d strided": [{"conv2d": {"filters": 20, "kernel": 3, "stride": 2, "padding": 1}}],
    "conv2d grouped": [{"conv2d": {"filters": 12, "kernel": 3, "groups": 12}}],
    "conv2d pointwise": [{"conv2d": {"filters": 33, "kernel": 1, "bias": False}}],
    "batch_norm range": ["batch_norm", "relu"],
    "batch_norm deviation": [{"batch_norm": {"spread": "deviation"}}, "relu"],
    "batch_norm l1": [{"batch_norm": {"spread": "l1"}}, "relu"],
    "layer_norm": ["layer_norm", {"relu": {"maximum": 0.5}}],
    "rms_norm range": [{"rms_norm": {"spread": "range"}}],
    "rms_norm deviation": [{"rms_norm": {"spread": "deviation"}}],
    "rms_norm l1": [{"rms_norm": {"spread": "l1"}}],
    "pooling": [{"max_pool2d": {"kernel": 3, "stride": 2}}, {"average_pool2d": {"kernel": 2, "stride": 1}}],
    "residual": [{"residual": {"body": ["batch_norm", "relu", STEM]}}, {"dropout": {"rate": 0.2}}],
    "attention": [
        "tokens",
        {"multi_head_attention": {"heads": 2}},
        "gelu",
        {"gated": {"gate": ["silu"]}},
        "mean_token",
    ],
}
HWCONFIGS = ["int8_range_bn", "flexpoint"]
"""Machines whose bits no order of addition decides: their accumulators are integers."""
FLOATS = ["fp32", "bf16", "mxfp8"]
"""Machines that add floats in the order of cuBLAS."""
SHAPES = {
    "cifar10_resnet20 s1": (64, (32, 32), 16, 16, (3, 3), (1, 1), (1, 1)),
    "cifar10_resnet20 s3": (64, (8, 8), 64, 64, (3, 3), (1, 1), (1, 1)),
    "imagenet_resnet18 stem": (2, (224, 224), 3, 64, (7, 7), (2, 2), (3, 3)),
    "imagenet_resnet50 expand": (4, (14, 14), 256, 1024, (1, 1), (1, 1), (0, 0)),
}


@pytest.fixture(scope="module")
def gpu():
    reason = cupy_kernels.missing()
    if reason:
        (pytest.fail if os.environ.get("KERNELS_ON") == "gpu" else pytest.skip)(f"no GPU: {reason}")
    return cupy_kernels.CupyKernels()


def _train(hw, network, kernels, steps, batch=32, optimizer=OPTIMIZER):
    state = initial_state(network.trace(hw.recipe(), optimizer, batch).parameters, 3, hw.recipe())
    machine, rng = Datapath(hw.recipe(), state, seed=9, kernels=kernels), np.random.default_rng(1)
    for step in range(steps):
        images = rng.normal(size=(batch, *network.input_shape)).astype(np.float32)
        labels = rng.integers(0, network.classes, batch).astype(np.uint16)
        machine.begin_step(step, training=True, learning_rate=0.05)
        network.train_step(machine, optimizer, images, labels, batch)
    return {name: on_host(value) for name, value in machine.context.state.items()}, machine.context.scales


def _assert_same(found, expected):
    for name, value in expected[0].items():
        np.testing.assert_array_equal(found[0][name], value, err_msg=name)
    assert found[1] == expected[1]


def test_self_check(gpu):
    assert self_check.differing(gpu) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_convolutions_of_whole_networks(gpu, rng, shape):
    batch, size, channels, outputs, kernel, stride, padding = SHAPES[shape]
    narrow, wide, numpy = Carrier.of(integer(8), integer(8)), Carrier.of(integer(8), integer(16)), NumpyKernels()
    x = rng.integers(-128, 128, (batch, *size, channels)).astype(np.int8)
    w = rng.integers(-128, 128, (outputs, *kernel, channels)).astype(np.int8)
    y = numpy.conv2d(x, w, stride, padding, narrow)
    g8, g16 = rng.integers(-128, 128, y.shape).astype(np.int8), rng.integers(-(2**15), 2**15, y.shape).astype(np.int16)
    for call in (
        lambda k, xp: k.conv2d(xp(x), xp(w), stride, padding, narrow),
        lambda k, xp: k.conv2d_backward_data(xp(g8), xp(w), stride, padding, x.shape, narrow),
        lambda k, xp: k.conv2d_backward_weights(xp(x), xp(g16), kernel, stride, padding, wide),
    ):
        np.testing.assert_array_equal(on_host(call(gpu, gpu.xp.asarray)), call(numpy, np.asarray).astype(np.int64))


def _network(layers):
    ending = [] if layers == "attention" else ["flatten"]
    described = [STEM, *LAYERS[layers], *ending, {"linear": {"units": CLASSES}}]
    return Network([parse_layer(layer) for layer in described], (9, 9, 3), CLASSES)


@pytest.mark.parametrize("hwconfig", HWCONFIGS)
@pytest.mark.parametrize("layers", LAYERS)
def test_every_layer(gpu, root, hwconfig, layers):
    network, hw = _network(layers), load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml")
    _assert_same(_train(hw, network, gpu, 3), _train(hw, network, NumpyKernels(), 3))


@pytest.mark.parametrize("hwconfig", FLOATS)
@pytest.mark.parametrize("layers", LAYERS)
def test_every_layer_of_floats(gpu, root, hwconfig, layers):
    """Another order of addition turns last bits, and few of them codes: a step moves the weights by about as much."""
    network, hw = _network(layers), load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml")
    before, found, expected = (
        np.concatenate([x.ravel() for _, x in sorted(_train(hw, network, kernels, steps)[0].items())])
        for kernels, steps in ((NumpyKernels(), 0), (gpu, 1), (NumpyKernels(), 1))
    )
    assert np.linalg.norm(found - expected) <= 0.01 * np.linalg.norm(expected - before)


@pytest.mark.parametrize("steps", [1, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("workload", ["digits_cnn", "cifar10_resnet20"])
def test_whole_steps(gpu, root, workload, steps):
    network = load_workload(root / "workloads" / f"{workload}.yaml").build()
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml")
    reference = NumpyKernels() if steps == 1 else choose_kernels(device="cpu")  # the same bits, in less time
    _assert_same(_train(hw, network, gpu, steps), _train(hw, network, reference, steps))


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_other_optimizers(gpu, root, optimizer):
    network = load_workload(root / "workloads" / "digits_cnn.yaml").build()
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml")
    found, expected = (_train(hw, network, kernels, 3, optimizer=optimizer) for kernels in (gpu, NumpyKernels()))
    _assert_same(found, expected)


def test_the_smallest_floats_are_kept(gpu):
    tiny, rest = (np.array(x, dtype=np.float32) for x in ([1e-45, -3e-42, 1.1e-38, 2e-38], [1e-39, 0, -1e-38, 0]))
    numbers = [np.float32(x) for x in (0.9, 0.01, 0.5)]
    for call in (
        lambda k, xp: k.momentum_step(xp(tiny), xp(rest), xp(tiny), *numbers),
        lambda k, xp: (k.multiply_add(xp(tiny), numbers[0], xp(rest)),),
        lambda k, xp: (k.floats(xp(tiny), 0.5, "float32"),),
    ):
        for found, expected in zip(call(gpu, gpu.xp.asarray), call(NumpyKernels(), np.asarray), strict=True):
            np.testing.assert_array_equal(on_host(found).view("int32"), expected.view("int32"))


@pytest.mark.parametrize("offset", [1, 2, 8])
def test_parts_of_arrays(gpu, rng, offset):
    """They start where no load of 16 bytes may, nor cuBLAS."""
    shape, carrier, way = (2, 16, 16, 16), Carrier.of(integer(8), integer(8)), ((1, 1), (1, 1))
    flat, w = (rng.integers(-128, 128, size).astype(np.int8) for size in (offset + 8192, (16, 3, 3, 16)))
    x = flat[offset:].reshape(shape)
    here = gpu.xp.asarray(flat)[offset:].reshape(shape)
    assert gpu.launch.address(here) % 16 == offset
    found = gpu.conv2d(here, gpu.xp.asarray(w), *way, carrier)
    np.testing.assert_array_equal(on_host(found), NumpyKernels().conv2d(x, w, *way, carrier))
    product = gpu.matmul(here.reshape(512, 16), gpu.xp.asarray(w[:, 0, 0].T), carrier)
    np.testing.assert_array_equal(on_host(product), x.reshape(512, 16).astype(int) @ w[:, 0, 0].T.astype(int))


def test_memory_is_told(gpu):
    memory = gpu.memory()
    assert 0 < memory.free_bytes <= memory.total_bytes
