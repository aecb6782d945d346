"""Products of a convolution's groups: one entry of the Program, timed as that many products."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accelsim.formats import Role, format_by_name
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit
from accelsim.timing import Residency
from accelsim.timing.planned_step import PlannedStep
from accelsim.timing.planner import Planner

IN_DRAM = Residency(frozenset())
GROUPS = 6


def plan(hw, gemm, formats=("int8", "int8", "int32")):
    """The plan of a forward convolution with all operands in DRAM."""
    elements = [gemm.count * size for size in (gemm.m * gemm.k, gemm.k * gemm.n, gemm.m * gemm.n)]
    tensors = [
        TensorSpec(i, f"t{i}", (size,), format_by_name(name), Role.INTERNAL)
        for i, (size, name) in enumerate(zip(elements, formats, strict=True))
    ]
    operation = Operation(0, "conv2d", Unit.MAC_ARRAY, "layer", Phase.FORWARD, (0, 1), (2,), (gemm,))
    program = Program(tensors, [operation])
    return program, Planner(program, hw, IN_DRAM).plan(operation)


@pytest.mark.parametrize("hwconfig", ["int8_range_bn", "tpu_v1", "fp32"])
@pytest.mark.parametrize("gemm", [Gemm(3136, 9, 1), Gemm(200, 288, 48)])
def test_groups_are_as_many_products(load, hwconfig, gemm):
    hw = load(hwconfig)
    (one, alone), (every, together) = plan(hw, gemm), plan(hw, replace(gemm, count=GROUPS))
    assert together.compute_cycles == GROUPS * alone.compute_cycles
    assert list(together.steps) == GROUPS * list(alone.steps)
    assert together.sram == alone.sram.repeated(GROUPS)
    assert every.macs == GROUPS * one.macs == sum(choice.gemm.macs for choice in together.tiles)
    reads = [sum(side) for side in zip(*(choice.dram_read_bytes for choice in together.tiles), strict=True)]
    assert reads == [GROUPS * side for side in alone.tiles[0].dram_read_bytes]
    assert sum(reads) == together.dram_read_bytes


def test_bytes_that_do_not_divide_go_to_the_last_group(load):
    """Nine weights of four bits are four bytes and a half; 27 take 14."""
    program, found = plan(load("int8_range_bn"), Gemm(50, 9, 1, count=3), ("int4", "int4", "int32"))
    assert found.dram_read_bytes == program.tensors[0].bytes + program.tensors[1].bytes == 675 + 14
    assert found.dram_write_bytes == program.tensors[2].bytes


def test_a_depthwise_layer_stays_small(load):
    """960 groups, as MobileNetV2 has: one product in the Program, and no step of its own for each in the schedule."""
    hw = load("int8_range_bn")
    layers = [
        {"conv2d": {"filters": 960, "kernel": 1}},
        {"conv2d": {"filters": 960, "kernel": 3, "stride": 2, "padding": 1, "groups": 960}},
        "global_average_pool",
        {"linear": {"units": 10}},
    ]
    network = Network([parse_layer(layer) for layer in layers], (14, 14, 3), 10)
    program = network.trace(hw.recipe(), Sgd(learning_rate=0.1), 16).program
    depthwise = [operation for operation in program.operations if "groups" in operation.attributes]
    assert [len(operation.gemms) for operation in depthwise] == [1, 4, 1]
    assert [operation.macs for operation in depthwise] == [16 * 7 * 7 * 9 * 960] * 3
    step = PlannedStep(program, hw)
    timeline = step.simulate()
    assert step.simulate(skip=False, like=timeline).operations == timeline.operations
    assert Program.from_json(program.to_json()) == program
