"""The table of phases against their roofs, and of the whole step."""

from __future__ import annotations

from typing import Any

import pandas as pd

from accelsim.hardware import HardwareConfig
from accelsim.program import Program
from accelsim.reports.schema import ROOFLINE, WHOLE_STEP
from accelsim.timing import Timeline
from accelsim.timing.analysis.roofline import Roof, phase_roofs, step_roof


def roofline_table(program: Program, timeline: Timeline, hw: HardwareConfig) -> pd.DataFrame:
    """One row for each phase that takes time, then one for the whole step; empty where nothing takes any.

    ``cycles``: those in which an operation of the phase runs or fetches. ``limit_operations_per_cycle``: what the
    phase's busiest unit at its peak allows, or its operations for each DRAM byte x bandwidth; ``bound``: which of the
    two is less, ``unit`` or ``dram``. ``share_of_limit``: attained rate over that limit.
    """
    rows = [_row(str(phase), roof) for phase, roof in phase_roofs(program, timeline, hw).items()]
    if rows:
        rows.append(_row(WHOLE_STEP, step_roof(program, timeline, hw)))
    return pd.DataFrame(rows, columns=ROOFLINE)


def _row(phase: str, roof: Roof) -> dict[str, Any]:
    return {
        "phase": phase,
        "macs": roof.macs,
        "arithmetic_operations": roof.operations,
        "dram_bytes": roof.dram_bytes,
        "cycles": roof.cycles,
        "operations_per_dram_byte": roof.intensity,
        "operations_per_cycle": roof.attained,
        "limit_operations_per_cycle": roof.limit,
        "share_of_limit": roof.share,
        "bound": "dram" if roof.bound_by_dram else "unit",
    }
