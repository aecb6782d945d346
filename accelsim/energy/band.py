"""How far the energy of a step may lie off, and what stands by: beside the nominal figure, never in it."""

from __future__ import annotations

from accelsim.energy.dram import dram_static_mw
from accelsim.energy.leakage import leakage_mw
from accelsim.energy.model import step_energy
from accelsim.hardware import HardwareConfig
from accelsim.hardware.technology import Bound
from accelsim.program import Program
from accelsim.timing import Timeline


def energy_band(program: Program, timeline: Timeline, hw: HardwareConfig) -> dict[str, float]:
    """The step's energy with every table at the low and at the high end of its sources, in pJ.

    Overrides of the hwconfig stay as they are.
    """
    return {
        "energy_low_pj": step_energy(program, timeline, hw.at_bound(Bound.LOW)).total_pj,
        "energy_high_pj": step_energy(program, timeline, hw.at_bound(Bound.HIGH)).total_pj,
    }


def static_energy_pj(hw: HardwareConfig, seconds: float) -> float | None:
    """Static power over ``seconds``: the chip's and DRAM's standby; None where neither is known.

    The chip's is the hwconfig's figure, or the leakage that the source of its costs has.
    """
    dram_mw, chip_mw = dram_static_mw(hw), hw.energy.static_power_mw
    if chip_mw is None:
        chip_mw = leakage_mw(hw)
    return None if dram_mw is None and chip_mw is None else ((dram_mw or 0.0) + (chip_mw or 0.0)) * seconds * 1e9
