"""Where tensors live."""

import pytest

from accelsim.formats import Role, integer
from accelsim.program import Operation, Phase, Program, TensorSpec, Unit
from accelsim.timing import place_tensors
from accelsim.timing.residency import budget_bytes


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


def test_budget_is_what_active_tiles_leave(small, edit):
    assert budget_bytes(small.buffers) == 100
    assert budget_bytes(edit(small, "buffers.output", double_buffered=False).buffers) == 50


def test_what_fits_stays_until_its_last_use(small):
    chain = program([10, 60, 60, 60], [((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((3,), ())])
    found = place_tensors(chain, small)
    assert [found.where(i) for i in range(4)] == ["dram", "on_chip", "dram", "on_chip"]


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
