"""Where tensors live."""

import pytest

from accelsim.formats import Role, integer
from accelsim.program import Operation, Phase, Program, TensorSpec, Unit
from accelsim.timing import place_tensors
from accelsim.timing.placement.residency import budget_bytes


def program(sizes, operations, persistent=()):
    tensors = [
        TensorSpec(i, f"t{i}", (size,), integer(8), Role.INTERNAL, i in persistent) for i, size in enumerate(sizes)
    ]
    made = [
        Operation(i, "add", Unit.VECTOR, "layer", Phase.FORWARD, inputs, outputs)
        for i, (inputs, outputs) in enumerate(operations)
    ]
    return Program(tensors, made)


@pytest.fixture
def small(load, edit):
    """100 bytes are left for resident tensors."""
    hw = edit(load("int8_range_bn"), "buffers.input", capacity_bytes=100)
    return edit(hw, "buffers.output", capacity_bytes=100)


def test_resident_share_and_tiles_split_each_buffer(small, edit):
    assert budget_bytes(small.buffers) == 100
    shared = edit(small, "buffers.output", resident_share=0.2).buffers
    assert budget_bytes(shared) == 70
    assert shared.output.resident_bytes + 2 * shared.output.tile_bytes == 100
    alone = edit(small, "buffers.output", resident_share=0.2, double_buffered=False).buffers.output
    assert alone.tile_bytes == 80


def test_where_space_runs_out_the_tensor_needed_last_is_given_up(small):
    steps = [((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), ()), ((1,), ())]
    found = place_tensors(program([10, 60, 40, 50], steps), small)
    assert [found.where(i) for i in range(4)] == ["dram", "dram", "on_chip", "on_chip"]


def test_a_chain_that_fits_stays_on_chip(small):
    chain = program([10, 50, 50, 50], [((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), ())])
    found = place_tensors(chain, small)
    assert [found.where(i) for i in range(4)] == ["dram", "on_chip", "on_chip", "on_chip"]


def test_parameters_and_unread_results_live_in_dram(small):
    found = place_tensors(program([10, 10, 10], [((0,), (1, 2))], persistent={1}), small)
    assert not found.on_chip


def test_resident_bytes_stay_within_the_budget(case):
    traced, hw = case
    found = place_tensors(traced, hw)
    last = {i: op.index for op in traced.operations for i in op.inputs}
    made = {i: op.index for op in traced.operations for i in op.outputs}
    for operation in traced.operations:
        alive = [i for i in found.on_chip if made[i] <= operation.index <= last[i]]
        assert sum(traced.tensors[i].bytes for i in alive) <= budget_bytes(hw.buffers)


def moved_bytes(traced, residency):
    """What tensors in DRAM cost: written once, read by each user."""
    touched = ({*op.inputs, *op.outputs} for op in traced.operations)
    return sum(traced.tensors[i].bytes for each in touched for i in each if residency.where(i) == "dram")


@pytest.mark.parametrize("workload", ["digits_cnn", "cifar10_resnet20", "gpt2_small"])
def test_on_shipped_networks_more_room_never_moves_more(trace, load, edit, workload):
    """The rule doesn't promise it for every program."""
    traced, hw = trace("int8_range_bn", workload), load("int8_range_bn")
    moved = []
    for eighths in range(8, 81, 3):
        capacity = hw.buffers.input.capacity_bytes * 2 ** (eighths / 8) / 4
        moved.append(
            moved_bytes(traced, place_tensors(traced, edit(hw, "buffers.input", capacity_bytes=int(capacity))))
        )
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > moved[-1]
