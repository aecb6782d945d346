"""What a DRAM transfer costs: closed forms over the timing of a standard, without any state.

For one channel, with ``s = tRFC / tREFI``, the share of time that refresh takes:

- burst gap ``g = max(BL / data rate, tCCD_S, tCCD_L / bank groups)``: a stream rotates over bank groups, so tCCD_L only
  binds one burst in ``bank groups``. Kept in one group, ``g = max(BL / data rate, tCCD_L)``;
- activation gap ``a = max(tRRD_S, tFAW / 4, t32AW / 32, tRC / banks)``: the fastest that rows can be opened, each bank
  waiting its tRC. Kept in one group: ``max(tRRD_L, tFAW / 4, t32AW / 32, tRC / banks of a group)``;
- ``bus = bursts x g``;
- ``row = max(0, activations x a - bus)``: rows of other banks open and close behind the data of earlier ones, and only
  what doesn't fit there is left. A stream opens a row every ``row bytes`` (and at least one in each bank group that it
  touches), so nothing is left of a long one; a random pattern opens a row a burst;
- ``refresh = (bus + row) x s / (1 - s)``: a mean that doesn't depend on when the transfer starts, so that a simulator
  may skip a steady state;
- ``turnaround``: to a write, ``tRTW + tCWL - tCL - BL / data rate``; to a read, ``tWTR_S + tCL``. The bus stands idle
  so long where data changes direction. A controller that collects writes before it turns pays less;
- latency to the first data: ``tCL`` where the row is open, ``tRCD + tCL`` where none is, ``tRP + tRCD + tCL`` where
  another one is, plus ``s x tRFC / 2``, the mean wait for a refresh that is under way.

Times are exact fractions of a clock cycle until the end. Sums are rounded up, each from the start of the transfer, so
that the parts are whole and add up to the transfer's own time rounded up: never more than one cycle too much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from accelsim.errors import InternalError
from accelsim.hardware import Dram, DramTiming, HardwareConfig
from accelsim.hardware.dram_standards import DramOrganisation, DramStandard


@dataclass(frozen=True)
class TransferCost:
    """Clock cycles of one transfer, after its latency; of several channels, those of the busiest one."""

    bus_cycles: int
    """Data on the bus."""
    row_cycles: int
    """Rows opening and closing that other banks' data doesn't hide."""
    refresh_cycles: int
    """Mean share of refresh."""
    turnaround_cycles: int
    """Turning the bus round first; only paid where the transfer before went the other way."""

    @property
    def stream_cycles(self) -> int:
        """All but turnaround: after a transfer in the same direction."""
        return self.bus_cycles + self.row_cycles + self.refresh_cycles

    @property
    def total_cycles(self) -> int:
        """All: after a transfer in the other direction."""
        return self.stream_cycles + self.turnaround_cycles


@dataclass(frozen=True)
class DramModel:
    """One hwconfig's DRAM in clock cycles of the accelerator."""

    channels: int
    """Channels that a transfer is striped over."""
    interleave_bytes: int
    """Bytes to one channel before the next."""
    burst_bytes: int
    """Bytes of one burst of one channel."""
    row_bytes: int
    """Bytes that one activation serves; those of a burst where the pattern is random."""
    groups: int
    """Bank groups that a stream rotates over."""
    burst_gap_cycles: Fraction
    """Burst to burst of one channel."""
    activate_gap_cycles: Fraction
    """Activation to activation of one channel."""
    refresh_share: Fraction
    """Share of time that refresh takes."""
    latency_cycles: int
    """From a request to its first data."""
    to_read_cycles: int
    """Idle bus between a write and a read."""
    to_write_cycles: int
    """Idle bus between a read and a write."""

    @classmethod
    def of(cls, hw: HardwareConfig) -> DramModel:
        """The model of a hwconfig's DRAM."""
        row = hw.dram.row
        per_ns = exact(hw.clock_mhz) / 1000
        return _bandwidth_model(hw.dram, per_ns) if row is None else _standard_model(hw.dram, row, per_ns)

    @cached_property
    def bytes_per_cycle(self) -> float:
        """What a long transfer reaches over all channels, turnaround aside."""
        return float(self.exact_bytes_per_cycle)

    @cached_property
    def exact_bytes_per_cycle(self) -> Fraction:
        """The same, exactly."""
        per_burst = max(self.burst_gap_cycles, self.activate_gap_cycles * self.burst_bytes / self.row_bytes)
        return self.channels * self.burst_bytes * (1 - self.refresh_share) / per_burst

    def cost(self, size_bytes: int, write: bool) -> TransferCost:
        """Cycles of moving ``size_bytes``, which start at the first channel and at a row's beginning.

        Raises:
            ValueError: ``size_bytes`` is negative.
        """
        if size_bytes < 0:
            raise ValueError(f"a transfer of {size_bytes} bytes")
        share = self._busiest_share(size_bytes)
        bursts = -(-share // self.burst_bytes)
        activations = max(-(-share // self.row_bytes), min(self.groups, bursts))
        bus = bursts * self.burst_gap_cycles
        rows = max(bus, activations * self.activate_gap_cycles)
        ends = [math.ceil(end) for end in (bus, rows, rows / (1 - self.refresh_share))]
        turnaround = self.to_write_cycles if write else self.to_read_cycles
        return TransferCost(ends[0], ends[1] - ends[0], ends[2] - ends[1], turnaround if size_bytes else 0)

    def least_cycles(self, size_bytes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """``stream_cycles`` of many transfers, each never more than these, and less only where rounding says so."""
        rounds, rest = np.divmod(size_bytes, self.channels * self.interleave_bytes)
        share = rounds * self.interleave_bytes + np.minimum(rest, self.interleave_bytes)
        bursts = np.ceil(share / self.burst_bytes)
        activations = np.maximum(np.ceil(share / self.row_bytes), np.minimum(bursts, self.groups))
        rows = np.maximum(bursts * float(self.burst_gap_cycles), activations * float(self.activate_gap_cycles))
        return whole_cycles(rows / float(1 - self.refresh_share))

    def _busiest_share(self, size_bytes: int) -> int:
        """Bytes of the channel that gets the most."""
        rounds, rest = divmod(size_bytes, self.channels * self.interleave_bytes)
        return rounds * self.interleave_bytes + min(rest, self.interleave_bytes)


def _bandwidth_model(dram: Dram, per_ns: Fraction) -> DramModel:
    """One channel whose bursts are single bytes, and which knows neither rows nor refresh nor turnaround."""
    if dram.bandwidth_bytes_per_s is None:
        raise InternalError("a dram section of model bandwidth without bandwidth_bytes_per_s")
    bytes_per_ns = exact(dram.bandwidth_bytes_per_s) * exact(dram.efficiency) / 10**9
    latency = math.ceil(exact(dram.latency_ns or 0) * per_ns)
    return DramModel(1, 1, 1, 1, 1, per_ns / bytes_per_ns, Fraction(0), Fraction(0), latency, 0, 0)


def _standard_model(dram: Dram, row: DramStandard, per_ns: Fraction) -> DramModel:
    organisation, timing = dram.laid_over(row)
    spread = dram.bank_group_interleave
    burst_ns = Fraction(1000 * organisation.burst_length, organisation.data_rate_mtps)
    to_write_ns = exact(timing.tRTW_ns) + exact(timing.tCWL_ns) - exact(timing.tCL_ns) - burst_ns
    to_read_ns = exact(timing.tWTR_S_ns) + exact(timing.tCL_ns)
    return DramModel(
        channels=dram.channels or row.channels,
        interleave_bytes=dram.interleave_bytes,
        burst_bytes=organisation.burst_bytes,
        row_bytes=organisation.row_bytes if dram.pattern == "streaming" else organisation.burst_bytes,
        groups=organisation.bank_groups if spread else 1,
        burst_gap_cycles=max(burst_ns, _column_gap_ns(timing, organisation, spread)) * per_ns,
        activate_gap_cycles=_activate_gap_ns(timing, organisation, spread) * per_ns,
        refresh_share=exact(timing.tRFC_ns) / exact(timing.tREFI_ns),
        latency_cycles=math.ceil(_latency_ns(dram, timing) * per_ns),
        to_read_cycles=math.ceil(to_read_ns * per_ns),
        to_write_cycles=max(0, math.ceil(to_write_ns * per_ns)),
    )


def _column_gap_ns(timing: DramTiming, organisation: DramOrganisation, spread: bool) -> Fraction:
    same_group = exact(timing.tCCD_L_ns)
    return max(exact(timing.tCCD_S_ns), same_group / organisation.bank_groups) if spread else same_group


def _activate_gap_ns(timing: DramTiming, organisation: DramOrganisation, spread: bool) -> Fraction:
    banks = organisation.banks if spread else organisation.banks_per_group
    return max(
        exact(timing.tRRD_S_ns if spread else timing.tRRD_L_ns),
        exact(timing.tFAW_ns) / 4,
        exact(timing.t32AW_ns) / 32,
        exact(timing.tRC_ns) / banks,
    )


def _latency_ns(dram: Dram, timing: DramTiming) -> Fraction:
    if dram.latency_ns is not None:
        return exact(dram.latency_ns)
    steps = {"hit": (), "closed": (timing.tRCD_ns,), "conflict": (timing.tRP_ns, timing.tRCD_ns)}[dram.first_row]
    refresh = exact(timing.tRFC_ns)
    return sum(map(exact, steps), exact(timing.tCL_ns)) + refresh * refresh / exact(timing.tREFI_ns) / 2


def whole_cycles(cycles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rounded up, unless what is over may come of adding floats."""
    return np.asarray(np.ceil(cycles * (1 - 1e-12)))


def exact(figure: float) -> Fraction:
    """The decimal that a figure was written as."""
    return Fraction(str(figure))
