"""Energy of DRAM: what a byte costs, what of it the chips draw, and what stands by.

One family of figures decides the total: the published energy of a streamed bit. The chips' IDD currents, where the
standard has them, only say how it splits up, what a random pattern adds to it, and the static power.
"""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.errors import InternalError
from accelsim.hardware import DramStandard, HardwareConfig
from accelsim.hardware.technology import Bound


@dataclass(frozen=True)
class DramSplit:
    """Where DRAM energy goes, in pJ; the parts add up to what the bytes cost."""

    activate_pj: float
    """Opening and closing rows."""
    read_pj: float
    """Reading open rows."""
    write_pj: float
    """Writing open rows."""
    io_pj: float
    """What is left of the published figure: pins, termination and controller."""

    @property
    def total_pj(self) -> float:
        return self.activate_pj + self.read_pj + self.write_pj + self.io_pj


def dram_pj_per_byte(hw: HardwareConfig) -> float:
    """Energy of one byte to or from DRAM: the hwconfig's own figure, or the standard's at ``energy.bound``.

    Where the standard has the chips' currents, activations beyond those of a stream through its own rows are added (and
    those that longer rows save taken off): of a random pattern, or of rows that the hwconfig makes shorter, each at the
    cost of one of the standard's. A figure of the hwconfig's own stands for all of them.
    """
    dram, row = hw.dram, hw.dram.row
    if dram.energy_pj_per_bit is not None:
        return 8 * dram.energy_pj_per_bit
    if row is None:
        raise InternalError("a dram section of model bandwidth without energy_pj_per_bit")
    extra = _activate_pj_per_bit(hw, row) - _shared_pj_per_bit(row, row.organisation.row_bytes)
    return 8 * (row.energy.pj_per_bit * row.energy.factor(hw.energy.bound) + extra)


def dram_split(hw: HardwareConfig, read_bytes: int, write_bytes: int) -> DramSplit | None:
    """Where the energy of these bytes goes; None where the standard has no currents or the hwconfig its own figure."""
    row = hw.dram.row
    if row is None or row.core is None or hw.dram.energy_pj_per_bit is not None:
        return None
    total = (read_bytes + write_bytes) * dram_pj_per_byte(hw)
    activate = 8 * (read_bytes + write_bytes) * _activate_pj_per_bit(hw, row)
    read, write = 8 * read_bytes * row.core.read_pj_per_bit, 8 * write_bytes * row.core.write_pj_per_bit
    return DramSplit(activate, read, write, total - activate - read - write)


def dram_static_mw(hw: HardwareConfig) -> float | None:
    """Power of standby and refresh of all channels; None where neither the hwconfig nor the standard says."""
    if hw.dram.static_mw is not None:
        return hw.dram.static_mw
    row = hw.dram.row
    if row is None or row.core is None:
        return None
    return (hw.dram.channels or row.channels) * (row.core.background_mw + row.core.refresh_mw)


def dram_figures(hw: HardwareConfig, read_bytes: int, write_bytes: int, seconds: float) -> dict[str, float | None]:
    """Figures of a step: the ends of the band, the split, and standby; None where there is no source."""
    moved = read_bytes + write_bytes
    split, static_mw = dram_split(hw, read_bytes, write_bytes), dram_static_mw(hw)
    return {
        "energy_dram_low_pj": moved * dram_pj_per_byte(hw.at_bound(Bound.LOW)),
        "energy_dram_high_pj": moved * dram_pj_per_byte(hw.at_bound(Bound.HIGH)),
        "energy_dram_activate_pj": split.activate_pj if split else None,
        "energy_dram_read_pj": split.read_pj if split else None,
        "energy_dram_write_pj": split.write_pj if split else None,
        "energy_dram_io_pj": split.io_pj if split else None,
        "energy_dram_static_pj": None if static_mw is None else static_mw * seconds * 1e9,
    }


def _activate_pj_per_bit(hw: HardwareConfig, row: DramStandard) -> float:
    """An activation shared by the bits of a row, or of one burst where the pattern is random."""
    organisation, _ = hw.dram.laid_over(row)
    stream = hw.dram.pattern == "streaming"
    return _shared_pj_per_bit(row, organisation.row_bytes if stream else organisation.burst_bytes)


def _shared_pj_per_bit(row: DramStandard, size_bytes: int) -> float:
    """An activation shared by so many bytes; 0 where the standard has no currents."""
    return 0.0 if row.core is None else 1000 * row.core.activate_nj / (8 * size_bytes)
