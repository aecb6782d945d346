"""Arithmetic area by unit: a multiplier and an adder for each MAC and each lane.

Buffers, registers, control and wires are left out (see ``ASSUMPTIONS``), so the figures compare the
arithmetic of machines, not whole chips.
"""

from __future__ import annotations

from accelsim.formats import FP32, Format, Role, format_by_name, integer
from accelsim.hardware import HardwareConfig

LANE_INTEGER = integer(32)
"""What a lane computes in where the numerics are integer."""


def area_um2(hw: HardwareConfig) -> dict[str, float]:
    """Area in um2 by unit name.

    A MAC multiplies in the array's operand format and adds in the forward accumulator's. Vector and norm
    lanes are int32, or fp32 where the numerics are; quantise lanes int32; update lanes take the format of
    the master weights.
    """
    lane = LANE_INTEGER if hw.mac_array.operand_format.is_integer else FP32
    accumulator = format_by_name(hw.mac_array.accumulators.forward)
    master = hw.recipe()[Role.MASTER_WEIGHT].format
    areas = {
        "mac_array": hw.mac_array.places * _pair_um2(hw, hw.mac_array.operand_format, accumulator),
        "vector": hw.vector_unit.lanes * _pair_um2(hw, lane, lane),
        "norm": hw.norm_unit.lanes * _pair_um2(hw, lane, lane),
        "update": hw.update_unit.lanes * _pair_um2(hw, master, master),
    }
    if hw.quantise_unit is not None:
        areas["quantise"] = hw.quantise_unit.lanes * _pair_um2(hw, LANE_INTEGER, LANE_INTEGER)
    return areas


def buffer_area_um2(hw: HardwareConfig) -> float:
    """Area of the operand buffers and levels: of each, all its banks as memories of their own."""
    technology = hw.loaded_technology()
    return 1e6 * sum(memory.banks * technology.sram_mm2(memory.bank_bytes) for memory in hw.buffers.memories)


def _pair_um2(hw: HardwareConfig, multiplier: Format, adder: Format) -> float:
    technology = hw.loaded_technology()
    return technology.figure("multiply_um2", multiplier) + technology.figure("add_um2", adder)
