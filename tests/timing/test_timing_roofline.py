"""No operation and no phase beats its roof."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import DramModel, passes, simulate
from accelsim.timing.analysis.roofline import operation_roofs, phase_roofs
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
        assert roof.attained * (timing.end_cycle - timing.start_cycle) == pytest.approx(roof.operations)
        assert 0 < roof.share <= 1 + ROUNDING
        assert roof.share == pytest.approx(roof.attained / roof.limit)
    phases = phase_roofs(program, timeline, hw)
    assert set(phases) <= {operation.phase for operation in program.operations}
    for roof in phases.values():
        assert 0 < roof.share <= 1 + ROUNDING
    assert sum(roof.dram_bytes for roof in phases.values()) == timeline.dram_bytes


def test_shipped_accelerators(case):
    check(*case)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), arrays=st.integers(1, 3), resident=st.sampled_from([0.0, 0.5]))
def test_any_program(data, graphs, load, edit, arrays, resident):
    hw = edit(load("int8_range_bn"), "mac_array", count=arrays)
    check(data.draw(graphs), edit(hw, "buffers.output", resident_share=resident))


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
