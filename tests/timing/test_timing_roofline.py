"""No operation and no phase beats its roof."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import DramModel, passes, simulate
from accelsim.timing.analysis.roofline import operation_roofs, phase_roofs, step_roof
from accelsim.timing.mapping.lane_plan import lane_unit

ROUNDING = 1e-9


def peak(program, operation, hw):
    """Operations per cycle of one unit."""
    if operation.unit is Unit.MAC_ARRAY:
        return 2 * hw.mac_array.rows * hw.mac_array.columns / passes(program, operation, hw.mac_array)
    return lane_unit(operation.unit, hw).lanes * (operation.work.multiplies + operation.work.adds)


def check(program, hw):
    timeline = simulate(program, hw)
    bandwidth = DramModel.of(hw).bytes_per_cycle
    for operation, roof in zip(program.operations, operation_roofs(program, timeline, hw), strict=True):
        timing = timeline.operations[operation.index]
        if timing.start_cycle == timing.end_cycle:
            assert math.isnan(roof.attained)
            continue
        highest = peak(program, operation, hw)
        assert roof.limit == pytest.approx(min(highest, roof.intensity * bandwidth))
        assert roof.attained * (timing.end_cycle - timing.fetch_cycle) == pytest.approx(roof.operations)
        assert 0 < roof.share <= 1 + ROUNDING
        assert roof.share == pytest.approx(roof.attained / roof.limit)
    phases = phase_roofs(program, timeline, hw)
    assert set(phases) <= {operation.phase for operation in program.operations}
    for roof in phases.values():
        assert 0 < roof.share <= 1 + ROUNDING
    step = step_roof(program, timeline, hw)
    assert step.share <= 1 + ROUNDING
    assert step.cycles <= timeline.total_cycles
    assert step.dram_bytes == timeline.dram_bytes == sum(roof.dram_bytes for roof in phases.values())
    assert step.macs == program.macs == sum(roof.macs for roof in phases.values())
    assert step.operations == pytest.approx(sum(roof.operations for roof in phases.values()))
    return timeline


def test_shipped_accelerators(case):
    check(*case)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), arrays=st.integers(1, 3), resident=st.sampled_from([0.0, 0.5]))
def test_any_program(data, graphs, load, edit, arrays, resident):
    hw = edit(load("int8_range_bn"), "mac_array", count=arrays)
    check(data.draw(graphs), edit(hw, "buffers.output", resident_share=resident))


@settings(max_examples=30, deadline=None)
@given(data=st.data(), arrays=st.integers(1, 2), bytes_per_cycle=st.sampled_from([1, 8, 64, 1000]))
def test_any_program_that_prefetches(data, graphs, load, edit, plain_dram, arrays, bytes_per_cycle):
    """Bytes that come before their unit is free count with the time in which they come."""
    hw = edit(plain_dram(load("int8_range_bn"), bytes_per_cycle, 20), "mac_array", count=arrays, prefetch=True)
    timeline = check(data.draw(graphs), hw)
    assert all(0 <= timing.fetch_cycle <= timing.start_cycle for timing in timeline.operations)


def test_what_is_fetched_ahead_counts_with_its_time(load, edit, plain_dram):
    """Two products of one tile each, bound by DRAM: the second one's bytes come while the first one works."""
    tensors = [TensorSpec(i, f"t{i}", (64, 64), integer(8), Role.INTERNAL, persistent=True) for i in range(4)]
    gemms = (Gemm(64, 64, 64),)
    operations = [Operation(i, "matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD, (0, 1), (i + 2,), gemms) for i in (0, 1)]
    hw, program = (
        edit(plain_dram(load("int8_range_bn"), 8), "mac_array", count=1, prefetch=True),
        Program(tensors, operations),
    )
    timeline = simulate(program, hw)
    second, roof = timeline.operations[1], operation_roofs(program, timeline, hw)[1]
    assert second.prefetch_cycles > 0
    assert roof.cycles == second.end_cycle - second.start_cycle + second.prefetch_cycles
    assert roof.bound_by_dram
    assert roof.share == pytest.approx(3 * 64**2 / 8 / roof.cycles)


def one_operation(unit, gemms=(), work=None):
    tensors = [TensorSpec(i, f"t{i}", (64, 64), integer(8), Role.INTERNAL) for i in range(3)]
    return Program(tensors, [Operation(0, "op", unit, "layer", Phase.FORWARD, (0, 1), (2,), gemms, work)])


def test_a_product_counts_two_operations_a_mac_and_all_its_bytes(load):
    hw, program = load("int8_range_bn"), one_operation(Unit.MAC_ARRAY, gemms=(Gemm(64, 64, 64),))
    (roof,) = operation_roofs(program, simulate(program, hw), hw)
    assert roof.operations == 2 * 64**3
    assert roof.dram_bytes == 3 * 64**2
    assert roof.intensity == pytest.approx(2 * 64 / 3)


def test_lanes_count_multiplications_and_additions(load):
    hw, program = load("int8_range_bn"), one_operation(Unit.VECTOR, work=Work(64 * 64, 2, 1, integer(8)))
    (roof,) = operation_roofs(program, simulate(program, hw), hw)
    assert roof.operations == 3 * 64**2
    assert roof.arithmetic_cycles == 64**2 / hw.vector_unit.lanes


def test_work_that_touches_no_dram_is_bound_by_its_unit(trace, load):
    program, hw = trace("int8_range_bn"), load("int8_range_bn")
    roofs = operation_roofs(program, simulate(program, hw), hw)
    resident = [roof for roof in roofs if roof.cycles and not roof.dram_bytes]
    assert resident
    assert all(math.isinf(roof.intensity) and math.isfinite(roof.limit) for roof in resident)
    drained = [roof for roof in roofs if not roof.cycles]
    assert drained
    assert all(math.isnan(roof.intensity) for roof in drained)
