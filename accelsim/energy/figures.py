"""Energy per event of one hwconfig: its own overrides first, then the source of its costs."""

from __future__ import annotations

from accelsim.formats import Format
from accelsim.hardware import HardwareConfig, Memory


def multiply_pj(hw: HardwareConfig, format_: Format) -> float:
    """Energy of one multiplication."""
    override = hw.energy.multiply_pj.get(format_.name)
    return hw.costs().bounded("multiply_pj", format_, hw.energy.bound) if override is None else override


def add_pj(hw: HardwareConfig, format_: Format) -> float:
    """Energy of one addition or comparison."""
    override = hw.energy.add_pj.get(format_.name)
    return hw.costs().bounded("add_pj", format_, hw.energy.bound) if override is None else override


def mac_pj(hw: HardwareConfig, accumulator: Format) -> float:
    """Energy of one multiply-accumulate in one pass of the MAC array."""
    if hw.energy.mac_pj is not None:
        return hw.energy.mac_pj
    return multiply_pj(hw, hw.mac_array.operand_format) + add_pj(hw, accumulator)


def sram_pj_per_byte(hw: HardwareConfig, memory: Memory, *, write: bool) -> float:
    """Energy of one byte read from or written to an on-chip memory: that of a memory of one bank's capacity."""
    if hw.energy.sram_pj_per_byte is not None:
        return hw.energy.sram_pj_per_byte
    return hw.costs().sram_pj_per_byte(
        memory.bank_bytes, write=write, bound=hw.energy.bound, word_bits=memory.word_bits
    )
