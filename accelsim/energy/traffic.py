"""Energy of DRAM transfers by phase and class of tensor."""

from __future__ import annotations

from accelsim.energy.dram import dram_pj_per_byte
from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.timing import Timeline
from accelsim.timing.analysis.dram_traffic import traffic_by_class


def traffic_rows(program: Program, timeline: Timeline, hw: HardwareConfig) -> list[dict[str, object]]:
    """One row per phase and class of tensor that moves in it, with bytes read and written and their energy."""
    pj_per_byte = dram_pj_per_byte(hw)
    return [
        {
            "phase": str(phase),
            "class": str(kind),
            "read_bytes": access.read_bytes,
            "write_bytes": access.write_bytes,
            "energy_pj": access.bytes * pj_per_byte,
        }
        for (phase, kind), access in traffic_by_class(program, timeline, hw).items()
    ]
