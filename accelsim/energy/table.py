"""The per-operation table of a simulated step."""

from __future__ import annotations

from accelsim.energy.breakdown import EnergyBreakdown
from accelsim.energy.model import EnergyModel
from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program
from accelsim.timing import OperationTiming, Timeline, passes


def layer_rows(program: Program, timeline: Timeline, hw: HardwareConfig) -> list[dict[str, object]]:
    """One tidy row per operation, in issue order; ``passes`` is 0 outside the MAC array."""
    pairs, energy = zip(program.operations, timeline.operations, strict=True), EnergyModel(program, hw)
    return [
        {
            **_work(program, operation, timing, hw),
            **_bytes(timing),
            **_energy(energy.energy(operation, timing), links=hw.cluster is not None),
        }
        for operation, timing in pairs
    ]


def _work(program: Program, operation: Operation, timing: OperationTiming, hw: HardwareConfig) -> dict[str, object]:
    return {
        "layer": operation.layer,
        "phase": str(operation.phase),
        "part": operation.part,
        "operation": operation.opcode,
        "unit": str(operation.unit),
        "index": operation.index,
        **_cycles(timing),
        "macs": operation.macs,
        "passes": passes(program, operation, hw.mac_array),
    }


def _cycles(timing: OperationTiming) -> dict[str, object]:
    return {
        "start_cycle": timing.start_cycle,
        "end_cycle": timing.end_cycle,
        "compute_cycles": timing.compute_cycles,
        "stall_cycles": timing.stall_cycles,
        "wait_cycles": timing.wait_cycles,
    }


def _bytes(timing: OperationTiming) -> dict[str, object]:
    return {
        "dram_read_bytes": timing.dram_read_bytes,
        "dram_write_bytes": timing.dram_write_bytes,
        "dram_bytes": timing.dram_read_bytes + timing.dram_write_bytes,
        "sram_bytes": timing.sram.read_bytes + timing.sram.write_bytes,
    }


def _energy(energy: EnergyBreakdown, *, links: bool) -> dict[str, object]:
    return {
        "energy_pj": energy.total_pj,
        "energy_mac_pj": energy.mac_pj,
        "energy_lane_pj": energy.lane_pj,
        "energy_sram_pj": energy.sram_pj,
        "energy_dram_pj": energy.dram_pj,
        "energy_random_pj": energy.random_pj,
        **({"energy_link_pj": energy.link_pj} if links else {}),
    }
