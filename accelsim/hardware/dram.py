"""hwconfig: off-chip memory, as a standard by name or as plain bandwidth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from accelsim.errors import nearest
from accelsim.hardware.dram_standards import (
    Count,
    DramOrganisation,
    DramStandard,
    DramTiming,
    Nanoseconds,
    dram_standards,
)
from accelsim.hardware.memory import Bytes
from accelsim.yamlfile import Fault, FileModel, quantity, refuse


def _field_of(model: type[BaseModel]) -> BeforeValidator:
    """Refuse a key that is no field of ``model``."""

    def check(found: Any) -> Any:
        names = list(model.model_fields)
        if found not in names:
            text = "unknown field {found}{hint}; allowed: {allowed}"
            values = {"found": repr(found), "hint": nearest(str(found), names), "allowed": ", ".join(names)}
            raise PydanticCustomError("value_error", text, values)
        return found

    return BeforeValidator(check)


TimingName = Annotated[str, _field_of(DramTiming)]
OrganisationName = Annotated[str, _field_of(DramOrganisation)]


class Dram(FileModel):
    """Off-chip memory. ``standard`` alone is enough; what else a standard says can be replaced figure by figure."""

    standard: str = ""
    """A standard that ships, for instance DDR4-2400; with model bandwidth, a label for the reader."""
    model: Literal["standard", "bandwidth"] = "standard"
    """standard: banks, rows, turnaround and refresh of a named standard; bandwidth: a bandwidth and a latency alone."""
    channels: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Channels that share the traffic; if left out, those of one DIMM, package or stack of the standard."""
    interleave_bytes: Bytes = 256
    """Bytes that go to one channel before the next one takes over."""
    pattern: Literal["streaming", "random"] = "streaming"
    """streaming: bursts follow each other through rows; random: every burst opens a row of its own."""
    bank_group_interleave: bool = True
    """Bursts rotate over bank groups, so that they follow at tCCD_S; false keeps them in one group, at tCCD_L."""
    first_row: Literal["hit", "closed", "conflict"] = "closed"
    """What the first burst of a stream finds: its row open (hit), no row open, or another row that closes first."""
    organisation: dict[OrganisationName, Count] = Field(default_factory=dict)
    """Figures of a channel in place of the standard's, for instance row_bytes."""
    timing: dict[TimingName, Nanoseconds] = Field(default_factory=dict)
    """Timing in place of the standard's, for instance tRP_ns."""
    bandwidth_bytes_per_s: Annotated[float, quantity("byte/second"), Field(ge=1e3, le=1e16)] | None = None
    """Model bandwidth only: peak bandwidth, as a quantity such as 19.2 GB/s."""
    efficiency: Annotated[float, Field(ge=0.001, le=1)] = 1.0
    """Model bandwidth only: share of the peak that a stream reaches (refresh, turnaround)."""
    latency_ns: Nanoseconds | None = None
    """From a request to its first data; if left out, what the standard's timing says, or 0 with model bandwidth."""
    energy_pj_per_bit: Annotated[float, Field(ge=0, le=1e9)] | None = None
    """Energy of moving one bit, in place of the standard's; model bandwidth needs it."""
    static_mw: Annotated[float, quantity("mW"), Field(ge=0, le=1e9)] | None = None
    """Power of standby and refresh, all channels together, in place of the standard's."""

    @model_validator(mode="after")
    def _consistent(self) -> Dram:
        refuse("dram", [*(self._standard_faults() if self.model == "standard" else self._bandwidth_faults())])
        return self

    @property
    def row(self) -> DramStandard | None:
        """The table's row, as it stands there; None with model bandwidth."""
        return dram_standards()[self.standard] if self.model == "standard" else None

    @property
    def burst_bytes(self) -> int:
        """Bytes of one burst of one channel; 1 with model bandwidth, which has no bursts."""
        row = self.row
        return 1 if row is None else self._organisation(row).burst_bytes

    def laid_over(self, row: DramStandard) -> tuple[DramOrganisation, DramTiming]:
        """Organisation and timing of a channel: ``row``'s, with this file's figures in place of the ones it names."""
        return self._organisation(row), row.timing.model_copy(update=dict(self.timing))

    def _organisation(self, row: DramStandard) -> DramOrganisation:
        return row.organisation.model_copy(update=dict(self.organisation))

    def _standard_faults(self) -> Iterator[Fault]:
        names = list(dram_standards())
        for field in ("bandwidth_bytes_per_s", "efficiency"):
            found = getattr(self, field)
            if found != type(self).model_fields[field].default:
                yield Fault(
                    (field,), f"found {found!r}, but it belongs to 'model: bandwidth'; add that or leave it out"
                )
        if self.standard not in names:
            said = f"found {self.standard!r}" if self.standard else "missing"
            text = f"{said}; allowed: {', '.join(names)}, or any label with model 'bandwidth'"
            yield Fault(("standard",), text + nearest(self.standard, names))
        else:
            yield from self._figure_faults(*self.laid_over(dram_standards()[self.standard]))

    def _figure_faults(self, organisation: DramOrganisation, timing: DramTiming) -> Iterator[Fault]:
        burst = organisation.burst_bytes
        if organisation.channel_bits * organisation.burst_length % 8:
            yield Fault(("organisation",), "channel_bits x burst_length should be a multiple of 8")
        else:
            for field, size in (("interleave_bytes", self.interleave_bytes), ("row_bytes", organisation.row_bytes)):
                if size % burst:
                    text = f"{field} is {size}; allowed: a multiple of {burst}, the burst"
                    yield Fault(self._given(field, "burst_length", "channel_bits"), text)
        if timing.tRFC_ns >= timing.tREFI_ns:
            text = f"tRFC_ns is {timing.tRFC_ns:g}; allowed: less than tREFI_ns, which is {timing.tREFI_ns:g}"
            yield Fault(self._given("tRFC_ns", "tREFI_ns"), text)
        if "tCK_ns" in self.timing:
            text = "no result depends on it, as the other times are in ns; leave it out"
            yield Fault(("timing", "tCK_ns"), text)

    def _given(self, *fields: str) -> tuple[str, ...]:
        """Where the first of these fields that the file has stands; else the figures that must have caused a fault."""
        for field in fields:
            for section in ("organisation", "timing"):
                if field in getattr(self, section):
                    return section, field
            if field in self.model_fields_set:
                return (field,)
        return ("organisation",)

    def _bandwidth_faults(self) -> Iterator[Fault]:
        for field in ("bandwidth_bytes_per_s", "energy_pj_per_bit"):
            if getattr(self, field) is None:
                yield Fault((field,), "missing, and model is 'bandwidth', which needs it")
        belongs = ("channels", "interleave_bytes", "pattern", "bank_group_interleave", "first_row")
        for field in belongs:
            found = getattr(self, field)
            if found != type(self).model_fields[field].default:
                yield Fault((field,), f"found {found!r}, but it belongs to model 'standard'; leave it out")
        for field in ("organisation", "timing"):
            if getattr(self, field):
                yield Fault((field,), "it belongs to model 'standard'; leave it out")
