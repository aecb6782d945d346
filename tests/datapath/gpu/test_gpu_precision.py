"""A precision study's look at a step on a stand-in for CuPy: nothing leaks to NumPy, and the figures are the same."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import Datapath, Kernels, NumpyKernels
from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.studies.precision.looking import Look, Question
from accelsim.training import initial_state

OPTIMIZER = Sgd(learning_rate=0.05, momentum=0.9, weight_decay=1e-4)
IMAGE, CLASSES, BATCH = (8, 8, 3), 3, 6
CONVOLUTIONS = [
    {"conv2d": {"filters": 6, "kernel": 3, "padding": 1}},
    *("batch_norm", "relu"),
    {"residual": {"body": [{"conv2d": {"filters": 6, "kernel": 3, "padding": 1, "groups": 6}}, "batch_norm"]}},
    {"max_pool2d": {"kernel": 2}},
    *("layer_norm", "flatten", {"linear": {"units": CLASSES}}),
]
ATTENTION = {"multi_head_attention": {"heads": 2}}
TRANSFORMER = [
    {"conv2d": {"filters": 6, "kernel": 4, "stride": 4}},
    *("tokens", "class_token", "positional_embedding", {"residual": {"body": ["layer_norm", ATTENTION]}}),
    *({"linear": {"units": 8}}, "gelu", "select_token", {"linear": {"units": CLASSES}}),
]
AFFINE = ["numerics.activation={format: uint8, affine: true}", "numerics.weight.granularity=per_channel"]
MACHINES = {
    "int8": ("int8_range_bn", []),
    "affine": ("int8_range_bn", AFFINE),
    "fp32": ("fp32", []),
    "bf16": ("bf16", []),
}
MACHINES |= {"mxfp8": ("mxfp8", []), "flexpoint": ("flexpoint", [])}
CASES = [
    pytest.param(layers, machine, id=f"{name} on {machine}", marks=[] if machine == "affine" else pytest.mark.slow)
    for name, layers in (("convolutions", CONVOLUTIONS), ("transformer", TRANSFORMER))
    for machine in MACHINES
]
TEXTS = ("layer", "tensor", "class", "machine_format", "rounding")


class Portable(Kernels):
    """What a GPU backend inherits, on the stand-in alone."""

    name = "strict"

    def __init__(self, xp):
        self.xp = xp


def _look(hw, layers, kernels):
    network = Network([parse_layer(layer) for layer in layers], IMAGE, CLASSES)
    traced = network.trace(hw.recipe(), OPTIMIZER, BATCH)
    machine = Datapath(hw.recipe(), initial_state(traced.parameters, 5, hw.recipe()), seed=1, kernels=kernels)
    images = np.random.default_rng(7).normal(size=(BATCH, *IMAGE)).astype(np.float32)
    machine.begin_step(0, training=True, learning_rate=0.05)
    look = machine.context.watcher = Look(1, machine.context, Question((3, 8), hw.recipe(), traced.program.last_uses()))
    network.train_step(machine, OPTIMIZER, images, np.array([0, 1, 2, 0, 1, 2], dtype=np.uint16), BATCH)
    return look.found


@pytest.mark.parametrize(("layers", "machine"), CASES)
def test_a_look_is_the_same_and_stays_on_the_device(root, strict, layers, machine):
    name, settings = MACHINES[machine]
    hw = load_hwconfig(root / "hwconfigs" / f"{name}.yaml", settings)
    found, expected = _look(hw, layers, Portable(strict)), _look(hw, layers, NumpyKernels())
    assert len(found.rows) == len(expected.rows) > 20
    for row, wanted in zip(found.rows, expected.rows, strict=True):
        assert [row[name] for name in TEXTS] == [wanted[name] for name in TEXTS]
        numbers = [{name: value for name, value in x.items() if name not in TEXTS} for x in (row, wanted)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-6, abs=1e-9, nan_ok=True)
    assert found.histograms == expected.histograms
