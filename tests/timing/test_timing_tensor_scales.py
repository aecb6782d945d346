"""A scale of the whole tensor over those of blocks: two passes where the current tensor decides it, else one."""

from __future__ import annotations

import pytest

from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.timing import simulate

OPERANDS = ("activation", "layer_gradient_data_path", "layer_gradient_weight_path")
MACHINES = {
    "nvfp4": [],
    "delayed": [f"numerics.{role}.scale=delayed" for role in OPERANDS],
    "mxfp4": [f"numerics.{role}.format=mxfp4" for role in OPERANDS],
}
CONV = {"conv2d": {"filters": 32, "kernel": 3, "bias": False}}
LAYERS = [CONV, "batch_norm", "relu", CONV, "flatten", {"linear": {"units": 10}}]
SET_FORMAT = [f"numerics.{role}.format=nvfp4" for role in OPERANDS]


@pytest.fixture(scope="module")
def timed(root):
    """(program, timeline) of a step on the machines of ``MACHINES``, which differ in activations and gradients."""
    network, found = Network([parse_layer(layer) for layer in LAYERS], (8, 8, 16), 10), {}
    for name, settings in MACHINES.items():
        hw = load_hwconfig(root / "hwconfigs" / "nvfp4.yaml", [*SET_FORMAT, *settings])
        program = network.trace(hw.recipe(), Sgd(learning_rate=0.1), 32).program
        found[name] = program, simulate(program, hw)
    return found


def test_only_scales_known_ahead_drain_in_one_pass(timed):
    conversions = {
        name: [
            op for op in program.operations if program.tensors[op.outputs[0]].role in OPERANDS and op.unit == "quantise"
        ]
        for name, (program, _) in timed.items()
    }
    passes = {name: {op.attributes["one_pass"] for op in found} for name, found in conversions.items()}
    assert passes == {"nvfp4": {False}, "delayed": {True}, "mxfp4": {True}}
    opcodes = [[op.opcode for op in program.operations] for program, _ in timed.values()]
    assert opcodes[0] == opcodes[1] == opcodes[2]


def test_the_second_pass_takes_cycles(timed):
    cycles = {name: timeline.total_cycles for name, (_, timeline) in timed.items()}
    in_flight = {name: timeline.residency.in_flight for name, (_, timeline) in timed.items()}
    assert cycles["nvfp4"] > cycles["delayed"]
    assert cycles["nvfp4"] > cycles["mxfp4"]
    assert in_flight["nvfp4"] < in_flight["delayed"] == in_flight["mxfp4"]


def test_scales_of_half_as_many_elements_take_room(timed):
    """Where runs are long enough; a block that is short has one scale, whatever its format would hold."""
    operands = {name: [t for t in program.tensors if t.role in OPERANDS] for name, (program, _) in timed.items()}
    whole, short = (
        {name: sum(t.bytes for t in tensors if fits(t.along.run_in(t.shape))) for name, tensors in operands.items()}
        for fits in (lambda run: run % 32 == 0, lambda run: run <= 16)
    )
    assert whole["nvfp4"] == whole["delayed"]
    assert whole["nvfp4"] / whole["mxfp4"] == pytest.approx(4.5 / 4.25, rel=1e-3)
    assert short["nvfp4"] == short["mxfp4"] > 0
