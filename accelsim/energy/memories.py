"""What accesses of each on-chip memory cost, and how much of a step's energy each takes."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.energy.figures import sram_pj_per_byte
from accelsim.hardware import HardwareConfig, Memory
from accelsim.timing import Access, SramTraffic, Timeline


@dataclass(frozen=True)
class MemoryCost:
    """Energy of a byte to and from a memory."""

    name: str
    memory: Memory
    read_pj_per_byte: float
    write_pj_per_byte: float

    @classmethod
    def of(cls, hw: HardwareConfig, name: str, memory: Memory) -> MemoryCost:
        """The cost of ``memory`` on ``hw``."""
        read, write = (sram_pj_per_byte(hw, memory, write=write) for write in (False, True))
        return cls(name, memory, read, write)

    def energy_pj(self, access: Access) -> float:
        """Energy of these bytes."""
        return access.read_bytes * self.read_pj_per_byte + access.write_bytes * self.write_pj_per_byte


def memory_costs(hw: HardwareConfig) -> tuple[MemoryCost, ...]:
    """Of the operand buffers, then of the levels from DRAM inwards: the order of ``SramTraffic.all``."""
    buffers = hw.buffers
    named: list[tuple[str, Memory]] = [(name, getattr(buffers, name)) for name in ("input", "weight", "output")]
    named += [(level.name, level) for level in buffers.levels]
    return tuple(MemoryCost.of(hw, name, memory) for name, memory in named)


def memory_rows(timeline: Timeline, hw: HardwareConfig) -> list[dict[str, object]]:
    """One row per memory: its bytes in a step, what a byte costs, and its energy and share of that of all of them."""
    traffic = sum((timing.sram for timing in timeline.operations), SramTraffic())
    costs = memory_costs(hw)
    accesses = [*traffic.all, *[Access()] * (len(costs) - len(traffic.all))]
    energies = [cost.energy_pj(access) for cost, access in zip(costs, accesses, strict=True)]
    whole_pj = sum(energies)
    return [
        {
            "memory": cost.name,
            "capacity_bytes": cost.memory.capacity_bytes,
            "banks": cost.memory.banks,
            "word_bits": cost.memory.word_bits,
            "read_bytes": access.read_bytes,
            "write_bytes": access.write_bytes,
            "read_pj_per_byte": cost.read_pj_per_byte,
            "write_pj_per_byte": cost.write_pj_per_byte,
            "energy_pj": energy,
            "energy_share": energy / whole_pj if whole_pj else 0.0,
        }
        for cost, access, energy in zip(costs, accesses, energies, strict=True)
    ]
