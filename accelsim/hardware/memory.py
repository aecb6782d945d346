"""hwconfig: on-chip buffers."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from accelsim.yamlfile import FileModel, quantity

Bytes = Annotated[int, quantity("byte", whole=True), Field(ge=1, le=1 << 40)]


class Buffer(FileModel):
    """One on-chip SRAM."""

    capacity_bytes: Bytes
    """Size, in bytes or as a quantity such as 256 KiB."""
    bytes_per_cycle: Annotated[int, Field(ge=1, le=1 << 20)]
    """Port width toward the compute units, in bytes per cycle."""
    double_buffered: bool = True
    """Half of it is filled while the other half is used; then a tile has half of the capacity."""

    resident_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share that keeps tensors on chip from one operation to a later one; the rest holds the tiles at work."""

    @property
    def resident_bytes(self) -> int:
        """Bytes for tensors that stay on chip between operations."""
        return int(self.capacity_bytes * self.resident_share)

    @property
    def tile_bytes(self) -> int:
        """Bytes that one tile may take."""
        return (self.capacity_bytes - self.resident_bytes) // (2 if self.double_buffered else 1)

    @property
    def tile_rule(self) -> str:
        """For messages: what part of the capacity a tile gets."""
        return "the share that is not resident" + (", halved by double buffering" if self.double_buffered else "")

    def capacity_for(self, tile_bytes: int) -> int:
        """Smallest capacity, in bytes, whose tiles can be ``tile_bytes`` large."""
        at_work = tile_bytes * (2 if self.double_buffered else 1)
        capacity = math.ceil(at_work / (1 - self.resident_share))
        return capacity if capacity - int(capacity * self.resident_share) >= at_work else capacity + 1


class Buffers(FileModel):
    """The three operand buffers of the accelerator."""

    input: Buffer
    """Left operand of a product (activations, gradients); also what vector, norm and quantise units read."""
    weight: Buffer
    """Right operand of a product."""
    output: Buffer
    """Accumulators and results on their way out."""
