"""Transformers in time: what tables and slices move, products of heads, and whole workloads on accelerators."""

from __future__ import annotations

import math

import pytest

from accelsim.formats import Role, format_by_name
from accelsim.program import Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import simulate

HWCONFIGS = ("fp32", "int8_range_bn", "tpu_v1", "mxfp8")


def _lane(opcode, shapes, output):
    """A program of one vector operation on fp32 tensors in DRAM."""
    fp32 = format_by_name("fp32")
    tensors = [TensorSpec(i, f"t{i}", shape, fp32, Role.INTERNAL) for i, shape in enumerate([*shapes, output])]
    inputs = tuple(range(len(shapes)))
    work = Work(math.prod(output), 0, 0, fp32)
    return Program(
        tensors, [Operation(0, opcode, Unit.VECTOR, "layer", Phase.FORWARD, inputs, (len(shapes),), work=work)]
    )


@pytest.mark.parametrize(
    ("opcode", "shapes", "read"),
    [
        ("gather", [(50_000, 64), (2, 100)], 2 * 100 * 64 + 2 * 100),
        ("slice_tokens", [(2, 5000, 64)], 2 * 100 * 64),
        ("relu", [(50_000, 64)], 50_000 * 64),
    ],
)
def test_rows_and_tokens_that_are_not_wanted_are_not_read(load, opcode, shapes, read):
    timing = simulate(_lane(opcode, shapes, (2, 100, 64)), load("int8_range_bn")).operations[0]
    assert timing.dram_read_bytes == 4 * read
    assert timing.dram_write_bytes == 4 * 2 * 100 * 64


def test_the_gradient_of_a_table_is_written_whole(load):
    timing = simulate(_lane("scatter_add", [(2, 100, 64), (2, 100)], (5000, 64)), load("int8_range_bn")).operations[0]
    assert timing.dram_write_bytes == 4 * 5000 * 64


@pytest.mark.parametrize("hwconfig", HWCONFIGS)
def test_a_step_of_the_small_transformer(load, trace, hwconfig):
    program, hw = trace(hwconfig, "digits_vit"), load(hwconfig)
    timeline = simulate(program, hw)
    heads = [op for op in program.operations if op.opcode == "batched_matmul"]
    assert len(heads) == 2 * 6
    assert all(op.gemms[0].count == 32 * 4 for op in heads)
    for op in heads:
        timing = timeline.operations[op.index]
        assert timing.compute_cycles * hw.mac_array.rows * hw.mac_array.columns >= op.macs
        assert timing.dram_write_bytes <= program.outputs_of(op)[0].bytes


@pytest.mark.parametrize("workload", ["imagenet_vit_s16", pytest.param("gpt2_small", marks=pytest.mark.slow)])
@pytest.mark.parametrize("hwconfig", ["int8_range_bn", "tpu_v1"])
def test_a_step_of_a_large_transformer(load, trace, hwconfig, workload):
    program, hw = trace(hwconfig, workload), load(hwconfig)
    busy = simulate(program, hw).total_cycles * hw.mac_array.places
    assert program.macs < busy < 200 * program.macs
