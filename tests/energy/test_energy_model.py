"""Energy by component, from hand-computed figures."""

import pytest

from accelsim.energy import ASSUMPTIONS, EnergyBreakdown, operation_energy, step_energy
from accelsim.hardware import HardwareConfig
from accelsim.program import Unit
from accelsim.timing import Access, OperationTiming, SramTraffic


def timing(sram=SramTraffic(), read=0, written=0):  # noqa: B008 - frozen
    return OperationTiming(0, 0, 0, 0, 0, read, written, sram)


def overridden(hw, **figures):
    return HardwareConfig.model_validate({**hw.model_dump(), "energy": figures})


def find(program, opcode, layer):
    return next(op for op in program.operations if op.opcode == opcode and op.layer == layer)


def test_macs_cost_an_operand_multiply_and_an_accumulator_add(step):
    program, _, hw = step("int8_range_bn")
    operation = find(program, "conv2d", "conv2d2")
    expected = 2048 * 144 * 32 * (0.2 + 0.1)
    assert operation_energy(program, operation, timing(), hw).mac_pj == pytest.approx(expected)


def test_each_pass_costs(step):
    """int8 x int16 takes two passes and adds in 48 bits."""
    program, _, hw = step("int8_range_bn")
    operation = find(program, "conv2d_backward_weights", "conv2d2")
    add = hw.costs().figure("add_pj", program.outputs_of(operation)[0].format)
    assert add > 0.1
    expected = 2 * 32 * 2048 * 144 * (0.2 + add)
    assert operation_energy(program, operation, timing(), hw).mac_pj == pytest.approx(expected)


def test_floats_use_float_figures(step):
    program, _, hw = step("fp32")
    operation = find(program, "conv2d", "conv2d2")
    assert operation_energy(program, operation, timing(), hw).mac_pj == pytest.approx(2048 * 144 * 32 * 4.6)


def test_lanes_cost_their_multiplies_and_adds(step):
    program, _, hw = step("int8_range_bn")
    operation = find(program, "normalise", "batch_norm1")
    expected = 2048 * 16 * (3.1 + 2 * 0.1)
    energy = operation_energy(program, operation, timing(), hw)
    assert energy.lane_pj == pytest.approx(expected)
    assert energy.mac_pj == 0


def test_sram_bytes_cost_by_buffer_and_direction(step):
    program, _, hw = step("int8_range_bn")
    sram = SramTraffic(input=Access(800, 0), weight=Access(0, 80), output=Access(8, 8))
    expected = 100 * 44.716 + 10 * 26.065 + 44.716 + 38.495
    found = operation_energy(program, program.operations[0], timing(sram), hw).sram_pj
    assert found == pytest.approx(expected)


def test_dram_bits_cost(step):
    program, _, hw = step("int8_range_bn")
    found = operation_energy(program, program.operations[0], timing(read=3, written=4), hw).dram_pj
    assert found == pytest.approx(7 * 8 * 20.3)


def test_overrides_replace_the_technology(step):
    program, timeline, hw = step("int8_range_bn")
    own = overridden(hw, mac_pj=2.0, multiply_pj={"int32": 0.0}, add_pj={"int32": 1.0}, sram_pj_per_byte=5.0)
    conv, norm = find(program, "conv2d", "conv2d2"), find(program, "normalise", "batch_norm1")
    moved = timeline.operations[conv.index]
    energy = operation_energy(program, conv, moved, own)
    assert energy.mac_pj == 2.0 * conv.macs
    assert energy.sram_pj == pytest.approx(5.0 * (moved.sram_read_bytes + moved.sram_write_bytes))
    assert operation_energy(program, norm, timing(), own).lane_pj == 2048 * 16 * 2 * 1.0


def test_the_step_is_the_sum_of_its_operations(case):
    program, timeline, hw = case
    pairs = zip(program.operations, timeline.operations, strict=True)
    whole = step_energy(program, timeline, hw)
    assert whole.total_pj == pytest.approx(sum(operation_energy(program, op, t, hw).total_pj for op, t in pairs))
    assert min(whole.mac_pj, whole.lane_pj, whole.sram_pj, whole.dram_pj) > 0


def test_units_have_their_own_components(case):
    program, timeline, hw = case
    for operation, moved in zip(program.operations, timeline.operations, strict=True):
        energy = operation_energy(program, operation, moved, hw)
        assert (energy.mac_pj > 0) is (operation.unit is Unit.MAC_ARRAY)
        assert (energy.lane_pj > 0) is (operation.unit is not Unit.MAC_ARRAY)


def test_breakdowns_add():
    """Random bits are a part of what the lanes take."""
    one, ten = EnergyBreakdown(1, 2, 3, 4, 1, 6), EnergyBreakdown(10, 20, 30, 40, 5, 60)
    assert one + ten == EnergyBreakdown(11, 22, 33, 44, 6, 66)
    assert one.total_pj == 16


def test_assumptions_name_what_is_left_out():
    text = " ".join(ASSUMPTIONS).lower()
    for word in ("leakage", "clock", "control", "wires", "registers"):
        assert word in text
