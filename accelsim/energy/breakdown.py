"""Energy of a piece of work by component."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EnergyBreakdown:
    """Energy in pJ of the MAC array, the lanes of the other units, the on-chip buffers, DRAM and links.

    ``random_pj`` is that part of ``lane_pj`` which makes random bits.
    """

    mac_pj: float = 0.0
    lane_pj: float = 0.0
    sram_pj: float = 0.0
    dram_pj: float = 0.0
    random_pj: float = 0.0
    link_pj: float = 0.0

    @property
    def total_pj(self) -> float:
        return self.mac_pj + self.lane_pj + self.sram_pj + self.dram_pj + self.link_pj

    def __add__(self, other: EnergyBreakdown) -> EnergyBreakdown:
        return EnergyBreakdown(
            self.mac_pj + other.mac_pj,
            self.lane_pj + other.lane_pj,
            self.sram_pj + other.sram_pj,
            self.dram_pj + other.dram_pj,
            self.random_pj + other.random_pj,
            self.link_pj + other.link_pj,
        )
