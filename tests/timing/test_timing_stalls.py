"""What stalls and waits are blamed on."""

import pytest

from accelsim.errors import UserError
from accelsim.formats import Role, integer
from accelsim.hardware import load_hwconfig
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import simulate


def test_causes_add_up_on_shipped_accelerators(case):
    timeline = simulate(*case)
    assert any(timing.stall_cycles for timing in timeline.operations)
    for timing in timeline.operations:
        assert timing.stalls.total == timing.stall_cycles
        assert all(cycles >= 0 for cycles in timing.stalls.by_cause.values())


def test_dram_without_rows_blames_none(case, plain_dram):
    program, hw = case
    for timing in simulate(program, plain_dram(hw, 8)).operations:
        stalls = timing.stalls
        assert stalls.dram_row_cycles == stalls.dram_turnaround_cycles == stalls.refresh_cycles == 0
        assert stalls.dram_latency_cycles == 0


def lanes(count):
    """Equal element-wise operations in a row."""
    tensors = [TensorSpec(i, f"t{i}", (100_000,), integer(8), Role.INTERNAL, persistent=True) for i in range(count + 1)]
    work = Work(100_000, 0, 1, integer(8))
    operations = [
        Operation(i, "relu", Unit.VECTOR, "l", Phase.FORWARD, (i,), (i + 1,), work=work) for i in range(count)
    ]
    return Program(tensors, operations)


def test_slow_ports_are_blamed(load, edit, plain_dram):
    hw = edit(plain_dram(load("int8_range_bn"), 1000), "buffers.input", bytes_per_cycle=1)
    (timing,) = simulate(lanes(1), hw).operations
    assert timing.compute_cycles == -(-100_000 // hw.vector_unit.lanes)
    assert timing.stalls.buffer_port_cycles == 100_000 - timing.compute_cycles


def test_slow_dram_is_blamed(load, plain_dram):
    (timing,) = simulate(lanes(1), plain_dram(load("int8_range_bn"), 1)).operations
    stalls = timing.stalls
    parts = stalls.first_tile_cycles, stalls.operands_cycles, stalls.output_buffer_cycles, stalls.last_tile_cycles
    assert all(parts)
    assert sum(parts) == timing.stall_cycles
    assert (timing.lead_in_cycles, timing.lead_out_cycles) == (parts[0], parts[-1])


def test_work_lies_between_lead_in_and_lead_out(case):
    for timing in simulate(*case).operations:
        assert timing.lead_in_cycles >= timing.stalls.first_tile_cycles
        assert timing.lead_out_cycles >= timing.stalls.last_tile_cycles
        assert timing.lead_in_cycles + timing.lead_out_cycles <= timing.stall_cycles


def test_waits_are_for_the_unit_or_for_dependencies(load, edit):
    """A product, a free one that waits for the only array, and one that waits for a vector operation."""
    tensors = [TensorSpec(i, f"t{i}", (64, 64), integer(8), Role.INTERNAL) for i in range(7)]
    gemms, work = (Gemm(64, 64, 64),), Work(64 * 64 * 100, 0, 1, integer(8))
    program = Program(
        tensors,
        [
            Operation(0, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (2,), gemms),
            Operation(1, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (3,), gemms),
            Operation(2, "relu", Unit.VECTOR, "l", Phase.FORWARD, (2,), (4,), work=work),
            Operation(3, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (4, 1), (5,), gemms),
        ],
    )
    first, second, vector, last = simulate(program, edit(load("int8_range_bn"), "mac_array", count=1)).operations
    assert (second.wait_cycles, second.dependency_cycles) == (first.end_cycle, 0)
    assert (last.wait_cycles, last.dependency_cycles) == (0, vector.end_cycle - second.end_cycle)
    assert vector.dependency_cycles == first.end_cycle


def test_prefetch_hides_the_first_tile(load, edit, plain_dram):
    """Two independent products on one array: the second one's first tile comes beneath the first one's last."""
    tensors = [TensorSpec(i, f"t{i}", (256, 256), integer(8), Role.INTERNAL, persistent=True) for i in range(4)]
    gemms = (Gemm(256, 256, 256),)
    program = Program(
        tensors,
        [Operation(i, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (i + 2,), gemms) for i in range(2)],
    )
    plain = edit(plain_dram(load("int8_range_bn"), 64, 20), "mac_array", count=1)
    found = [simulate(program, edit(plain, "mac_array", prefetch=prefetch)) for prefetch in (False, True)]
    (_, late), (_, early) = (timeline.operations for timeline in found)
    assert late.stalls.first_tile_cycles > 0
    assert early.stalls.first_tile_cycles == 0
    assert found[1].total_cycles < found[0].total_cycles


def test_prefetch_needs_double_buffers(root):
    settings = ["mac_array.prefetch=true", "buffers.input.double_buffered=false"]
    with pytest.raises(UserError, match=r"mac_array\.prefetch.*: found True, .* not double-buffered"):
        load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", settings)


def test_dram_that_serves_others_is_blamed(load, edit, plain_dram):
    """Two equal operations on units of their own: the one issued later waits for each transfer of the other."""
    tensors = [TensorSpec(i, f"t{i}", (100_000,), integer(8), Role.INTERNAL, persistent=True) for i in range(4)]
    work = Work(100_000, 0, 1, integer(8))
    operations = [
        Operation(0, "relu", Unit.VECTOR, "l", Phase.FORWARD, (0,), (1,), work=work),
        Operation(1, "relu", Unit.NORM, "l", Phase.FORWARD, (2,), (3,), work=work),
    ]
    hw = plain_dram(load("int8_range_bn"), 1)
    hw = edit(edit(hw, "vector_unit", lanes=64), "norm_unit", lanes=64)
    first, second = (timing.stalls for timing in simulate(Program(tensors, operations), hw).operations)
    (alone,) = (timing.stalls for timing in simulate(Program(tensors[:2], operations[:1]), hw).operations)
    assert alone.dram_busy_cycles == 0
    assert first.dram_busy_cycles < second.dram_busy_cycles
    # All that the channel moved for the other one, but what came after this one's last transfer.
    assert 0.9 * alone.total < second.dram_busy_cycles <= 200_000
