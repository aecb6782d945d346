"""hwconfig: several machines of this kind that train together, and the links between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.formats import Exchange, Granularity, IntegerFormat, TensorRule
from accelsim.hardware.memory import Bytes
from accelsim.hardware.role_format import Entry, rule_of
from accelsim.yamlfile import Fault, FileModel, quantity, refuse

ALLOWED = "int2 to int16, a floating-point format, or one of shared-exponent blocks"


class Cluster(FileModel):
    """Machines of this kind that share a batch and sum their gradients (data parallelism, docs/cluster.md)."""

    machines: Annotated[int, Field(ge=1, le=65536)]
    """How many; 1 is a machine that trains alone."""
    topology: Literal["ring", "switch", "fully_connected"] = "ring"
    """ring: each machine sends to the next one, in as many rounds as it takes. switch: each has a link to a switch that
    is never full. fully_connected: each has a link to every other one."""
    link_bytes_per_s: Annotated[float, quantity("byte/second"), Field(ge=1e3, le=1e16)]
    """Of one link in one direction; both directions at once."""
    link_latency_ns: Annotated[float, quantity("ns"), Field(ge=0, le=1e9)] = 500.0
    """From one machine to another, for each round of messages: links, switches, and what starts a message."""
    link_pj_per_bit: Annotated[float, Field(ge=0, le=1e9)] = 10.0
    """Energy of a bit from one machine to another. The default is that of a link on a board, as recalled from Arunkumar
    et al. (ISCA 2017)."""
    gradient: Entry | None = None
    """Format of gradients as they are sent, and of their sum as it comes back; left out, gradients are sent as the
    backward pass leaves them, and the sum comes back as numerics.weight_gradient."""
    partial_sums: Literal["wide", "rounded"] = "wide"
    """Ring only, with gradient: whether sums on their way round the ring have the vector unit's internal format (int32
    or fp32), or are rounded to that of gradient by every machine, which moves fewer bytes and rounds more often."""
    bucket_bytes: Bytes = 1 << 20
    """Gradients travel together up to so many bytes, which saves latency, and wait for the last one among them."""

    @model_validator(mode="after")
    def _sendable(self) -> Cluster:
        refuse("cluster", [*self._format_faults(), *self._sum_faults()])
        return self

    def _format_faults(self) -> Iterator[Fault]:
        if self.gradient is None:
            return
        found = self.gradient.number_format
        integers = isinstance(found, IntegerFormat) and found.signed and found.bits <= 16
        if not (integers or found.family in ("float", "block")):
            yield Fault(("gradient",), f"found {found}; allowed: {ALLOWED}")
        if self.gradient.affine:
            yield Fault(("gradient", "affine"), "found true, but gradients have no zero point; leave it out")
        if self.gradient.granularity is not Granularity.PER_TENSOR:
            text = f"found {str(self.gradient.granularity)!r}; allowed: per_tensor"
            yield Fault(("gradient", "granularity"), text)

    def _sum_faults(self) -> Iterator[Fault]:
        if self.partial_sums == "rounded" and self.gradient is None:
            yield Fault(("partial_sums",), "found 'rounded', but there is no gradient to round like; leave it out")
        if self.partial_sums == "rounded" and self.topology != "ring":
            text = f"found 'rounded', but in topology {self.topology} no partial sum travels; leave it out"
            yield Fault(("partial_sums",), text)

    @property
    def rule(self) -> TensorRule | None:
        """Of gradients as they are sent; None where they go as they are."""
        return None if self.gradient is None else rule_of(self.gradient)

    def exchange(self) -> Exchange | None:
        """As the recipe holds it."""
        if self.machines == 1:
            return None
        return Exchange(self.machines, self.bucket_bytes, self.partial_sums == "rounded")
