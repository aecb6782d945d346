"""Energy of a timed Program, and arithmetic area of a hwconfig."""

from accelsim.energy.area import area_um2, buffer_area_um2
from accelsim.energy.assumptions import ASSUMPTIONS
from accelsim.energy.band import energy_band, static_energy_pj
from accelsim.energy.breakdown import EnergyBreakdown
from accelsim.energy.dram import dram_figures
from accelsim.energy.estimates import estimates
from accelsim.energy.leakage import leakage_mw
from accelsim.energy.memories import memory_costs, memory_rows
from accelsim.energy.model import EnergyModel, operation_energy, step_energy
from accelsim.energy.table import layer_rows
from accelsim.energy.traffic import traffic_rows

__all__ = [
    "ASSUMPTIONS",
    "EnergyBreakdown",
    "EnergyModel",
    "area_um2",
    "buffer_area_um2",
    "dram_figures",
    "energy_band",
    "estimates",
    "layer_rows",
    "leakage_mw",
    "memory_costs",
    "memory_rows",
    "operation_energy",
    "static_energy_pj",
    "step_energy",
    "traffic_rows",
]
