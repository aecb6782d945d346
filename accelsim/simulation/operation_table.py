"""The table of operations: when each ran, what the step hangs on, and how near it came to its roof."""

from __future__ import annotations

from typing import Any

import pandas as pd

from accelsim.energy import EnergyModel
from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program
from accelsim.timing import OperationTiming, Timeline
from accelsim.timing.analysis.critical_path import CriticalPath
from accelsim.timing.analysis.cycle_counts import cycle_counts
from accelsim.timing.analysis.instances import assign_instances
from accelsim.timing.analysis.roofline import Roof, operation_roofs
from accelsim.timing.analysis.weight_products import WeightProducts


def operation_table(
    program: Program, timeline: Timeline, hw: HardwareConfig, path: CriticalPath, products: WeightProducts
) -> pd.DataFrame:
    """One row per operation, in issue order.

    Cycles are all that the timing tells apart, ``stall_<cause>_cycles`` among them. ``unit_number``: which of several
    equal units it ran on, from 1; 0 for one that takes no time. ``path_cycles``: of the critical path, 0 off it;
    ``critical``: 1 without slack. ``beside_serial_path_cycles``: of weight-gradient products.
    ``arithmetic_operations``: two for a multiply-accumulate.
    """
    places = assign_instances(program, timeline)
    on_path, energy = path.cycles_by_operation, EnergyModel(program, hw)
    rows = []
    for operation, roof in zip(program.operations, operation_roofs(program, timeline, hw), strict=True):
        index, place = operation.index, places[operation.index]
        timing = timeline.operations[index]
        hangs_on = {
            "slack_cycles": path.slack_cycles[index],
            "critical": int(path.is_critical(index)),
            "path_cycles": on_path.get(index, 0),
            "beside_serial_path_cycles": products.beside_cycles.get(index, 0),
        }
        number = 0 if place is None else place + 1
        named = {**_name(operation), "unit_number": number}
        pj = energy.energy(operation, timing).total_pj
        rows.append({**named, **_timing(timing), **hangs_on, **_bytes(timing), **_roof(roof), "energy_pj": pj})
    return pd.DataFrame(rows)


def _name(operation: Operation) -> dict[str, Any]:
    return {
        "index": operation.index,
        "layer": operation.layer,
        "phase": str(operation.phase),
        "part": operation.part,
        "operation": operation.opcode,
        "unit": str(operation.unit),
    }


def _timing(timing: OperationTiming) -> dict[str, Any]:
    return {
        "start_cycle": timing.start_cycle,
        "end_cycle": timing.end_cycle,
        **cycle_counts(timing),
    }


def _bytes(timing: OperationTiming) -> dict[str, Any]:
    return {
        "dram_read_bytes": timing.dram_read_bytes,
        "dram_write_bytes": timing.dram_write_bytes,
        "sram_read_bytes": timing.sram.read_bytes,
        "sram_write_bytes": timing.sram.write_bytes,
    }


def _roof(roof: Roof) -> dict[str, Any]:
    return {
        "arithmetic_operations": roof.operations,
        "operations_per_dram_byte": roof.intensity,
        "operations_per_cycle": roof.attained,
        "limit_operations_per_cycle": roof.limit,
        "share_of_limit": roof.share,
    }
