"""Cycles, stalls and energy of each phase: one table for terminal, page and notebook."""

from __future__ import annotations

import pandas as pd

from accelsim.reports.figures.aggregate import by_phase, numbers, phase_title
from accelsim.reports.machines import ONE_MACHINE, is_cluster
from accelsim.reports.result import Result
from accelsim.reports.step_table import Grid, StepTable
from accelsim.reports.units import MISSING, human_bytes, human_count, human_energy, human_percent

PHASE_HEADER = ["Phase", "Compute cycles", "Stall cycles", "MACs", "DRAM traffic", "Energy", "Share of energy"]
PHASE_NOTE = "Units work side by side, so the cycles may add up to more than the step takes."
_COLUMNS = ["compute_cycles", "stall_cycles", "macs", "dram_bytes", "energy_pj"]


def phase_rows(result: Result) -> list[list[str]]:
    """Readable rows, one a phase, the last one their total; empty when no operation was timed."""
    if result.layers.empty:
        return []
    sums = by_phase(result.layers, _COLUMNS)
    energy_known = bool(pd.to_numeric(result.layers["energy_pj"]).notna().any())
    total = float(numbers(result.layers, "energy_pj").sum()) if energy_known else 0.0
    rows = [_row(phase_title(str(phase)), values, total) for phase, values in sums.iterrows()]
    return [*rows, _row("Total", sums.sum(), total)]


def _row(title: str, values: pd.Series[float], total_pj: float) -> list[str]:
    energy = float(values["energy_pj"])
    return [
        title,
        human_count(float(values["compute_cycles"])),
        human_count(float(values["stall_cycles"])),
        human_count(float(values["macs"])),
        human_bytes(float(values["dram_bytes"])),
        human_energy(energy) if total_pj else MISSING,
        human_percent(energy / total_pj) if total_pj else MISSING,
    ]


PHASES_OF_STEP = StepTable(
    "Phases of one training step",
    lambda result: PHASE_NOTE + (f" {ONE_MACHINE}" if is_cluster(result) else ""),
    lambda result: Grid(PHASE_HEADER, phase_rows(result), range(1, len(PHASE_HEADER))),
    total=True,
)
