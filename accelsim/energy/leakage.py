"""Leakage of a chip, where the source of its costs has figures."""

from __future__ import annotations

from accelsim.energy.area import arithmetic_units
from accelsim.hardware import HardwareConfig


def leakage_mw(hw: HardwareConfig) -> float | None:
    """Of all multipliers, adders, buffers and levels that the source has figures of; None where it has none."""
    costs = hw.costs()
    units = ((unit.places, costs.leakage_mw(unit.multiplier, unit.adder)) for unit in arithmetic_units(hw).values())
    memories = (
        (memory.banks, costs.sram_leakage_mw(memory.bank_bytes, memory.word_bits)) for memory in hw.buffers.memories
    )
    found = [count * leakage for count, leakage in (*units, *memories) if leakage is not None]
    return sum(found) if found else None
