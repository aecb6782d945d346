"""Every family of formats in a whole training step: traced and computed alike, values on their format's grid."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.formats import Product, Role, integer
from accelsim.formats.nvfp4 import NVFP4_2D
from accelsim.formats.registry import NAMED
from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.machine import Tensor, Value
from accelsim.networks import Network
from accelsim.program import Program, TensorSpec

LAYERS = [
    {"conv2d": {"filters": 5, "kernel": 3, "padding": 1}},
    "batch_norm",
    "relu",
    {"residual": {"body": [{"conv2d": {"filters": 5, "kernel": 3, "padding": 1, "bias": False}}, "batch_norm"]}},
    {"conv2d": {"filters": 5, "kernel": 3, "padding": 1, "groups": 5}},
    {"average_pool2d": {"kernel": 2}},
    {"relu": {"maximum": 0.9}},
    {"dropout": {"rate": 0.1}},
    {"layer_norm": {}},
    {"rms_norm": {}},
    {"max_pool2d": {"kernel": 2}},
    "flatten",
    {"linear": {"units": 3}},
]
INTEGER_UPDATE = [
    "numerics.master_weight={format: int20, rounding: stochastic}",
    "numerics.optimizer_state=int24",
    "numerics.weight_gradient=int16",
    "update_unit.learning_rate=power_of_two",
]
OPERANDS = ("weight", "activation", "layer_gradient_data_path", "layer_gradient_weight_path")
MACHINES: dict[str, tuple[str, list[str]]] = {
    "bf16": ("bf16", []),
    "fp16": ("bf16", [f"numerics.{role}=fp16" for role in ("weight", "activation", "layer_gradient_norm")]),
    "fp8": ("fp8_hybrid", []),
    "fp6": ("fp8_hybrid", ["numerics.weight=fp6_e2m3", "numerics.activation=fp6_e3m2"]),
    "mxfp8": ("mxfp8", []),
    "mxint8": ("mxfp8", ["numerics.weight=mxint8", "numerics.activation=mxint8"]),
    "mxfp4": ("mxfp8", ["numerics.weight=mxfp4", "numerics.layer_gradient_data_path=mxfp4"]),
    "nvfp4": ("nvfp4", []),
    "nvfp4, rotated": ("nvfp4", ["numerics.weight_gradient_hadamard=4"]),
    "nvfp4 under delayed scales": (
        "nvfp4",
        [
            *(f"numerics.{role}.scale=delayed" for role in ("activation", "layer_gradient_data_path")),
            "numerics.weight=nvfp4",
        ],
    ),
    "block floating point": ("mxfp8", ["numerics.weight=bfp8_b16", "numerics.activation=bfp8_b16"]),
    "integer blocks": (
        "mxfp8",
        ["mac_array.operand=int8", "numerics.weight=int4_b16", "numerics.activation=int8_b32"],
    ),
    "affine": (
        "int8_range_bn",
        [
            *("numerics.activation.format=uint8", "numerics.activation.affine=true"),
            *("numerics.weight.format=uint6", "numerics.weight.affine=true", "numerics.weight.granularity=per_channel"),
        ],
    ),
    "flexpoint": ("flexpoint", []),
    "ternary": ("int8_range_bn", ["numerics.weight=ternary"]),
    "binary": ("int8_range_bn", ["numerics.weight=binary"]),
    "8 / fp32": (
        "int8_range_bn",
        ["numerics.layer_gradient_weight_path=fp32", "mac_array.accumulators.weight_gradient=fp32"],
    ),
    "per channel, per sample": (
        "int8_range_bn",
        ["numerics.weight.granularity=per_channel", "numerics.activation.granularity=per_sample_average"],
    ),
    "other formats backward": (
        "int8_range_bn",
        ["numerics.weight_data_gradient=int6", "numerics.activation_weight_gradient=int5"],
    ),
    "bf16 master weights": (
        "int8_range_bn",
        ["numerics.master_weight.format=bf16", "numerics.master_weight.rounding=stochastic"],
    ),
    "integer update": ("int8_range_bn", INTEGER_UPDATE),
    "integer update, int8 weights per channel": (
        "int8_range_bn",
        [*INTEGER_UPDATE, "numerics.weight.granularity=per_channel"],
    ),
    "integer update on flexpoint": ("flexpoint", INTEGER_UPDATE),
    "integer update of ternary weights": ("int8_range_bn", [*INTEGER_UPDATE, "numerics.weight=ternary"]),
    "bf16 accumulators": (
        "fp8_hybrid",
        ["numerics.weight_gradient=bf16", *(f"mac_array.accumulators.{product}=bf16" for product in Product)],
    ),
    "1-6-9 accumulators in chunks": (
        "mxfp8",
        ["mac_array.accumulate_chunk=16", *(f"mac_array.accumulators.{product}=fp16_e6m9" for product in Product)],
    ),
    "saturating passes": ("int8_range_bn", ["mac_array.operand=int4", "mac_array.overflow=saturate"]),
    "stochastic floats": ("fp8_hybrid", ["numerics.layer_gradient_data_path.rounding=stochastic"]),
}
BASES = {
    "float": "fp8_hybrid",
    "block": "mxfp8",
    "flexpoint": "flexpoint",
    "ternary": "int8_range_bn",
    "binary": "int8_range_bn",
}
"""A machine of each family that has names, for every format that the registry has."""
for registered in NAMED.values():
    roles = ["weight"] if registered.family in ("ternary", "binary") or registered == NVFP4_2D else OPERANDS
    MACHINES[f"operands in {registered}"] = (
        BASES[registered.family],
        [f"numerics.{role}={registered}" for role in roles],
    )
OPTIMIZER = Sgd(learning_rate=0.05)


@pytest.mark.parametrize("name", MACHINES)
def test_a_training_step(root, rng, draw_state, name):
    hwconfig, settings = MACHINES[name]
    hw = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", settings)
    network = Network([parse_layer(layer) for layer in LAYERS], (8, 8, 3), 3)
    traced = network.trace(hw.recipe(), OPTIMIZER, 6)
    machine = Datapath(hw.recipe(), draw_state(traced.parameters), seed=1, check=True)
    images = rng.normal(size=(6, 8, 8, 3)).astype(np.float32)
    labels = rng.integers(0, 3, size=6).astype(np.uint16)
    losses = []
    for step in range(8):
        machine.begin_step(step, training=True, learning_rate=0.05)
        losses.append(float(network.train_step(machine, OPTIMIZER, images, labels, 6).loss.data[0]))
        assert machine.program.operations == traced.program.operations
        assert machine.program.tensors == traced.program.tensors
    assert losses[-1] < losses[0]
    assert Program.from_json(traced.program.to_json()) == traced.program


@pytest.mark.parametrize("after", ["linear", "relu", "batch_norm", "layer_norm", "rms_norm", "dropout", "gelu", "silu"])
def test_scales_of_channels_outlive_flatten(root, rng, draw_state, kernels, after):
    """Accumulators have a scale for each channel, and flatten lays the channels of all pixels in a row."""
    hw = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", ["numerics.weight.granularity=per_channel"])
    conv, rest = LAYERS[0], [{"dropout": {"rate": 0.1}} if after == "dropout" else after] if after != "linear" else []
    network = Network(
        [parse_layer(layer) for layer in [conv, "flatten", *rest, {"linear": {"units": 3}}]], (8, 8, 3), 3
    )
    images, labels = rng.normal(size=(6, 8, 8, 3)).astype(np.float32), rng.integers(0, 3, size=6).astype(np.uint16)
    state, found = draw_state(network.trace(hw.recipe(), OPTIMIZER, 6).parameters), []
    for backend in (None, kernels):
        held = {name: value.copy() for name, value in state.items()}
        machine = Datapath(hw.recipe(), held, seed=1, kernels=backend, check=backend is None)
        for step in range(3):
            machine.begin_step(step, training=True, learning_rate=0.05)
            network.train_step(machine, OPTIMIZER, images, labels, 6)
        found.append({name: np.asarray(value).tobytes() for name, value in held.items()})
    assert found[0] == found[1]


def test_a_view_keeps_the_real_values():
    spec = TensorSpec(0, "x", (2, 3, 4), integer(8), Role.ACCUMULATOR)
    codes, scales = np.arange(24, dtype=np.int8).reshape(2, 3, 4), np.array([1.0, 0.5, 0.25, 2.0])
    x = Tensor(spec, spec.shape, Value(codes, scales))
    for shape in [(2, 12), (1, 24), (6, 4), (2, 3, 4)]:
        seen = x.reshaped(shape)
        np.testing.assert_array_equal(seen.data * seen.scale, (codes * scales).reshape(shape))
    with pytest.raises(ValueError, match="a scale for each of 4 channels"):
        x.reshaped((12, 2))
