"""Which gradient each product reads: two copies where the rules of their roles differ, one where they are equal."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from accelsim.datapath import Datapath, Observation, ScaleState
from accelsim.formats import Role
from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.program import Phase, Program, Unit

OPTIMIZER = Sgd(learning_rate=0.05)
LAYERS = [{"conv2d": {"filters": 4, "kernel": 3}}, "relu", {"conv2d": {"filters": 4, "kernel": 3, "groups": 4}}]
ENDS = ["flatten", {"linear": {"units": 3}}]
CONV = {"conv2d": {"filters": 2, "kernel": 1}}
EQUAL = "numerics.layer_gradient_{}_path={{format: int8, rounding: stochastic, scale: delayed}}"
MACHINES = {
    "bf16": ("bf16", [], 1),
    "fp8": ("fp8_hybrid", [], 1),
    "flexpoint": ("flexpoint", [], 1),
    "int8 stochastic": ("int8_range_bn", [EQUAL.format("data"), EQUAL.format("weight")], 1),
    "bifurcated": ("int8_range_bn", [], 2),
    "fp8, one of them stochastic": ("fp8_hybrid", ["numerics.layer_gradient_data_path.rounding=stochastic"], 2),
    "blocks": ("mxfp8", [], 2),
}


def _copies(program: Program) -> Counter[tuple[object, ...]]:
    """How often each source is quantised as a layer gradient by the same rule (blocks: along the same axis)."""
    found: Counter[tuple[object, ...]] = Counter()
    for operation in program.operations:
        made = program.tensors[operation.outputs[0]]
        if operation.unit is Unit.QUANTISE and str(made.role).startswith("layer_gradient"):
            found[operation.inputs, str(made.format), str(operation.attributes), made.along] += 1
    return found


@pytest.mark.parametrize("name", ["bf16", "fp8_hybrid", "flexpoint", "int8_range_bn", "mxfp8", "nvfp4"])
def test_no_layer_quantises_a_gradient_twice_by_one_rule(root, all_cases, name):
    recipe = load_hwconfig(root / "hwconfigs" / f"{name}.yaml").recipe()
    for network in all_cases:
        counts = _copies(network.trace(recipe, OPTIMIZER, 8).program)
        assert set(counts.values()) == {1}


@pytest.mark.parametrize("name", MACHINES)
def test_both_products_of_a_layer(root, name):
    hwconfig, settings, copies = MACHINES[name]
    recipe = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", settings).recipe()
    program = Network([parse_layer(layer) for layer in LAYERS + ENDS], (6, 6, 2), 3).trace(recipe, OPTIMIZER, 8).program
    read: dict[str, set[int]] = {}
    for operation in program.operations:
        if operation.unit is Unit.MAC_ARRAY and operation.phase is not Phase.FORWARD:
            gradient = next(i for i in operation.inputs if str(program.tensors[i].role).startswith("layer_gradient"))
            read.setdefault(operation.layer, set()).add(gradient)
    assert {layer: len(found) for layer, found in read.items()} == {"conv2d1": 1, "conv2d2": copies, "linear1": copies}


def test_branches_that_end_in_one_unit_share_their_gradient(root):
    """A projected shortcut, whose norm reads what the body's norm does."""
    recipe = load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml").recipe()
    block = {"residual": {"body": [CONV, "batch_norm"], "shortcut": [CONV, "batch_norm"]}}
    program = (
        Network([parse_layer(layer) for layer in [block, *ENDS]], (6, 6, 2), 3).trace(recipe, OPTIMIZER, 8).program
    )
    made = [tensor.name for tensor in program.tensors if tensor.role is Role.GRADIENT_NORM]
    assert made == ["batch_norm1.gradient_norm"]
    (shared,) = (tensor.index for tensor in program.tensors if tensor.role is Role.GRADIENT_NORM)
    readers = {operation.layer for operation in program.operations if shared in operation.inputs}
    assert readers == {"batch_norm1", "batch_norm2"}


@pytest.mark.parametrize("name", ["bf16", "fp8", "int8 stochastic"])
def test_one_draw_and_one_scale_serve_both_products(root, rng, draw_state, name):
    """Every step, asked anew or repeated, computes one copy; its scale is remembered under one name."""
    hwconfig, settings, _ = MACHINES[name]
    recipe = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml", settings).recipe()
    network, scales = Network([parse_layer(layer) for layer in LAYERS + ENDS], (6, 6, 2), 3), ScaleState()
    parameters = network.trace(recipe, OPTIMIZER, 8).parameters
    machine = Datapath(recipe, draw_state(parameters), seed=1, scales=scales, check=True)
    machine.context.observation = Observation()
    images, labels = rng.normal(size=(8, 6, 6, 2)).astype(np.float32), rng.integers(0, 3, size=8).astype(np.uint16)
    for step in range(4):
        machine.begin_step(step, training=True, learning_rate=0.05)
        network.train_step(machine, OPTIMIZER, images, labels, 8)
    gradients = {"conv2d1.gradient_weight_path", "conv2d2.gradient_data_path", "linear1.gradient_data_path"}
    assert {name for name in machine.context.observation.found if name.endswith("_path")} == gradients
    assert {name for name in scales.history if name.endswith("_path")} == (set() if name == "bf16" else gradients)
