"""The whole interpreter on a stand-in for CuPy: no data leaks to NumPy, and every bit is that of NumPy's run."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from accelsim.datapath import Datapath, Kernels, NumpyKernels, Observation
from accelsim.datapath.arrays import on_host
from accelsim.datapath.divergence import silent_overflow
from accelsim.datapath.kernels.gpu import CudaKernels
from accelsim.hardware import load_hwconfig
from accelsim.layers import AdamW, Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.training import initial_state

OPTIMIZER = Sgd(learning_rate=0.05, momentum=0.9, weight_decay=1e-4)
IMAGE, CLASSES, BATCH = (8, 8, 3), 3, 6
CONVOLUTIONS = [
    {"conv2d": {"filters": 5, "kernel": 3, "padding": 1}},
    "batch_norm",
    {"relu": {"maximum": 0.9}},
    {
        "residual": {
            "body": [{"conv2d": {"filters": 6, "kernel": 3, "stride": 2, "padding": 1, "bias": False}}, "batch_norm"],
            "shortcut": [{"conv2d": {"filters": 6, "kernel": 1, "stride": 2}}, {"batch_norm": {"spread": "l1"}}],
        }
    },
    {"conv2d": {"filters": 6, "kernel": 3, "padding": 1, "groups": 6}},
    {"batch_norm": {"spread": "deviation"}},
    "relu",
    {"max_pool2d": {"kernel": 2, "stride": 1}},
    {"dropout": {"rate": 0.1}},
    {"layer_norm": {"spread": "range"}},
    {"average_pool2d": {"kernel": 2, "stride": 1}},
    "flatten",
    {"linear": {"units": CLASSES}},
]
ATTENTION = {"multi_head_attention": {"heads": 2}}
GROUPED = {"multi_head_attention": {"heads": 2, "kv_heads": 1, "causal": True, "rotary": {}}}
TRANSFORMER = [
    {"conv2d": {"filters": 6, "kernel": 4, "stride": 4}},
    *("tokens", "class_token", "positional_embedding", {"residual": {"body": ["layer_norm", ATTENTION]}}),
    {"gated": {"gate": [{"linear": {"units": 8}}, "silu"], "value": [{"linear": {"units": 8}}]}},
    *({"linear": {"units": 8}}, "gelu", "silu", "select_token", {"linear": {"units": CLASSES}}),
]
TEXT = [{"embedding": {"vocabulary": CLASSES, "width": 4}}, GROUPED, "gelu", {"linear": {"units": CLASSES}}]
NORMS = [
    {"conv2d": {"filters": 5, "kernel": 3, "padding": 1}},
    *({"rms_norm": {"spread": spread}} for spread in ("range", "deviation", "l1")),
    {"rms_norm": {"axes": "all"}},
    "flatten",
    {"linear": {"units": CLASSES}},
]
NETWORKS = {
    "convolutions": (CONVOLUTIONS, IMAGE),
    "transformer": (TRANSFORMER, IMAGE),
    "text": (TEXT, (7,)),
    "norms about zero": (NORMS, IMAGE),
}
INTEGER_UPDATE = [
    "numerics.master_weight={format: int20, rounding: stochastic}",
    "numerics.optimizer_state=int24",
    "numerics.weight.granularity=per_channel",
]
AFFINE = [
    *("numerics.activation.format=uint8", "numerics.activation.affine=true"),
    *("numerics.weight.format=uint6", "numerics.weight.affine=true", "numerics.weight.granularity=per_channel"),
]
MACHINES: dict[str, tuple[str, list[str]]] = {
    "int8": ("int8_range_bn", []),
    "fp32": ("fp32", []),
    "affine": ("int8_range_bn", AFFINE),
    "integer update": ("int8_range_bn", INTEGER_UPDATE),
    "per sample": ("int8_range_bn", ["numerics.activation.granularity=per_sample_average"]),
    "even rounding": ("int8_range_bn", ["numerics.activation.rounding=nearest_even"]),
    "bf16": ("bf16", []),
    "fp16": ("fp16_mixed", ["numerics.loss_scale={initial: 16777216, backoff: 0.0001220703125}"]),
    "mxfp8": ("mxfp8", []),
    "nvfp4": ("nvfp4", ["numerics.weight_gradient_hadamard=4"]),
    "flexpoint": ("flexpoint", []),
    "ternary": ("int8_range_bn", ["numerics.weight=ternary"]),
    "saturating passes": ("int8_range_bn", ["mac_array.operand=int4", "mac_array.overflow=saturate"]),
}


class Portable(Kernels):
    """What the GPU backend inherits, on the stand-in alone."""

    name = "strict"

    def __init__(self, xp: Any) -> None:
        self.xp = xp


def _run(hw, layers, shape, kernels):
    """Two training steps, the second observed, and an evaluation: state, scales, what was seen, logits. With dynamic
    loss scaling the first step overflows."""
    network = Network([parse_layer(layer) for layer in layers], shape, CLASSES)
    state = initial_state(network.trace(hw.recipe(), OPTIMIZER, BATCH).parameters, 5, hw.recipe())
    machine, rng = Datapath(hw.recipe(), state, seed=1, kernels=kernels, check=True), np.random.default_rng(7)
    images = rng.normal(size=(BATCH, *shape)).astype(np.float32)
    tokens, labels = rng.integers(0, CLASSES, (2, BATCH, *(shape if len(shape) == 1 else ()))).astype(np.uint16)
    x = tokens if len(shape) == 1 else images
    for step in range(2):
        machine.begin_step(step, training=True, learning_rate=0.05)
        machine.context.observation = Observation() if step else None
        with silent_overflow():
            network.train_step(machine, OPTIMIZER, x, labels, BATCH)
    seen, machine.context.observation = machine.context.observation, None
    machine.begin_step(2, training=False)
    assert machine.context.skipped_steps == hw.recipe().skips_overflows
    logits = network.forward(machine, x, labels, BATCH).logits.data
    return machine.context.state, machine.context.scales, seen, logits


def _assert_same(found, expected):
    for name, value in expected[0].items():
        assert type(found[0][name]).__name__ == "StrictArray", f"{name} left the device"
        np.testing.assert_array_equal(on_host(found[0][name]), value, err_msg=name)
    assert found[1] == expected[1]
    assert found[2].gradient_norm == pytest.approx(expected[2].gradient_norm)
    assert found[2].found.keys() == expected[2].found.keys()
    for name, quantised in expected[2].found.items():
        assert dataclasses.asdict(found[2].found[name].statistics) == pytest.approx(
            dataclasses.asdict(quantised.statistics)
        )
    np.testing.assert_array_equal(on_host(found[3]), expected[3])


FAST = [("convolutions", name) for name in MACHINES] + [("transformer", "int8"), ("transformer", "affine")]
FAST += [("norms about zero", name) for name in ("int8", "fp32", "affine")]
FAST_ON_CUDA = [("convolutions", "int8"), ("convolutions", "fp32"), ("transformer", "int8"), ("text", "int8")]
FAST_ON_CUDA += [("norms about zero", "int8")]


def _cases(fast, networks):
    """All pairs of a network and a machine; those that are not ``fast`` join the long suite."""
    pairs = [(network, machine) for network in networks for machine in MACHINES]
    return [pytest.param(*pair, marks=[] if pair in fast else pytest.mark.slow, id=" on ".join(pair)) for pair in pairs]


@pytest.mark.parametrize(("network", "machine"), _cases(FAST, ["convolutions", "transformer", "norms about zero"]))
def test_inherited_kernels_leak_nothing(root, strict, network, machine):
    name, settings = MACHINES[machine]
    hw = load_hwconfig(root / "hwconfigs" / f"{name}.yaml", settings)
    _assert_same(_run(hw, *NETWORKS[network], Portable(strict)), _run(hw, *NETWORKS[network], NumpyKernels()))


@pytest.mark.parametrize(("network", "machine"), _cases(FAST_ON_CUDA, NETWORKS))
def test_the_gpu_backend_on_the_cpu(root, strict, host_launcher, network, machine):
    """The class that runs on a GPU, its CUDA sources included."""
    name, settings = MACHINES[machine]
    hw = load_hwconfig(root / "hwconfigs" / f"{name}.yaml", settings)
    kernels = CudaKernels(strict, host_launcher)
    _assert_same(_run(hw, *NETWORKS[network], kernels), _run(hw, *NETWORKS[network], NumpyKernels()))


@pytest.mark.parametrize(
    ("machine", "network", "same"),
    [
        *(
            (machine, network, True)
            for machine in ("int8", "flexpoint", "affine")
            for network in ("convolutions", "transformer", "norms about zero")
        ),
        *((machine, "convolutions", False) for machine in ("fp32", "mxfp8")),
    ],
)
def test_no_order_of_addition_decides_a_bit_of_integers(monkeypatch, root, strict, machine, network, same):
    """A device adds floats in an order of its own: machines whose accumulators are integers must not mind."""
    monkeypatch.setattr(type(strict), "last_first", True)
    name, settings = MACHINES[machine]
    hw = load_hwconfig(root / "hwconfigs" / f"{name}.yaml", settings)
    found, expected = (_run(hw, *NETWORKS[network], kernels) for kernels in (Portable(strict), NumpyKernels()))
    equal = [np.array_equal(on_host(x), expected[0][key]) for key, x in found[0].items()]
    assert all([*equal, found[1] == expected[1], np.array_equal(on_host(found[3]), expected[3])]) == same


def test_the_stand_in_refuses_what_cupy_refuses(strict):
    x = strict.asarray(np.arange(4))
    for leak in (lambda: np.asarray(x), lambda: x + np.arange(4), lambda: np.sum(x), lambda: x[[0, 1]]):
        with pytest.raises(TypeError):
            leak()
    with pytest.raises(TypeError, match="takes no"):
        strict.negative(x, where=x > 0)
    with pytest.raises(AttributeError, match="cupy has no"):
        strict.errstate  # noqa: B018
    assert float(x.sum()) == 6.0


def test_the_stand_in_flushes_what_cupy_flushes(strict):
    x, tiny = strict.asarray(np.array([3e-38, -1e-40], dtype=np.float32)), np.float32(0.1)
    assert (x * tiny).tolist() == [0.0, 0.0]
    assert strict.negative(x).tolist() == [np.float32(-3e-38), 0.0]
    x *= np.float32(1)
    assert x.tolist() == [np.float32(3e-38), 0.0]
    assert strict.asarray(np.array([1e-40])).tolist() == [1e-40]
    assert strict.asarray(np.array([1e-40])).astype("float32").tolist() == [0.0]
    assert strict.asarray(np.array([1e-40], dtype=np.float32)).astype("float64").tolist() == [0.0]


@pytest.mark.parametrize(
    "optimizer", [Sgd(learning_rate=0.05, momentum=0.9, nesterov=True), AdamW(learning_rate=0.001)]
)
def test_what_an_optimizer_keeps_shrinks_as_on_the_cpu(root, strict, host_launcher, optimizer):
    """Where no gradient comes it falls below what CuPy's kernels tell from zero."""
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml")
    network = Network([parse_layer("flatten"), parse_layer({"linear": {"units": CLASSES}})], (2, 2, 1), CLASSES)
    found = []
    for kernels in (CudaKernels(strict, host_launcher), NumpyKernels()):
        state = initial_state(network.trace(hw.recipe(), optimizer, BATCH).parameters, 5, hw.recipe())
        kept = [name for name in state if name.rpartition(".")[2] not in ("weight", "bias")]
        for name in kept:
            state[name] = np.full_like(state[name], 1.3e-38)
        machine = Datapath(hw.recipe(), state, seed=1, kernels=kernels)
        for step in range(2):
            machine.begin_step(step, training=True, learning_rate=0.05)
            images = np.zeros((BATCH, 2, 2, 1), dtype=np.float32)
            network.train_step(machine, optimizer, images, np.zeros(BATCH, dtype=np.uint16), BATCH)
        found.append({name: on_host(x) for name, x in machine.context.state.items()})
    assert any(((np.abs(x) > 0) & (np.abs(x) < 1.17e-38)).any() for x in found[1].values())
    for name, x in found[1].items():
        np.testing.assert_array_equal(found[0][name].view("int32"), x.view("int32"), err_msg=name)


def test_a_step_moves_its_batch_and_vectors_alone(root, strict):
    """No tensor of activations comes back to the host: what does is one number or a number a channel."""
    hw, sizes = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml"), []
    array = type(strict.asarray(np.zeros(1)))
    fetched = array.get
    array.get = lambda self: sizes.append(self.size) or fetched(self)
    try:
        network = Network([parse_layer(layer) for layer in CONVOLUTIONS], IMAGE, CLASSES)
        state = initial_state(network.trace(hw.recipe(), OPTIMIZER, 64).parameters, 5, hw.recipe())
        machine = Datapath(hw.recipe(), state, seed=1, kernels=Portable(strict))
        machine.begin_step(0, training=True, learning_rate=0.05)
        images = np.random.default_rng(1).normal(size=(64, *IMAGE)).astype(np.float32)
        network.train_step(machine, OPTIMIZER, images, np.zeros(64, dtype=np.uint16), 64)
    finally:
        array.get = fetched
    # Layer norm has a mean and a spread for each pixel of its input: 64 images of 3 x 3.
    assert max(sizes) <= 64 * 3 * 3
