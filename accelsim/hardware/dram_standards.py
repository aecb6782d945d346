"""The DRAM standards that ship with accelsim: what one channel is, and where its figures come from."""

# ruff: noqa: N815 - tRP_ns and its like are JEDEC's names

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import Field

from accelsim.hardware.technology import Sourced
from accelsim.yamlfile import FileModel, load_model, quantity

Nanoseconds = Annotated[float, quantity("ns"), Field(ge=0, le=1e9)]
Count = Annotated[int, Field(ge=1, le=1 << 20)]
Figure = Annotated[float, Field(ge=0, le=1e9)]


class DramOrganisation(FileModel):
    """Width, rate and banks of one channel."""

    channel_bits: Count
    """Data pins of a channel."""
    data_rate_mtps: Count
    """Transfers a pin makes in a microsecond (MT/s)."""
    burst_length: Count
    """Transfers of one burst."""
    bank_groups: Count
    """Bank groups of a channel; bursts to different ones may follow at tCCD_S."""
    banks_per_group: Count
    """Banks of a group."""
    row_bytes: Count
    """Bytes of one open row of a channel."""

    @property
    def burst_bytes(self) -> int:
        return self.channel_bits * self.burst_length // 8

    @property
    def banks(self) -> int:
        return self.bank_groups * self.banks_per_group


class DramTiming(FileModel):
    """Timing parameters of one channel, by JEDEC's names."""

    tCK_ns: Nanoseconds
    """Period of the command clock, for the reader: no result depends on it, and a hwconfig can't replace it."""
    tCL_ns: Nanoseconds
    """Read command to first data."""
    tCWL_ns: Nanoseconds
    """Write command to first data."""
    tRCD_ns: Nanoseconds
    """Activation of a row to a read of it."""
    tRP_ns: Nanoseconds
    """Precharge: closing a row."""
    tRC_ns: Nanoseconds
    """Activation to activation in one bank."""
    tRRD_S_ns: Nanoseconds
    """Activation to activation in different bank groups."""
    tRRD_L_ns: Nanoseconds
    """Activation to activation in one bank group."""
    tFAW_ns: Nanoseconds
    """Window that holds at most four activations."""
    t32AW_ns: Nanoseconds = 0.0
    """Window that holds at most 32 activations; 0 where the standard has none."""
    tCCD_S_ns: Nanoseconds
    """Burst to burst in different bank groups."""
    tCCD_L_ns: Nanoseconds
    """Burst to burst in one bank group."""
    tWTR_S_ns: Nanoseconds
    """Last data written to a read command, in different bank groups."""
    tRTW_ns: Nanoseconds
    """Read command to write command."""
    tRFC_ns: Nanoseconds
    """Refresh of all banks, during which the channel stands still."""
    tREFI_ns: Nanoseconds
    """Refresh to refresh."""


class DramEnergy(Sourced):
    """Published energy of moving one bit in a stream, everything included."""

    pj_per_bit: Figure
    """The figure that is used."""


class DramCore(FileModel):
    """What the chips of one channel draw by their IDD currents, without IO."""

    source: str
    """Where the currents come from."""
    activate_nj: Figure
    """Energy of opening and closing one row."""
    read_pj_per_bit: Figure
    """Energy of reading a bit of an open row."""
    write_pj_per_bit: Figure
    """Energy of writing a bit of an open row."""
    background_mw: Figure
    """Power of standing by with open rows."""
    refresh_mw: Figure
    """Mean power of refresh."""


class DramStandard(FileModel):
    """One row of the table."""

    name: str
    """For instance DDR4-2400: the standard and its MT/s."""
    source: str
    """Where organisation and timing come from."""
    channels: Count
    """Channels of one DIMM, package or stack."""
    organisation: DramOrganisation
    """Shape of a channel."""
    timing: DramTiming
    """Timing of a channel."""
    energy: DramEnergy
    """Energy of moving a bit."""
    core: DramCore | None = None
    """The chips alone; None where no currents are at hand."""


class _Table(FileModel):
    """The data file."""

    standards: list[DramStandard]
    """All rows."""


@cache
def dram_standards() -> dict[str, DramStandard]:
    """The shipped standards by name."""
    path = Path(str(resources.files("accelsim.hardware") / "dram_standards.yaml"))
    return {row.name: row for row in load_model(_Table, path).standards}
