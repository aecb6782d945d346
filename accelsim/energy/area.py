"""Arithmetic area by unit: a multiplier and an adder for each MAC and each lane.

Buffers, registers, control and wires are left out (see ``ASSUMPTIONS``), so the figures compare the
arithmetic of machines, not whole chips.
"""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.formats import FP32, Format, Role, format_by_name, integer
from accelsim.hardware import HardwareConfig

LANE_INTEGER = integer(32)
"""What a lane computes in where the numerics are integer."""


@dataclass(frozen=True)
class ArithmeticUnit:
    """``places`` pairs of a multiplier and an adder, by the formats that they compute in."""

    places: int
    multiplier: Format
    adder: Format


def arithmetic_units(hw: HardwareConfig) -> dict[str, ArithmeticUnit]:
    """What multiplies and adds, by unit name.

    A MAC multiplies in the array's operand format and adds in that of the three accumulators whose adder is the
    largest, as one adder serves them all. Vector and norm lanes are int32, or fp32 where the numerics are; quantise
    lanes int32; update lanes take the format of the master weights.
    """
    lane = LANE_INTEGER if hw.mac_array.operand_format.is_integer else FP32
    accumulators = map(format_by_name, hw.mac_array.accumulators.model_dump().values())
    adder = max(accumulators, key=lambda format_: hw.costs().figure("add_um2", format_))
    master = hw.recipe()[Role.MASTER_WEIGHT].format
    units = {
        "mac_array": ArithmeticUnit(hw.mac_array.places, hw.mac_array.operand_format, adder),
        "vector": ArithmeticUnit(hw.vector_unit.lanes, lane, lane),
        "norm": ArithmeticUnit(hw.norm_unit.lanes, lane, lane),
        "update": ArithmeticUnit(hw.update_unit.lanes, master, master),
    }
    if hw.quantise_unit is not None:
        units["quantise"] = ArithmeticUnit(hw.quantise_unit.lanes, LANE_INTEGER, LANE_INTEGER)
    return units


def area_um2(hw: HardwareConfig) -> dict[str, float]:
    """Area in um2 by unit name."""
    return {name: unit.places * _pair_um2(hw, unit) for name, unit in arithmetic_units(hw).items()}


def buffer_area_um2(hw: HardwareConfig) -> float:
    """Area of the operand buffers and levels: of each, all its banks as memories of their own."""
    costs = hw.costs()
    return 1e6 * sum(
        memory.banks * costs.sram_mm2(memory.bank_bytes, memory.word_bits) for memory in hw.buffers.memories
    )


def _pair_um2(hw: HardwareConfig, unit: ArithmeticUnit) -> float:
    costs = hw.costs()
    return costs.figure("multiply_um2", unit.multiplier) + costs.figure("add_um2", unit.adder)
